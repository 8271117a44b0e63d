"""A photograph's own bytes, checked; PNG, losslessly, where browsers do not show the format.

A decoder's warning is a reason, not a picture: a file that ends early shows grey where nothing is.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from manifests.errors import SceneError
from manifests.files import sha256_of
from manifests.images import decode_image, encode_png

_OWN_BYTES = {"JPEG": "jpg", "PNG": "png"}
_MEGAPIXELS = 150.0


@dataclass(frozen=True)
class PhotoFile:
    """What goes into the study; `sha256` is of the file as published."""

    content: bytes
    extension: str
    sha256: str
    converted: bool
    pixels: np.ndarray  # uint8 HxWx3 RGB, sRGB-encoded, the right way up


def read_photo(path: Path) -> PhotoFile:
    """Read and check one photograph.

    Raises:
        SceneError: missing_input, empty, unreadable or too_large.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SceneError("missing_input", f"{path}: {error.strerror}") from error
    if not content:
        raise SceneError("empty", f"{path}: zero bytes")
    kind = _decodes(path, content)
    sha256 = sha256_of(content)
    if kind not in _OWN_BYTES:
        content = encode_png(_pixels(path, content))
    pixels = decode_image(content, str(path))
    return PhotoFile(content, _OWN_BYTES.get(kind, "png"), sha256, kind not in _OWN_BYTES, pixels)


def _decodes(path: Path, content: bytes) -> str:
    """The format, after every pixel was decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content)) as image:
                megapixels = image.width * image.height / 1e6
                if megapixels > _MEGAPIXELS:
                    raise SceneError("too_large", f"{path}: {megapixels:.0f} megapixels")
                image.load()
                return str(image.format)
    except SceneError:
        raise
    except Exception as error:  # Pillow raises what its plugins raise, struct.error among them
        raise SceneError("unreadable", f"{path}: {' '.join(str(error).split())}") from error


def _pixels(path: Path, content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in ("RGB", "L", "P", "RGBA", "1"):
            raise SceneError("unsupported", f"{path}: {image.format} of mode {image.mode}")
        return np.asarray(image.convert("RGB"))
