"""A scene at a glance: six rows of distortions, twenty columns of levels."""

from collections.abc import Mapping

import cv2
import numpy as np

from manifests.keys import DISTORTIONS, LEVELS

_GAP = 2


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
        uint8 (6 (h + 2), 20 (w + 2), 3) in the thumbnails' colour order, rows in the contract's
        order of distortions, levels to the right.
    """
    height, width = next(iter(images.values())).shape[:2]
    sheet = np.full((6 * (height + _GAP), LEVELS * (width + _GAP), 3), 128, np.uint8)
    for (distortion, level), image in images.items():
        top = DISTORTIONS.index(distortion) * (height + _GAP)
        left = (level - 1) * (width + _GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet
