import cv2
import numpy as np
import pytest
import rawpy

from isp.development.tone import Tone, find_tone, fit, preview, standard
from isp.raw.color import decode_srgb, encode_srgb
from isp.tools.photographs import bundled


def test_standard_rises_from_black_to_white_with_grey_where_it_says():
    x = np.linspace(0, 1, 1001)
    y = standard(x)
    assert (y[0], y[-1]) == (0, 1) and (np.diff(y) > 0).all()
    assert standard(np.array([0.18]))[0] == pytest.approx(0.26, abs=1e-3)


def test_neutral_is_the_identity():
    x = np.linspace(0, 1, 11)
    np.testing.assert_array_equal(Tone("neutral").curve(x), x)


@pytest.mark.parametrize("gamma", [0.7, 1.4])
def test_the_cameras_curve_is_found_from_its_preview(gamma):
    """A preview made by a known curve, cropped and made small, gives that curve back."""
    photo = bundled()["chelsea"]()
    linear = decode_srgb(photo / 255.0).astype(np.float32)
    seen = np.rint(255 * encode_srgb(linear[8:-8:2, 8:-8:2]) ** gamma).astype(np.uint8)
    tone = Tone("camera", fit(linear, seen))
    luminance = np.quantile(linear @ np.array([0.2126, 0.7152, 0.0722]), [0.1, 0.3, 0.5, 0.7, 0.9])
    found = encode_srgb(tone.curve(luminance))
    np.testing.assert_allclose(found, encode_srgb(luminance) ** gamma, atol=0.03)
    every = tone.curve(np.linspace(0, 1, 4001))
    assert (np.diff(every) >= 0).all() and (every[0], every[-1]) == pytest.approx((0, 1))


class NoPreview:
    def extract_thumb(self):
        import rawpy

        raise rawpy.LibRawNoThumbnailError("none")


def test_without_a_preview_the_standard_curve_is_used_and_named():
    assert find_tone("camera", NoPreview(), lambda: np.zeros((2, 2, 3))) == Tone("standard")


def test_a_preview_that_is_cut_is_none(capfd):
    class Previewed:
        def __init__(self, data: bytes) -> None:
            self.data, self.format = data, rawpy.ThumbFormat.JPEG

        def extract_thumb(self):
            return self

    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = bytes(cv2.imencode(".jpg", noise)[1])
    assert preview(Previewed(whole)).shape == (64, 64, 3)
    assert preview(Previewed(whole[: len(whole) // 2])) is None
    assert capfd.readouterr().err == ""
