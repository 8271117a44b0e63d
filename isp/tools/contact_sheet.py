"""A scene at a glance: a row a distortion, a column a level."""

from collections.abc import Mapping

import cv2
import numpy as np
from skimage.util import montage

from manifests.keys import LEVELS, in_order

_GAP = 2
_GREY = 128


def thumbnail(picture: np.ndarray, height: int = 96) -> np.ndarray:
    """`picture` (uint8 (H, W, 3)) by area at this height."""
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def contact_sheet(images: Mapping[tuple[str, int], np.ndarray]) -> np.ndarray:
    """One picture of a scene's renderings.

    Args:
        images: (distortion, level 1..20) -> uint8 (h, w, 3) thumbnails of one size; what is missing
            stays grey.

    Returns:
        uint8 (n (h + 2) + 2, 20 (w + 2) + 2, 3) in the thumbnails' color order, n distortions in
        the contract's order from top to bottom, levels to the right.
    """
    names = in_order(name for name, _ in images)
    missing = np.full_like(next(iter(images.values())), _GREY)
    cells = [images.get((name, level), missing) for name in names for level in range(1, LEVELS + 1)]
    return montage(
        cells,
        fill=(_GREY,) * 3,
        grid_shape=(len(names), LEVELS),
        padding_width=_GAP,
        channel_axis=-1,
    )
