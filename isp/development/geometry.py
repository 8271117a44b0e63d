"""Size and orientation: how many photosites make a pixel, and the file's flip. No cropping."""

from math import prod

import numpy as np

from manifests.images import fitted_size

_COLUMNS, _ROWS, _TRANSPOSE = 1, 2, 4  # bits of LibRaw's flip code


def photosites_a_pixel(size: tuple[int, int], long_edge: int) -> float:
    """How many photosites of a sensor of `size` become one pixel at working size."""
    return prod(size) / prod(fitted_size(*size, long_edge))


def upright(image: np.ndarray, flip: int) -> np.ndarray:
    """Turn the picture the right way up, by LibRaw's flip code.

    Its bits, in this order: 1 mirrors columns, 2 mirrors rows, 4 transposes. EXIF orientations 1 to
    8 are 0, 1, 3, 2, 4, 6, 7, 5.
    """
    turned = image[:, ::-1] if flip & _COLUMNS else image
    turned = turned[::-1] if flip & _ROWS else turned
    turned = turned.swapaxes(0, 1) if flip & _TRANSPOSE else turned
    return np.ascontiguousarray(turned)
