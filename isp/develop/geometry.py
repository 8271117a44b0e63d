"""Size and orientation: area resampling in linear light, then the file's flip. No cropping."""

import cv2
import numpy as np

_COLUMNS, _ROWS, _TRANSPOSE = 1, 2, 4  # bits of LibRaw's flip code


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
    """The picture the right way up, by LibRaw's flip code.

    Its bits, in this order: 1 mirrors columns, 2 mirrors rows, 4 transposes. EXIF orientations 1 to
    8 are 0, 1, 3, 2, 4, 6, 7, 5.
    """
    turned = image[:, ::-1] if flip & _COLUMNS else image
    turned = turned[::-1] if flip & _ROWS else turned
    turned = turned.swapaxes(0, 1) if flip & _TRANSPOSE else turned
    return np.ascontiguousarray(turned)
