"""COMPRESSION: what the encoder loses; its bytes are the rendering. And how the others are stored.

JPEG by libjpeg-turbo (OpenCV). WebP and JPEG 2000 are options of the distortion: the contract ships
jpg and png, so their decoded pixels ship as PNG, with the codec in the parameters.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_SUBSAMPLING = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
}
SUBSAMPLINGS = tuple(_SUBSAMPLING)
CODECS = ("jpeg", "webp", "jpeg2000")


@dataclass(frozen=True)
class Encoded:
    """The bytes of an image file and its extension, jpg or png."""

    content: bytes
    extension: str
    width: int
    height: int


def store(picture: np.ndarray, image_format: str, quality: int) -> Encoded:
    """Store a rendering whose distortion is not compression: JPEG 4:4:4 at `quality`, or PNG.

    `picture` is uint8 (H, W, 3) RGB, sRGB-encoded.
    """
    return jpeg(picture, quality, "444") if image_format == "jpg" else png(picture)


def compress(picture: np.ndarray, quality: float, codec: str, subsampling: str) -> Encoded:
    """Compress `picture` (uint8 (H, W, 3) RGB, sRGB-encoded).

    Args:
        picture: what to compress.
        quality: 1..100; JPEG's and WebP's own, for JPEG 2000 a tenth of it is percent of the size.
        codec: jpeg | webp | jpeg2000.
        subsampling: 444 | 422 | 420, for jpeg.
    """
    if codec == "jpeg":
        return jpeg(picture, round(quality), subsampling)
    extension, parameters = {
        "webp": (".webp", [cv2.IMWRITE_WEBP_QUALITY, round(quality)]),
        "jpeg2000": (".jp2", [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, round(10 * quality)]),
    }[codec]
    decoded = cv2.imdecode(
        np.frombuffer(_encode(extension, picture, parameters), np.uint8), cv2.IMREAD_COLOR
    )
    assert decoded is not None
    return png(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB))


def jpeg(picture: np.ndarray, quality: int, subsampling: str) -> Encoded:
    """Baseline JPEG."""
    parameters = [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[subsampling],
    ]  # fmt: skip
    return _encoded(_encode(".jpg", picture, parameters), "jpg", picture)


def png(picture: np.ndarray) -> Encoded:
    """PNG at compression level 1: four times faster, a tenth larger."""
    return _encoded(_encode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1]), "png", picture)


def _encode(extension: str, picture: np.ndarray, parameters: list[int]) -> bytes:
    done, content = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), parameters)
    if not done:
        raise RuntimeError(f"OpenCV cannot encode {extension}")
    return content.tobytes()


def _encoded(content: bytes, extension: str, picture: np.ndarray) -> Encoded:
    return Encoded(content, extension, picture.shape[1], picture.shape[0])
