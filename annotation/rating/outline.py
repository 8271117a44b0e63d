"""A ROI's mask to the outline that a browser draws over the photograph."""

import cv2
import numpy as np

from manifests.rle import Mask

_TOLERANCE = 0.75  # pixels that the drawn line may lie off the mask's edge


def outline_path(mask: Mask) -> str:
    """An SVG path of the edges of a bool mask (HxW), holes too, in pixels of the image.

    Filled by the even-odd rule it is the mask, within about a pixel.
    """
    doubled = np.kron(np.pad(mask, 1), np.ones((2, 2), np.uint8)).astype(np.uint8)
    contours, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts = []
    for contour in contours:
        line = cv2.approxPolyDP(contour, 2 * _TOLERANCE, True)[:, 0]
        points = [f"{(x + 0.5) / 2 - 1:g} {(y + 0.5) / 2 - 1:g}" for x, y in line.tolist()]
        parts.append(f"M{'L'.join(points)}Z")
    return "".join(parts)
