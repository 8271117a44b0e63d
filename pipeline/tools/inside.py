"""A distortion inside a region only: the reference outside a mask, the distorted picture inside.

Outside the mask the pixels are the reference's, to the last bit. With a feather of w pixels the
distortion fades in from the mask's edge over w pixels inside it, in linear light.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from isp.raw.color import decode_srgb, encode_srgb
from manifests.errors import SceneError
from manifests.keys import WITHOUT
from manifests.records import Roi
from manifests.rle import decode

PLACES = ("object", "component", "background")
_LIGHT = decode_srgb(np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class Touched:
    """What a rendering did to a ROI: the mean weight of the distortion over its pixels, 0 to 1."""

    rendering_id: str
    roi_id: str
    scene_id: str
    share: float
    distortion_label: str  # without, where share is 0; else the distortions, joined by +


def mask_of(where: str, rois: Sequence[Roi]) -> np.ndarray:
    """The union of the ROIs of a kind, or what no object covers: bool (H, W).

    Raises:
        SceneError: no_rois, when the scene has none of the kind.
    """
    kind = "object" if where == "background" else where
    masks = [decode(roi.rle, roi.height, roi.width) for roi in rois if roi.kind == kind]
    if not masks:
        raise SceneError("no_rois", f"the scene has no {kind}, so nothing is {where}")
    union = np.logical_or.reduce(masks)
    return ~union if where == "background" else union


def weights_of(mask: np.ndarray, feather: float) -> np.ndarray:
    """float32 (H, W): 0 outside, rising to 1 over `feather` pixels from the mask's edge inwards."""
    if feather <= 0:
        return mask.astype(np.float32)
    padded = np.pad(mask.astype(np.uint8), 1, mode="edge")  # the frame is no edge of the region
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return np.clip(distance / np.float32(feather), 0, 1).astype(np.float32)


def blend(reference: np.ndarray, distorted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), sRGB-encoded: weights (H, W) of `distorted`, mixed in linear light."""
    share = weights[..., None]
    light = cv2.LUT(reference, _LIGHT) * (1 - share) + cv2.LUT(distorted, _LIGHT) * share
    mixed = np.rint(255 * encode_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    mixed = np.where(share == 0, reference, mixed)
    return np.where(share == 1, distorted, mixed)


def touched(
    rendering_id: str, distortions: Sequence[str], rois: Sequence[Roi], weights: np.ndarray
) -> list[Touched]:
    """One row a ROI."""
    rows = []
    for roi in rois:
        share = round(float(weights[decode(roi.rle, roi.height, roi.width)].mean()), 6)
        label = "+".join(distortions) if share else WITHOUT
        rows.append(Touched(rendering_id, roi.roi_id, roi.scene_id, share, label))
    return rows
