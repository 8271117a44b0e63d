from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from isp.development.recipes import REFERENCE
from isp.development.renderer import develop
from isp.raw.sensor import open_sensor
from isp.raw.white_balance import gray_world, white_balance
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig

RAW = Path(__file__).parents[3] / "shared" / "raw"


class Told:
    """What LibRaw says of white balance."""

    def __init__(self, camera, daylight):
        self.camera_whitebalance, self.daylight_whitebalance = camera, daylight


MOSAIC = np.tile(np.array([[100, 200], [200, 50]], np.uint16), (8, 8))
PATTERN = np.array([[0, 1], [3, 2]])


def source(camera, daylight):
    return white_balance(Told(camera, daylight), MOSAIC, PATTERN, (0,) * 4, 1023)


def test_white_balance_falls_back_in_the_stated_order():
    missing, bare = [0.0, 1.0, 0.0, 0.0], [2.2, 1.0, 1.4, 0.0]
    assert source([1687, 1036, 1655, 1036], bare).gains == pytest.approx(
        (1.6284, 1, 1.5975), abs=1e-4
    )
    assert source(missing, bare) == source([2.2, 1.0, 1.4, 0.0], None).__class__(
        "daylight", (2.2, 1.0, 1.4)
    )
    balanced = source(missing, [0.907, 1.016, 0.952, 0.0])
    assert (balanced.source, balanced.gains) == ("camera", (1.0, 1.0, 1.0))
    grey = source(missing, [1.0, 1.0, 1.0, 0.0])
    assert (grey.source, grey.gains) == ("gray_world", (2.0, 1.0, 4.0))


def test_grey_world_is_bounded():
    assert gray_world([0.0, 1.0, 100.0]) == (8, 1, 0.125)


def turned(path, orientation):
    """The same file with another EXIF orientation (tag 274, SHORT)."""
    content = path.read_bytes()
    old, new = (bytes((0x12, 1, 3, 0, 1, 0, 0, 0, code, 0)) for code in (1, orientation))
    assert content.count(old) == 1
    made = path.with_name(f"turned{orientation}.dng")
    made.write_bytes(content.replace(old, new))
    return made


def reference(path):
    config = RenderConfig(long_edge=128, tone="neutral", format="png")
    content = next(develop(path, "ab", [REFERENCE], config, 0)[1]).content
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(3, cv2.ROTATE_180), (6, cv2.ROTATE_90_CLOCKWISE), (8, cv2.ROTATE_90_COUNTERCLOCKWISE)],
)
def test_pictures_come_out_the_right_way_up(tmp_path, orientation, turn):
    path = tmp_path / "upright.dng"
    write_dng(bundled()["rocket"](), path, "rocket")
    np.testing.assert_array_equal(
        reference(turned(path, orientation)), cv2.rotate(reference(path), turn)
    )


def test_pixels_that_are_not_square_are_made_so():
    path = RAW / "KodakDC120_P003910.KDC"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with open_sensor(path, 150) as sensor:
        assert sensor.size == (1301, 976)


def test_exposure_finds_what_is_above_white(tmp_path):
    """A red beyond white in one channel: darkened, it shows its hue; clipping first would not."""
    from isp.distortions.exposure import expose

    light = np.array([[[1.6, 0.8, 0.4]]], np.float32)
    darker = expose(light, -1.0)
    np.testing.assert_allclose(darker[0, 0] / darker[0, 0, 1], [2.0, 1.0, 0.5], rtol=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_as_pillow_turns_it(tmp_path, orientation):
    path = tmp_path / "upright.dng"
    write_dng(bundled()["rocket"]()[:96, :128], path, "rocket")
    ours = reference(turned(path, orientation))
    said = Image.fromarray(reference(path))
    exif = said.getexif()
    exif[274] = orientation
    np.testing.assert_array_equal(ours, np.asarray(ImageOps.exif_transpose(said)))


def test_mirrored_files_are_the_upright_one_mirrored(shared):
    def seen(number):
        return reference(shared / "raw" / "hard" / f"own_orientation{number}.dng")

    np.testing.assert_array_equal(seen(2), seen(1)[:, ::-1])
    np.testing.assert_array_equal(seen(5), seen(1).swapaxes(0, 1))


def test_a_white_balance_by_chromaticity_is_the_cameras(shared):
    """AsShotWhiteXY (DNG 1.4): the camera's neutral is ColorMatrix1 times the XYZ of the white."""
    path = shared / "raw" / "hard" / "own_asshotwhitexy.dng"
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[0].tags
        x, y = (
            np.reshape(tags[50729].value, (2, 2)).T[0] / np.reshape(tags[50729].value, (2, 2)).T[1]
        )
        numbers = np.reshape(tags[50721].value, (9, 2))
    to_camera = (numbers[:, 0] / numbers[:, 1]).reshape(3, 3)
    neutral = to_camera @ np.array([x / y, 1.0, (1 - x - y) / y])
    with open_sensor(path, 150) as sensor:
        told = sensor.white_balance
    assert told.source == "camera"
    assert told.gains == pytest.approx(neutral[1] / neutral, rel=2e-3)
