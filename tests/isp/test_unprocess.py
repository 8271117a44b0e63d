from pathlib import Path

import cv2
import numpy as np
import pytest
import rawpy
from skimage.metrics import peak_signal_noise_ratio

from isp.development.recipes import REFERENCE
from isp.development.renderer import develop
from isp.raw.capture import read_capture
from isp.raw.color import camera_to_srgb
from isp.raw.own_noise import own_noise
from isp.raw.sensor import open_sensor
from isp.tools.photographs import bundled, read_photograph
from isp.tools.unprocess import D7000, capture_settings, write_dng
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.images import fitted_size

PHOTOS = Path(__file__).parents[3] / "shared" / "photos"


def test_bundled_photographs_are_photographs():
    loaders = bundled()
    assert len(loaders) >= 15
    for name, load in loaders.items():
        photo = load()
        assert photo.dtype == np.uint8 and photo.shape[2] == 3 and min(photo.shape[:2]) >= 300, name
    coffee = loaders["coffee"]().mean(axis=(0, 1))
    assert coffee[0] > coffee[2]  # brown is more red than blue: RGB, not BGR


def test_what_is_no_picture_is_said_in_one_line(tmp_path):
    (tmp_path / "a.jpg").write_text("no")
    with pytest.raises(SeagullError, match="cannot be read"):
        read_photograph(tmp_path / "a.jpg")


@pytest.fixture
def astronaut(tmp_path):
    photo = bundled()["astronaut"]()
    path = tmp_path / "astronaut.dng"
    write_dng(photo, path, "astronaut")
    return photo, path


def test_libraw_takes_it_for_a_nikon_d7000(astronaut):
    _, path = astronaut
    told = capture_settings("astronaut", 0)
    with open_sensor(path, 150) as sensor:
        capture = read_capture(sensor)
        own = own_noise(sensor)
        assert sensor.white_balance.source == "camera"
        np.testing.assert_allclose(sensor.white_balance.gains, told.gains, rtol=1e-4)
        np.testing.assert_allclose(sensor.matrix, camera_to_srgb(None, D7000)[0], atol=5e-4)
    assert (capture.camera_make, capture.camera_model) == ("NIKON CORPORATION", "NIKON D7000")
    assert (capture.iso, capture.focal_length_mm) == (told.iso, told.focal_length)
    assert capture.shutter_s == pytest.approx(float(told.shutter), rel=1e-3)
    assert capture.aperture_f == pytest.approx(float(told.aperture))
    assert own == told.noise  # the file's NoiseProfile


def test_same_arguments_same_bytes_another_seed_others(astronaut, tmp_path):
    photo, path = astronaut
    write_dng(photo, tmp_path / "again.dng", "astronaut")
    write_dng(photo, tmp_path / "other.dng", "astronaut", seed=1)
    first = path.read_bytes()
    assert (tmp_path / "again.dng").read_bytes() == first
    assert (tmp_path / "other.dng").read_bytes() != first


def libraw_rendering(path, size):
    """LibRaw's own way to sRGB: AHD, its matrix and clipping; then the working size, by area."""
    with rawpy.imread(str(path)) as raw:
        linear = raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD, use_camera_wb=True, output_bps=16,
            no_auto_bright=True, adjust_maximum_thr=0.0, gamma=(1, 1), user_flip=0,
        )  # fmt: skip
    return encoded(
        cv2.resize(linear.astype(np.float64) / 65535, size, interpolation=cv2.INTER_AREA)
    )


def encoded(linear):
    from skimage.color import xyz2rgb  # an independent sRGB curve

    to_xyz = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169],
                       [0.019334, 0.119193, 0.950227]])  # fmt: skip
    return np.rint(255 * np.clip(xyz2rgb(linear @ to_xyz.T), 0, 1)).astype(np.uint8)


def at_working_size(photo, size):
    from skimage.color import rgb2xyz

    small = cv2.resize(rgb2xyz(photo), size, interpolation=cv2.INTER_AREA)
    from skimage.color import xyz2rgb

    return np.rint(255 * np.clip(xyz2rgb(small), 0, 1)).astype(np.uint8)


def psnr_ours_and_libraw(photo, path, long_edge):
    config = RenderConfig(long_edge=long_edge, tone="neutral", format="png", lens=False)
    write_dng(photo, path, path.stem)
    _, images = develop(path, "ab" * 32, [REFERENCE], config, 0)
    image = next(iter(images))
    ours = cv2.imdecode(np.frombuffer(image.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    height, width = (size // 2 * 2 for size in photo.shape[:2])
    size = fitted_size(width, height, long_edge)
    truth = at_working_size(photo[:height, :width], size)
    libraw = libraw_rendering(path, size)
    return peak_signal_noise_ratio(truth, ours), peak_signal_noise_ratio(truth, libraw)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "flower", "chelsea"])
def test_a_photograph_comes_back_from_raw_as_well_as_libraw_brings_it(name, tmp_path):
    ours, libraw = psnr_ours_and_libraw(bundled()[name](), tmp_path / f"{name}.dng", 512)
    assert ours >= libraw - 0.3 and ours > 27


@pytest.mark.parametrize("name", [p.stem for p in sorted(PHOTOS.glob("*.jpg"))] or ["none here"])
def test_shared_photographs_come_back_too(name, tmp_path):
    path = PHOTOS / f"{name}.jpg"
    if not path.exists():
        pytest.skip(f"{PHOTOS} is not here")
    ours, libraw = psnr_ours_and_libraw(read_photograph(path), tmp_path / f"{name}.dng", 1024)
    assert ours >= libraw - 0.3 and ours > 28
