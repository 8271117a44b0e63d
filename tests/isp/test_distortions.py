"""Each module against a closed form or a second library."""

import cv2
import numpy as np
import pytest
import scipy.ndimage

from isp.development.geometry import upright
from isp.distortions.blur import blur, point_spread
from isp.distortions.colorfulness import chroma, cube_root, scale_chroma
from isp.distortions.compression import compress
from isp.distortions.contrast import MID_GREY, contrast_curve
from isp.distortions.exposure import expose
from isp.raw.color import camera_to_srgb, decode_srgb, encode_srgb, limit_highlights, to_srgb
from isp.tools.photographs import bundled
from manifests.chance import generator
from manifests.images import encode_image, fitted, fitted_size


@pytest.fixture(scope="module")
def photo():
    return bundled()["coffee"]()


@pytest.fixture(scope="module")
def linear(photo):
    return decode_srgb(photo / 255.0).astype(np.float32)


def test_the_transfer_curve_is_skimages(photo):
    from skimage.color import rgb2xyz, xyz2rgb

    values = np.linspace(0, 1, 500)
    grey = np.repeat(values[:, None], 3, axis=1)
    np.testing.assert_allclose(decode_srgb(encode_srgb(values)), values, atol=1e-9)
    y = rgb2xyz(grey[None])[0, :, 1]
    np.testing.assert_allclose(decode_srgb(values), y, atol=2e-6)
    np.testing.assert_allclose(encode_srgb(decode_srgb(grey)), xyz2rgb(rgb2xyz(grey)), atol=1e-4)


def test_exposure_is_a_power_of_two_before_clipping():
    scene = np.array([[[0.1, 0.9, 1.7]]], np.float32)
    np.testing.assert_allclose(expose(scene, -1.0), scene / 2)
    np.testing.assert_allclose(expose(expose(scene, 1.5), -1.5), scene, rtol=1e-6)


@pytest.mark.parametrize("shape", ["gaussian", "defocus", "motion"])
@pytest.mark.parametrize("width", [0.8, 2.0, 5.0])
def test_blurs_have_one_comparable_width(shape, width):
    """A point's image has the root-mean-square radius of the Gaussian: width * sqrt 2."""
    point = np.zeros((101, 101, 3), np.float32)
    point[50, 50] = 1.0
    seen = blur(point, width, shape, 30.0)[..., 1].astype(np.float64)
    y, x = np.mgrid[-50:51, -50:51]
    assert seen.sum() == pytest.approx(1.0, abs=1e-5)
    # A pixel's area adds a twelfth an axis, the line's own width of one pixel another.
    extra = {"gaussian": 0, "defocus": 2 / 12, "motion": 3 / 12}[shape]
    assert (seen * (x**2 + y**2)).sum() == pytest.approx(2 * width**2 + extra, rel=0.03, abs=0.12)
    assert abs((seen * x).sum()) < 1e-4 and abs((seen * y).sum()) < 1e-4


def test_gaussian_blur_is_scipys(linear):
    ours = blur(linear, 2.0, "gaussian")
    theirs = scipy.ndimage.gaussian_filter(linear, (2.0, 2.0, 0), mode="mirror", truncate=4)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_motion_goes_counter_clockwise_from_the_horizontal():
    flat, upright_line = point_spread(4.0, "motion", 0), point_spread(4.0, "motion", 90)
    np.testing.assert_allclose(flat, upright_line.T, atol=1e-6)
    middle = len(flat) // 2
    assert flat[middle].sum() == pytest.approx(1, abs=1e-5)
    rising = point_spread(4.0, "motion", 45)
    assert rising[middle - 4, middle + 4] > 0 and rising[middle + 4, middle + 4] == 0


