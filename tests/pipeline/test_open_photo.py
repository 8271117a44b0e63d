import io
import os
import struct
import time
import zlib
from functools import cache

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from manifests.errors import SceneError
from manifests.images import read_image
from manifests.presets import load_config
from pipeline.pages.open_photo import open_photo, read_photo
from pipeline.pages.raw_apart import run_apart

LIMIT = 1.0  # megapixels


def scene() -> np.ndarray:
    """(48, 64, 3) uint8 RGB, another color in every quarter."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32], image[:24, 32:] = (200, 40, 30), (40, 180, 60)
    image[24:, :32], image[24:, 32:] = (30, 60, 190), (128, 128, 128)
    return image


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_the_right_way_up(orientation):
    # What a camera stores of an upright scene when it is held that way (Exif 2.3, tag 0x0112).
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](scene())
    picture = Image.fromarray(np.ascontiguousarray(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_photo(saved(picture, "PNG", exif=exif), "a", LIMIT), scene())


def test_grey_palette_and_transparency():
    grey = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) % 251
    found = read_photo(saved(Image.fromarray(grey.astype(np.uint8)), "PNG"), "a", LIMIT)
    assert np.array_equal(found, np.repeat(grey[..., None], 3, 2))
    palette = Image.fromarray(scene()).quantize(4)
    assert np.abs(read_photo(saved(palette, "PNG"), "a", LIMIT).astype(int) - scene()).max() <= 8
    alpha = np.dstack([scene(), np.full((48, 64), 255, np.uint8)])
    alpha[:24, :32, 3] = 0
    found = read_photo(saved(Image.fromarray(alpha), "PNG"), "a", LIMIT)
    assert (found[:24, :32] == 255).all()  # what cannot be seen is white
    assert np.array_equal(found[24:], scene()[24:])


def test_sixteen_bits_become_eight():
    wide = (scene().astype(np.uint16) * 257)[..., ::-1]
    for kind in (".png", ".tif"):
        content = cv2.imencode(kind, wide)[1].tobytes()
        assert np.array_equal(read_photo(content, "a", LIMIT), scene())
    grey = np.linspace(0, 65535, 64 * 48).astype(np.uint16).reshape(48, 64)
    found = read_photo(saved(Image.fromarray(grey), "PNG"), "a", LIMIT)
    assert np.array_equal(found[..., 0], np.rint(grey / 257))


def test_cmyk_and_profiles_are_srgb():
    cmyk = saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=100, subsampling=0)
    assert np.abs(read_photo(cmyk, "a", LIMIT).astype(int) - scene()).mean() < 3
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = Image.fromarray(scene())
    broken = saved(lab, "PNG", icc_profile=profile.tobytes())  # of another color space: no use
    assert np.array_equal(read_photo(broken, "a", LIMIT), scene())
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = read_photo(saved(lab, "PNG", icc_profile=srgb), "a", LIMIT)
    assert np.abs(same.astype(int) - scene()).max() <= 1


def with_size(png: bytes, width: int, height: int) -> bytes:
    """A PNG whose header tells another size."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@cache
def damaged() -> dict[str, tuple[bytes, str]]:
    whole = saved(Image.fromarray(scene()), "JPEG")
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    cut = saved(Image.fromarray(noise), "JPEG")
    sink = io.BytesIO()
    tifffile.imwrite(sink, scene().astype(np.float32) / 255, photometric="rgb")
    large = saved(Image.new("L", (2000, 1000)), "PNG")
    bomb = with_size(large, 200_000, 100_000)
    return {
        "nothing": (b"", "empty"),
        "text": (b"not a picture at all", "unreadable"),
        "cut": (cut[: len(cut) // 2], "unreadable"),
        "header": (whole[:30], "unreadable"),
        "float": (sink.getvalue(), "unreadable"),
        "large": (large, "too_large"),
        "bomb": (bomb, "too_large"),
        "small": (saved(Image.new("L", (31, 400)), "PNG"), "unsupported"),
    }


@pytest.mark.parametrize("name", damaged())
def test_what_is_no_whole_photograph_is_refused_in_a_line(name):
    content, reason = damaged()[name]
    with pytest.raises(SceneError, match=r"photo\.jpg") as refused:
        read_photo(content, "photo.jpg", LIMIT)
    assert refused.value.reason == reason
    assert "\n" not in str(refused.value)


def test_a_raw_is_developed_as_the_dataset_s_reference(tiny, tiny_raw):
    config = load_config(str(tiny / "config.yaml"))
    found = open_photo(tiny_raw / "coffee.dng", config)
    (reference,) = tiny.glob("renderings/coffee-*/ref.*")
    assert np.array_equal(found, read_image(reference))
    with pytest.raises(SceneError, match="no such file"):
        open_photo(tiny_raw / "nothing.dng", config)


@pytest.mark.parametrize(
    ("work", "argument", "limit_s", "reason"),
    [(os._exit, 139, 60, "died"), (time.sleep, 60, 0.5, "timeout")],
)
def test_a_raw_that_kills_its_decoder_costs_itself_alone(work, argument, limit_s, reason):
    with pytest.raises(SceneError, match="poison") as refused:
        run_apart("poison.dng", limit_s, work, argument)
    assert refused.value.reason == reason


def test_what_the_isp_refuses_is_said_as_it_says_it(tmp_path):
    (tmp_path / "text.dng").write_text("no raw")
    with pytest.raises(SceneError, match=r"text\.dng") as refused:
        open_photo(tmp_path / "text.dng", load_config("demo"))
    assert refused.value.reason in ("not_raw", "unreadable")
