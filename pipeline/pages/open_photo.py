"""A photograph of whatever kind as encoded sRGB pixels, the right way up.

Pillow reads what is a picture, the ISP what is a RAW by its name. Grey becomes three equal
channels, transparency is laid on white, 16 bits become 8, an embedded profile is converted to sRGB.
Nothing is scaled. What cannot be shown whole is refused: a cut file, a floating-point TIFF.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from manifests.config import Config
from manifests.errors import SceneError
from pipeline.intake.sources import RAW_SUFFIXES
from pipeline.pages.raw_apart import develop_apart

Image = NDArray[np.uint8]
LEAST_SIDE = 32  # pixels: a region is at least 32 x 32 (paper, section 3.1.2)
_SUFFIXES = ".avif .bmp .gif .jp2 .jpe .jpeg .jpg .png .ppm .tif .tiff .webp"
PHOTO_SUFFIXES = frozenset(_SUFFIXES.split())


def open_photo(path: Path, config: Config) -> Image:
    """The pixels of a photograph or RAW file, uint8 HxWx3 RGB, sRGB-encoded.

    Raises:
        SceneError: it cannot be read whole, or has more than `render.max_megapixels`.
    """
    if path.suffix.lower() in RAW_SUFFIXES:
        return develop_apart(path, config)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SceneError("unreadable", f"{path}: {error.strerror}") from error
    return read_photo(content, str(path), config.render.max_megapixels)


def read_photo(content: bytes, name: str, most_megapixels: float) -> Image:
    """The pixels of a photograph's bytes; errors as in `open_photo`, `name` says which file."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    if not content:
        raise SceneError("empty", f"{name}: the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a decoder's warning is a reason, not a picture
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)  # held to ours below
            warnings.simplefilter("ignore", DeprecationWarning)
            with Pillow.open(io.BytesIO(content)) as picture:
                _check_size(picture.size, name, most_megapixels)
                pixels = _upright(picture)
    except Pillow.DecompressionBombError as error:
        raise SceneError("too_large", f"{name}: more pixels than can be opened") from error
    except UnidentifiedImageError as error:
        return _by_opencv(content, name, most_megapixels, error)
    except (OSError, SyntaxError, ValueError, EOFError, Warning) as error:
        raise SceneError("unreadable", f"{name}: cannot be read whole ({error})") from error
    return pixels


def _check_size(size: tuple[int, int], name: str, most_megapixels: float) -> None:
    width, height = size
    if width * height > most_megapixels * 1e6:
        raise SceneError(
            "too_large",
            f"{name}: {width}x{height} pixels are more than render.max_megapixels"
            f" ({most_megapixels:g}) allows",
        )
    if min(size) < LEAST_SIDE:
        raise SceneError(
            "unsupported",
            f"{name}: {width}x{height} pixels; a region takes {LEAST_SIDE}x{LEAST_SIDE}",
        )


def _upright(picture: Any) -> Image:
    from PIL import ImageOps

    picture.load()
    upright = ImageOps.exif_transpose(picture)
    return np.ascontiguousarray(_rgb(upright, picture.info.get("icc_profile")), np.uint8)


def _rgb(picture: Any, profile: bytes | None) -> Image:
    """uint8 HxWx3 of a Pillow image of any mode."""
    from PIL import Image as Pillow

    if picture.mode in ("I", "F") or picture.mode.startswith("I;"):
        return _grey_of_many_bits(picture)
    if picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
        whole = picture.convert("RGBA")
        white = Pillow.new("RGBA", whole.size, "white")
        picture = Pillow.alpha_composite(white, whole).convert("RGB")
    return np.asarray(_to_srgb(picture, profile), np.uint8)


def _to_srgb(picture: Any, profile: bytes | None) -> Any:
    """`picture` in sRGB by its embedded profile; one without, or a broken one, is taken as sRGB."""
    from PIL import ImageCms

    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            pass
    return picture.convert("RGB")


def _grey_of_many_bits(picture: Any) -> Image:
    values = np.asarray(picture)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise ValueError("floating-point or 32-bit grey has no white; save it as 8 or 16 bits")
    eight = (values.astype(np.uint32) * 255 + 32767) // 65535
    return np.repeat(eight.astype(np.uint8)[..., None], 3, axis=2)


def _by_opencv(content: bytes, name: str, most_megapixels: float, error: Exception) -> Image:
    """16-bit RGB TIFF, which Pillow does not know."""
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    if values is None or values.dtype.kind != "u":
        raise SceneError(
            "unreadable", f"{name}: is no picture that can be read (JPEG, PNG, TIFF, WebP, RAW)"
        ) from error
    _check_size((values.shape[1], values.shape[0]), name, most_megapixels)
    top = np.iinfo(values.dtype).max
    eight = ((values.astype(np.uint32) * 255 + top // 2) // top).astype(np.uint8)
    return np.ascontiguousarray(eight[..., ::-1])
