"""The detector and the segmenter that need no weights.

Detector: proposals from saliency and the merge tree. Segmenter: a box gives one mask by GrabCut
(Rother et al., SIGGRAPH 2004; OpenCV), a point gives up to three nested nodes of the merge tree.
No classes, no learned notion of an object: white on white is missed.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Candidate, Detection, Image, box_of
from labelers.weight_free.merge_tree import Tree, merge
from labelers.weight_free.proposals import propose
from labelers.weight_free.regions import segment, working_copy
from labelers.weight_free.saliency import saliency
from manifests.rle import Mask

_NESTED = 3
_LARGEST = 0.5  # of the image: a component is not the scene
_NEW = 0.7  # area ratio of two nested nodes below which both are worth keeping
_MARGIN = 0.25  # of a box's side, the background GrabCut sees
_GRABCUT_ROUNDS = 3
_AGREEMENT = 0.5  # IoU with its seed below which GrabCut lost the object


def _tree(image: Image) -> Tree:
    return _tree_of(image.tobytes(), image.shape[0], image.shape[1])


@lru_cache(maxsize=1)  # detector and segmenter see the same image one after the other
def _tree_of(pixels: bytes, height: int, width: int) -> Tree:
    return merge(segment(np.frombuffer(pixels, np.uint8).reshape(height, width, 3)))


class EmbeddedDetector:
    """Salient objects, best first; `score` is their objectness."""

    def __init__(self, min_area: int, most: int) -> None:
        self.min_area = min_area
        self.most = most

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first, with their masks."""
        small = working_copy(image)
        tree = _tree(small)
        smallest = self.min_area * small.size / image.size
        proposals = propose(tree, saliency(tree.regions), smallest, self.most)
        return [_detection(p.mask, p.score, image.shape[:2]) for p in proposals]


def _detection(mask: Mask, score: float, shape: tuple[int, ...]) -> Detection:
    full = enlarge(mask, shape[0], shape[1])
    return Detection(box_of(full), None, score, full)


def enlarge(mask: Mask, height: int, width: int) -> Mask:
    """Scale a mask of a smaller copy to full size, its stairs smoothed."""
    if mask.shape == (height, width):
        return mask
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5)


class EmbeddedSegmenter:
    """GrabCut for boxes, the merge tree for points."""

    def __init__(self, min_area: int) -> None:
        self.min_area = min_area

    def open(self, image: Image) -> "EmbeddedPrompts":
        """Build the merge tree of an encoded RGB image (uint8 HxWx3)."""
        return EmbeddedPrompts(image, self.min_area)


class EmbeddedPrompts:
    """One image as its merge tree, ready for prompts."""

    def __init__(self, image: Image, min_area: int) -> None:
        self.shape = image.shape[:2]
        self.small = working_copy(image)
        self.scale = self.small.shape[1] / image.shape[1]
        self.smallest = min_area * self.small.size / image.size
        self.tree = _tree(self.small)

    def boxes(self, detections: Sequence[Detection]) -> list[Candidate]:
        """GrabCut around each detection's mask, or its box where it has none."""
        return [Candidate(self._from_box(d), d.score or 0.0) for d in detections]

    def _from_box(self, detection: Detection) -> Mask:
        height, width = self.small.shape[:2]
        x0, y0, x1, y1 = (self.scale * v for v in detection.box_xyxy)
        seed = np.zeros((height, width), np.bool_)
        if detection.mask is not None:
            seed = _shrink(detection.mask, height, width)
        else:
            seed[round(y0) : round(y1), round(x0) : round(x1)] = True
        return enlarge(grabcut(self.small, seed), *self.shape)

    def points(self, xy: NDArray[np.float64]) -> list[list[Candidate]]:
        """For each point (nx2, x and y in pixels) up to three nested nodes, best first."""
        small = np.minimum(xy * self.scale, np.array(self.small.shape[1::-1]) - 1).astype(int)
        masks: dict[int, Candidate] = {}
        return [[self._node(k, masks) for k in self._nested(x, y)] for x, y in small]

    def _node(self, node: int, known: dict[int, Candidate]) -> Candidate:
        if node not in known:
            mask = enlarge(self.tree.mask(node), *self.shape)
            known[node] = Candidate(mask, self._worth(node))
        return known[node]

    def _nested(self, x: int, y: int) -> list[int]:
        """Choose the best nodes above a point, each clearly apart in size from the better ones."""
        tree = self.tree
        chain = tree.ancestors(int(tree.regions.labels[y, x]))[:-1]
        largest = _LARGEST * self.small.shape[0] * self.small.shape[1]
        fitting = [k for k in chain if self.smallest <= tree.area[k] <= largest]
        kept: list[int] = []
        for node in sorted(fitting, key=self._worth, reverse=True):
            ratios = [tree.area[node] / tree.area[k] for k in kept]
            if all(min(r, 1 / r) < _NEW for r in ratios):
                kept.append(node)
        return kept[:_NESTED]

    def _worth(self, node: int) -> float:
        """Contour strength x persistence x compactness."""
        tree = self.tree
        above = tree.height[tree.parent[node]]
        persistence = (above - tree.height[node]) / above if above > 0 else 0.0
        compact = min(4 * np.pi * tree.area[node] / tree.perimeter[node] ** 2, 1.0)
        return float(tree.rim[node] * persistence * np.sqrt(compact))


def _shrink(mask: Mask, height: int, width: int) -> Mask:
    area = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(area > 0.5)


def grabcut(image: Image, seed: Mask) -> Mask:
    """GrabCut around `seed` (bool HxW); the seed itself where GrabCut loses it."""
    rows, cols = np.flatnonzero(seed.any(axis=1)), np.flatnonzero(seed.any(axis=0))
    if not len(rows):
        return seed
    window = tuple(
        _widened(axis[0], axis[-1] + 1, n) for axis, n in zip((rows, cols), seed.shape, strict=True)
    )
    crop, part = np.ascontiguousarray(image[window]), seed[window]
    trimap = np.where(part, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    reach = max(3, round(0.06 * float(np.sqrt(part.sum()))))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near = cv2.dilate(part.astype(np.uint8), kernel).astype(np.bool_) & ~part
    core = cv2.erode(part.astype(np.uint8), kernel, borderValue=1).astype(np.bool_)
    trimap[near], trimap[core] = cv2.GC_PR_BGD, cv2.GC_FGD
    if not ((trimap == cv2.GC_BGD) | (trimap == cv2.GC_PR_BGD)).any():
        return seed
    cv2.setRNGSeed(0)  # GrabCut's mixtures start from OpenCV's global generator
    cv2.grabCut(
        crop[..., ::-1].copy(),
        trimap,
        None,
        np.zeros((1, 65)),
        np.zeros((1, 65)),
        _GRABCUT_ROUNDS,
        cv2.GC_INIT_WITH_MASK,
    )
    foreground = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    union = (foreground | part).sum()
    if (foreground & part).sum() < _AGREEMENT * union:
        return seed
    result = np.zeros_like(seed)
    result[window] = foreground
    return result


def _widened(start: int, stop: int, limit: int) -> slice:
    margin = max(4, round(_MARGIN * (stop - start)))
    return slice(max(0, start - margin), min(limit, stop + margin))
