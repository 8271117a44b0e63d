"""Size and orientation: how many photosites make a pixel, and the file's flip. No cropping."""

from math import prod

import numpy as np

from manifests.images import fitted_size

_QUARTER_TURNS = {3: 2, 5: 1, 6: 3}  # LibRaw's flip codes, counter-clockwise


def photosites_a_pixel(size: tuple[int, int], long_edge: int) -> float:
    """How many photosites of a sensor of `size` become one pixel at working size."""
    return prod(size) / prod(fitted_size(*size, long_edge))


def upright(image: np.ndarray, flip: int) -> np.ndarray:
    """Turn the picture the right way up, by LibRaw's flip code (0, 3, 5, 6; else as it is)."""
    return np.ascontiguousarray(np.rot90(image, _QUARTER_TURNS.get(flip, 0)))
