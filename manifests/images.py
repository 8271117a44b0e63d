"""Stored images to arrays. Labels, masks and pictures all read through here."""

from pathlib import Path

import cv2
import numpy as np

from manifests.errors import SceneError


def decode_image(content: bytes, name: str) -> np.ndarray:
    """JPEG or PNG bytes to uint8 HxWx3 RGB, sRGB-encoded.

    Raises:
        SceneError: missing_input, when the bytes are no image; `name` says which.
    """
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        raise SceneError("missing_input", f"{name} is no readable image; render its scene again")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_image(path: Path) -> np.ndarray:
    """Read a stored rendering as uint8 HxWx3 RGB, sRGB-encoded; errors as in `decode_image`."""
    try:
        return decode_image(path.read_bytes(), str(path))
    except OSError as error:
        raise SceneError("missing_input", f"{path}: {error.strerror}; render it again") from error


def encode_png(image: np.ndarray) -> bytes:
    """uint8 HxWx3 RGB to PNG bytes."""
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()
