"""Images: bytes to pixels and back, and how large. Everything reads and writes them through here.

Pixels are uint8 HxWx3 RGB, sRGB-encoded, unless said otherwise. Codecs: libjpeg-turbo and libpng by
OpenCV.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from manifests.errors import SceneError
from manifests.mirrors import have_content

_SUBSAMPLING = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
SUBSAMPLINGS = tuple(_SUBSAMPLING)


@dataclass(frozen=True)
class EncodedImage:
    """The bytes of an image file and its extension, jpg or png."""

    content: bytes
    extension: str
    width: int
    height: int


def decode_image(content: bytes, name: str) -> np.ndarray:
    """Decode JPEG or PNG bytes.

    Raises:
        SceneError: missing_input, when the bytes are no image; `name` says which.
    """
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise SceneError("missing_input", f"{name} is no readable image; render its scene again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_image(path: Path) -> np.ndarray:
    """Read a stored rendering; errors as in `decode_image`."""
    have_content(path)
    try:
        return decode_image(path.read_bytes(), str(path))
    except OSError as error:
        raise SceneError("missing_input", f"{path}: {error.strerror}; render it again") from error


def encode(extension: str, image: np.ndarray, parameters: Sequence[int]) -> bytes:
    """Encode by OpenCV's codec of `extension` (with its dot) and that codec's parameters."""
    done, content = cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise RuntimeError(f"OpenCV cannot encode {extension}")
    return content.tobytes()


def encode_jpeg(image: np.ndarray, quality: int, subsampling: str = "444") -> bytes:
    """Encode as baseline JPEG of `quality` 1..100, chroma 444, 422 or 420."""
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[subsampling],
    ]  # fmt: skip
    return encode(".jpg", image, parameters)


def encode_png(image: np.ndarray) -> bytes:
    """Encode as PNG at compression level 1: four times faster, a tenth larger."""
    return encode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def jpeg(image: np.ndarray, quality: int, subsampling: str = "444") -> EncodedImage:
    """Make a JPEG file of `image`, as `encode_jpeg` does."""
    return EncodedImage(encode_jpeg(image, quality, subsampling), "jpg", *image.shape[1::-1])


def png(image: np.ndarray) -> EncodedImage:
    """Make a PNG file of `image`, as `encode_png` does."""
    return EncodedImage(encode_png(image), "png", *image.shape[1::-1])


def encode_image(image: np.ndarray, image_format: str, quality: int) -> EncodedImage:
    """Encode as a rendering is stored: JPEG 4:4:4 of `quality` for `jpg`, else PNG."""
    return jpeg(image, quality) if image_format == "jpg" else png(image)


def fitted_size(width: int, height: int, long_edge: int) -> tuple[int, int]:
    """Return (width, height) with the longer one at most `long_edge`; never enlarged."""
    scale = min(1.0, long_edge / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def fitted(image: np.ndarray, long_edge: int) -> np.ndarray:
    """Average by area to a long edge of at most `long_edge`; any dtype that OpenCV resizes."""
    size = fitted_size(image.shape[1], image.shape[0], long_edge)
    if size == (image.shape[1], image.shape[0]):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