def test_the_cube_root_is_the_cube_root():
    values = np.geomspace(1e-11, 8, 100_001).astype(np.float32)
    np.testing.assert_allclose(cube_root(values), np.cbrt(values.astype(np.float64)), rtol=3e-7)
    assert cube_root(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("percent", [-100, -37, 20, 100])
def test_contrast_turns_about_mid_grey_keeps_ends_and_can_be_undone(percent):
    x = np.linspace(0, 1, 1001)
    y = contrast_curve(x, percent)
    assert (y[0], y[-1]) == (0, 1) and (np.diff(y) > 0).all()
    assert contrast_curve(np.array([MID_GREY]), percent)[0] == pytest.approx(MID_GREY)
    np.testing.assert_allclose(contrast_curve(y[1:-1], -percent), x[1:-1], atol=1e-9)
    slope = np.diff(contrast_curve(MID_GREY + np.array([-1e-5, 1e-5]), percent))[0] / 2e-5
    assert slope == pytest.approx(2 ** (1.5 * percent / 100), rel=1e-4)
    assert pytest.approx(float(encode_srgb(0.18)), abs=1e-6) == MID_GREY


def oklab(linear):
    """OKLab as published (float64), written down apart from the module under test."""
    to_lms = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                       [0.2119034982, 0.6806995451, 0.1073969566],
                       [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
    to_lab = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                       [1.9779984951, -2.4285922050, 0.4505937099],
                       [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
    return np.cbrt(linear.astype(np.float64) @ to_lms.T) @ to_lab.T


@pytest.mark.parametrize("percent", [-100, -60, 40, 100])
def test_colorfulness_scales_chroma_and_keeps_lightness_and_hue(linear, percent):
    parts = chroma(linear)
    changed = scale_chroma(parts, percent)
    assert changed.min() > -2e-3 and changed.max() < 1 + 2e-3
    before, after = oklab(linear), oklab(np.clip(changed, 0, 1))
    np.testing.assert_allclose(after[..., 0], before[..., 0], atol=4e-3)
    c0, c1 = (np.hypot(lab[..., 1], lab[..., 2]) for lab in (before, after))
    room = np.ones(c0.size, bool)
    room[parts.tight] = False
    room = room.reshape(c0.shape)
    np.testing.assert_allclose(c1[room], c0[room] * (1 + percent / 100), atol=4e-3)
    assert (c1 <= c0 * max(1, 1 + percent / 100) + 4e-3).all()
    strong = (c0 > 0.05) & (c1 > 0.02)
    if strong.any():
        hue0, hue1 = (np.arctan2(lab[..., 2], lab[..., 1])[strong] for lab in (before, after))
        assert np.abs(np.angle(np.exp(1j * (hue1 - hue0)))).max() < 0.06


def test_colorfulness_minus_100_is_grey(linear):
    grey = scale_chroma(chroma(linear), -100)
    assert np.ptp(grey, axis=2).max() < 1e-3


def test_compression_ships_the_encoders_bytes(photo):
    made = compress(photo, 12, "jpeg", "420")
    assert (made.extension, made.content[:2]) == ("jpg", b"\xff\xd8")
    _, expected = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 12])
    assert made.content == expected.tobytes()
    sizes = [len(compress(photo, q, "jpeg", "420").content) for q in (5, 20, 60)]
    assert sizes == sorted(sizes)
    from io import BytesIO

    from PIL import Image

    assert Image.open(BytesIO(encode_image(photo, "jpg", 95).content)).layer[0][1:3] == (1, 1)


@pytest.mark.parametrize("codec", ["webp", "jpeg2000"])
def test_other_codecs_ship_what_they_leave_as_png(photo, codec):
    good, bad = (compress(photo, q, codec, "") for q in (30, 3))
    errors = []
    for made in (good, bad):
        assert made.extension == "png"
        back = cv2.imdecode(np.frombuffer(made.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        errors.append(np.abs(back.astype(float) - photo).mean())
    assert 0 < errors[0] < errors[1] < 30


def test_png_is_lossless(photo):
    made = encode_image(photo, "png", 95)
    back = cv2.imdecode(np.frombuffer(made.content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(back, photo)


def test_blown_areas_are_white_and_unblown_colors_keep_their_headroom():
    gains = np.array([2.0, 1.0, 1.5])
    white = 65535 / 2.0
    blown, red = [65535, round(white), round(1.5 * white)], [60000, 20000, 9000]
    limited = limit_highlights(np.array([[blown, red]], np.uint16), white, gains)
    matrix, _ = camera_to_srgb(
        None, np.array([[0.8, -0.2, -0.1], [-0.5, 1.2, 0.3], [-0.1, 0.2, 0.7]])
    )
    srgb = to_srgb(limited, matrix, white)
    np.testing.assert_allclose(srgb[0, 0], 1.0, atol=1e-4)
    np.testing.assert_array_equal(limited[0, 1], red)
    assert srgb[0, 1, 0] > 1.5


def test_the_matrix_is_the_inverse_of_adobes_with_white_kept():
    xyz_to_camera = np.array(
        [[0.8198, -0.2239, -0.0724], [-0.4871, 1.2389, 0.2798], [-0.1043, 0.2050, 0.7181]]
    )
    matrix, source = camera_to_srgb(np.zeros((3, 4)), xyz_to_camera)
    assert source == "camera table"
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    from skimage.color import rgb2xyz

    color = np.array([0.3, 0.5, 0.2])
    camera = xyz_to_camera @ rgb2xyz(encode_srgb(color)[None, None])[0, 0]
    white = xyz_to_camera @ rgb2xyz(np.ones((1, 1, 3)))[0, 0]
    np.testing.assert_allclose(matrix @ (camera / white), color, atol=1e-4)


def test_area_resampling_in_linear_light_keeps_the_mean():
    checker = (np.indices((512, 512)).sum(axis=0) % 2).astype(np.float32)
    small = fitted(np.repeat(checker[..., None], 3, axis=2), 128)
    np.testing.assert_allclose(small, 0.5, atol=1e-6)
    assert fitted_size(4928, 3264, 1024) == (1024, 678)
    assert fitted_size(640, 480, 1024) == (640, 480)


def test_turned_as_libraw_says():
    picture = generator("turn").integers(0, 255, (4, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(upright(picture, 3), picture[::-1, ::-1])
    np.testing.assert_array_equal(upright(picture, 6), cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))
    np.testing.assert_array_equal(
        upright(picture, 5), cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE)
    )
