import cv2
import numpy as np

from isp.development.lens import LensCorrection, find_correction

D7000 = ("NIKON CORPORATION", "NIKON D7000")
ZOOM = "AF-S DX VR Zoom-Nikkor 18-105mm f/3.5-5.6G ED"


def test_what_is_not_sure_is_not_corrected_and_says_why():
    size = (600, 400)
    cases = {
        "names no camera": ((None, None), ZOOM, 24.0, 8.0),
        "names no lens": (D7000, None, 24.0, 8.0),
        "no focal length": (D7000, ZOOM, None, 8.0),
        "has no camera": (("Acme", "Box 1"), ZOOM, 24.0, 8.0),
        "no sure match": (D7000, "18.0-105.0 mm f/3.5-5.6", 24.0, 8.0),
        "outside": (D7000, ZOOM, 200.0, 8.0),
    }
    for reason, case in cases.items():
        found = find_correction(*case, size)
        assert found.note.startswith("none: ") and reason in found.note
        image = np.ones((400, 600, 3), np.uint16)
        assert found.apply(image) is image


def test_exact_names_first_then_strict_scores():
    canon = ("Canon", "Canon EOS 6D")
    exact = find_correction(canon, "EF24-105mm f/4L IS USM", 65.0, 5.6, (600, 400))
    assert exact.note == "Canon EF 24-105mm f/4L IS USM (exact name)"
    strict = find_correction(D7000, ZOOM, 24.0, 8.0, (600, 400))
    assert "18-105mm" in strict.note and "score 8" in strict.note


def test_vignetting_and_distortion_are_lensfuns():
    """A flat field gets lensfun's gains; straight lines seen through the lens become straight."""
    width, height = 600, 400
    correction = find_correction(D7000, ZOOM, 18.0, 3.5, (width, height))
    flat = correction.apply(np.full((height, width, 3), 0.4, np.float32))
    assert flat.dtype == np.float32
    assert 1.2 < flat[2, 2, 1] / flat[height // 2, width // 2, 1] < 4
    modifier = correction.modifier
    where = modifier.apply_subpixel_geometry_distortion()
    x = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    seen = np.repeat(x[..., None], 3, axis=2)
    gains = LensCorrection("same", modifier).apply(np.ones_like(seen))
    corrected = correction.apply(seen) / gains
    inside = (slice(40, -40), slice(40, -40))
    np.testing.assert_allclose(corrected[inside], where[inside][..., 0], rtol=0.02, atol=2.0)
    assert np.abs(where[inside][..., 0] - x[inside][..., None]).max() > 2


def test_without_an_aperture_vignetting_is_left_alone():
    correction = find_correction(D7000, ZOOM, 18.0, None, (600, 400))
    flat = correction.apply(np.full((400, 600, 3), 0.4, np.float32))
    np.testing.assert_allclose(flat, 0.4, atol=1e-5)


def test_noise_is_carried_to_where_the_corrected_picture_has_its_brightness():
    """A smooth field, carried small, against the same corrected at full size and then reduced."""
    width, height, small = 1200, 800, (200, 300)
    correction = find_correction(D7000, ZOOM, 18.0, 3.5, (width, height))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    field = np.repeat((np.sin(x / 150) + np.cos(y / 110) + 3)[..., None], 3, axis=2)
    corrected = cv2.resize(correction.apply(field), small[::-1], interpolation=cv2.INTER_AREA)
    carried = correction.for_noise(small)(
        cv2.resize(field, small[::-1], interpolation=cv2.INTER_AREA)
    )
    inside = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(carried[inside], corrected[inside], rtol=0.03)
