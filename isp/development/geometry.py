"""Size and orientation: area resampling in linear light, then the file's flip. No cropping."""

import cv2
import numpy as np

_QUARTER_TURNS = {3: 2, 5: 1, 6: 3}  # LibRaw's flip codes, counter-clockwise


def working_size(width: int, height: int, long_edge: int) -> tuple[int, int]:
    """(width, height) with the longer one `long_edge`; smaller pictures stay as they are."""
    scale = min(1.0, long_edge / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def to_working_size(image: np.ndarray, long_edge: int) -> np.ndarray:
    """Area average in linear light.

    Args:
        image: float32 (H, W, 3), linear.
        long_edge: of the result, pixels.

    Returns:
        float32 (H', W', 3), linear.
    """
    size = working_size(image.shape[1], image.shape[0], long_edge)
    if size == (image.shape[1], image.shape[0]):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def upright(image: np.ndarray, flip: int) -> np.ndarray:
    """Turn the picture the right way up, by LibRaw's flip code (0, 3, 5, 6; else as it is)."""
    return np.ascontiguousarray(np.rot90(image, _QUARTER_TURNS.get(flip, 0)))
