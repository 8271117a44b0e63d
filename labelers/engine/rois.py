"""The ROIs of a scene: object masks from boxes, component masks from random points.

Paper, section 3.1.2: a detector's boxes prompt the segmenter for objects, random points prompt it
for components, nothing under 32x32 pixels. Beyond the paper, unless `literal`: predicted IoU and
stability filters, holes and islands cleaned, one ROI of two that overlap (mask IoU, so that a part
filling its object's box survives), and a cap for each kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Candidate, Image
from labelers.engine.mask_models import MaskModels
from manifests import chance, keys
from manifests.config import MasksConfig
from manifests.errors import SceneError
from manifests.records import Roi
from manifests.rle import Mask, encode

VERSION = 3  # 3: learned segmenters on a CPU round otherwise

_SPECK = 0.02  # of the mask's area: smaller holes are filled, smaller islands dropped


@dataclass(frozen=True)
class _MaskedRoi:
    """A mask on its way to be a ROI, with its box to compare by."""

    candidate: Candidate
    window: tuple[slice, slice]
    area: int
    class_name: str | None = None
    score: float | None = None


def find_rois(
    reference: Image,
    scene_id: str,
    sha256: str,
    seed: int,
    config: MasksConfig,
    models: MaskModels,
) -> list[Roi]:
    """ROIs of a reference (uint8 HxWx3, encoded RGB): objects, then components, each from 0.

    Random points are drawn from (`sha256`, `seed`).

    Raises:
        SceneError: "no_rois" when nothing passes the filters.
    """
    prompted = models.segmenter.open(reference)
    detections = models.detector.detect(reference)
    objects = [
        _masked(candidate, config, detection.class_name, detection.score)
        for detection, candidate in zip(detections, prompted.boxes(detections), strict=True)
    ]
    xy = random_points(reference.shape[0], reference.shape[1], sha256, seed, config.points)
    nested = [c for candidates in prompted.points(xy) for c in _chosen(candidates, config)]
    components = [_masked(c, config) for c in nested]
    kept_objects = _select(objects, config, config.max_objects, [])
    kept_components = _select(components, config, config.max_components, kept_objects)
    rois = [
        _roi(masked, scene_id, kind, number, models.identity)
        for kind, kept in (("object", kept_objects), ("component", kept_components))
        for number, masked in enumerate(kept)
    ]
    if not rois:
        raise SceneError("no_rois", f"no mask of {config.min_area} pixels or more on the reference")
    return rois


def random_points(
    height: int, width: int, sha256: str, seed: int, count: int
) -> NDArray[np.float64]:
    """`count` points uniform over the image, count x 2, x and y in pixels."""
    uniform = chance.generator(sha256, "points", seed).random((count, 2))
    return uniform * np.array([width, height])


def _chosen(candidates: Sequence[Candidate], config: MasksConfig) -> list[Candidate]:
    """Choose among a point's nested masks: those that pass the filters; literally, the best one."""
    if config.literal:
        return sorted(candidates, key=lambda c: -c.rank)[:1]
    return [
        c
        for c in candidates
        if (c.predicted_iou is None or c.predicted_iou >= config.predicted_iou)
        and (c.stability is None or c.stability >= config.stability)
    ]


def _masked(
    candidate: Candidate,
    config: MasksConfig,
    class_name: str | None = None,
    score: float | None = None,
) -> _MaskedRoi:
    mask = candidate.mask if config.literal else clean(candidate.mask)
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))  # all 0 for an empty mask
    window = (slice(y, y + height), slice(x, x + width))
    return _MaskedRoi(
        replace(candidate, mask=mask), window, int(np.count_nonzero(mask)), class_name, score
    )


def clean(mask: Mask) -> Mask:
    """`mask` without small islands and holes (under 2 % of its area); its largest part stays."""
    smallest = _SPECK * np.count_nonzero(mask)
    return ~_without_specks(~_without_specks(mask, smallest), smallest)


def _without_specks(mask: Mask, smallest: float) -> Mask:
    # OpenCV's own statistics take eleven times as long as the components.
    count, label = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    area = np.bincount(label.ravel(), minlength=count).astype(np.float64)
    area[0] = 0
    keep = area >= min(smallest, area.max())
    keep[0] = False
    return np.asarray(keep[label])


def _select(
    masked: Sequence[_MaskedRoi], config: MasksConfig, most: int, others: Sequence[_MaskedRoi]
) -> list[_MaskedRoi]:
    """Best first, nothing small, nothing twice (also not what `others` already holds)."""
    large = [f for f in masked if f.area >= config.min_area]
    if config.literal:
        return large
    kept: list[_MaskedRoi] = []
    for one in sorted(large, key=lambda f: -f.candidate.rank):
        if len(kept) == most:
            break
        if all(mask_iou(one, other) <= config.nms_iou for other in (*others, *kept)):
            kept.append(one)
    return kept


def mask_iou(one: _MaskedRoi, other: _MaskedRoi) -> float:
    """Intersection over union of two masks, counted where their boxes meet."""
    window = tuple(
        slice(max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one.window, other.window, strict=True)
    )
    shared = int(np.count_nonzero(one.candidate.mask[window] & other.candidate.mask[window]))
    return shared / max(one.area + other.area - shared, 1)


def _roi(masked: _MaskedRoi, scene_id: str, kind: str, number: int, source: str) -> Roi:
    rows, cols = masked.window
    height, width = masked.candidate.mask.shape
    return Roi(
        roi_id=keys.roi_id(scene_id, kind, number),
        scene_id=scene_id,
        kind=kind,
        class_name=masked.class_name,
        score=masked.score,
        predicted_iou=masked.candidate.predicted_iou,
        stability=masked.candidate.stability,
        bbox_xywh=(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start),
        area=masked.area,
        width=width,
        height=height,
        rle=encode(masked.candidate.mask),
        source=source,
    )
