"""Regions of a scene, pictures composed by them, and what was touched.

Where no step acts the pixels are the reference's, to the last bit; where some act wholly they are
those of the picture that these alone make. With a feather of w pixels a step fades in from its
region's edge over w pixels inwards, in linear light.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from isp.development.recipes import Step
from isp.raw.color import decode_srgb, encode_srgb
from manifests.errors import SceneError
from manifests.keys import WITHOUT, in_order
from manifests.records import Roi
from manifests.rle import decode
from pipeline.mixing.placed_recipes import Place

Picture = tuple[np.ndarray, np.ndarray]
"""Weights, float32 (H, W), and what they are of, uint8 (H, W, 3) RGB, sRGB-encoded."""

_LIGHT = decode_srgb(np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class Touched:
    """What a rendering did to a ROI. Shares are mean weights over its pixels, 0 to 1."""

    rendering_id: str
    roi_id: str
    scene_id: str
    share: float  # of anything that acts
    distortion_label: str  # without, where share is 0; else the distortions, joined by +
    shares: dict[str, float]  # of each distortion of the recipe


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


def weights_at(place: Place, rois: Sequence[Roi], size: tuple[int, int]) -> np.ndarray:
    """float32, `size` (H, W): how much a step acts where; raises as `mask_of`."""
    if not place.where:
        return np.ones(size, np.float32)
    return weights_of(mask_of(place.where, rois), place.feather)


def parted(
    groups: Sequence[tuple[np.ndarray, tuple[Step, ...]]], size: tuple[int, int]
) -> dict[tuple[Step, ...], np.ndarray]:
    """Which steps act together, and how much where: weights, (H, W), that sum to 1.

    Args:
        groups: weights and the steps that act by them.
        size: (H, W).
    """
    parts: dict[tuple[Step, ...], np.ndarray] = {(): np.ones(size, np.float32)}
    for weights, steps in groups:
        without = {before: share * (1 - weights) for before, share in parts.items()}
        within = {before + steps: share * weights for before, share in parts.items()}
        parts = {key: share for key, share in (without | within).items() if share.any()}
    return parts


def compose(pictures: Sequence[Picture]) -> np.ndarray:
    """uint8 (H, W, 3), sRGB-encoded: mixed in linear light, exact where one weight is 1."""
    light = sum(cv2.LUT(picture, _LIGHT) * weights[..., None] for weights, picture in pictures)
    mixed = np.rint(255 * encode_srgb(np.clip(light, 0, 1))).astype(np.uint8)
    for weights, picture in pictures:
        mixed = np.where(weights[..., None] == 1, picture, mixed)
    return mixed


def blend(reference: np.ndarray, distorted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3), sRGB-encoded: weights (H, W) of `distorted`, else the reference."""
    return compose([(1 - weights, reference), (weights, distorted)])


def touched(
    rendering_id: str, acting: Sequence[tuple[np.ndarray, tuple[Step, ...]]], rois: Sequence[Roi]
) -> list[Touched]:
    """One row a ROI; `acting` are weights, float32 (H, W), and the steps that act by them."""
    anything = 1 - np.prod([1 - weights for weights, _ in acting], axis=0)
    return [_touched(rendering_id, anything, acting, roi) for roi in rois]


def _touched(
    rendering_id: str,
    anything: np.ndarray,
    acting: Sequence[tuple[np.ndarray, tuple[Step, ...]]],
    roi: Roi,
) -> Touched:
    mask = decode(roi.rle, roi.height, roi.width)
    shares = {
        step.distortion: round(float(weights[mask].mean()), 6)
        for weights, steps in acting
        for step in steps
    }
    names = [name for name, share in shares.items() if share]
    return Touched(
        rendering_id=rendering_id,
        roi_id=roi.roi_id,
        scene_id=roi.scene_id,
        share=round(float(anything[mask].mean()), 6),
        distortion_label="+".join(in_order(names)) if names else WITHOUT,
        shares=shares,
    )
