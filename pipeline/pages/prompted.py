"""Which region of a photograph is meant: points, a box, a mask, or what the detector finds.

All in pixels of the photograph, the right way up. The segmenter opens an image once, whatever is
asked of it. Several points are joined here, from the nested masks of each, so that every segmenter
takes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Candidate, Detection, Image, Prompted
from labelers.engine.mask_models import MaskModels
from labelers.engine.rois import clean, find_rois
from manifests.config import MasksConfig
from manifests.errors import SceneError, SeagullError
from manifests.rle import Mask, decode

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Found:
    """One object the detector found."""

    mask: Mask
    class_name: str | None
    score: float | None


@dataclass(frozen=True)
class _Reopened:
    """A segmenter whose image is already open."""

    prompted: Prompted

    def open(self, image: Image) -> Prompted:
        return self.prompted


class PromptedImage:
    """One image (uint8 HxWx3 RGB) and the masks that prompts on it give."""

    def __init__(self, image: Image, models: MaskModels, config: MasksConfig) -> None:
        self.image = image
        self.models = models
        self.config = config

    @cached_property
    def prompted(self) -> Prompted:
        """The image inside the segmenter, made once."""
        return self.models.segmenter.open(self.image)

    def at_points(self, add: Points, remove: Points = ()) -> Mask:
        """The mask that holds the points of `add` and none of `remove` (x, y).

        Raises:
            SeagullError: no point, one outside the image, or no region there.
        """
        if not add:
            raise SeagullError("no point to start from: add one inside the region")
        for x, y in (*add, *remove):
            self._check_inside(x, y)
        nested = self._nested(add)
        fitting = [c for c in nested if _holds(c, add) and not _holds_any(c, remove)]
        if fitting:
            return clean(max(fitting, key=lambda c: c.rank).mask)
        mask = self._joined(add, remove)
        for x, y in remove:
            if mask[int(y), int(x)]:
                raise SeagullError(
                    f"the point {x:g},{y:g} cannot be taken away from the region of the others;"
                    " move it, or draw a box"
                )
        return self._checked(clean(mask), "the points")

    def _nested(self, points: Points) -> list[Candidate]:
        found = self.prompted.points(np.array(points, np.float64))
        return [candidate for candidates in found for candidate in candidates]

    def _joined(self, add: Points, remove: Points) -> Mask:
        """The best mask of each added point together, less the smallest of each removed one."""
        mask = np.zeros(self.image.shape[:2], np.bool_)
        for point in add:
            free = [c for c in self._nested([point]) if not _holds_any(c, remove)]
            if free:
                mask |= max(free, key=lambda c: c.rank).mask
        if not mask.any():
            for point in add:
                mask |= np.logical_or.reduce([c.mask for c in self._nested([point])] or [mask])
        for point in remove:
            parts = [c for c in self._nested([point]) if not _holds_any(c, add)]
            if parts:
                mask &= ~min(parts, key=lambda c: int(c.mask.sum())).mask
        return mask

    def in_box(self, box_xywh: tuple[float, float, float, float]) -> Mask:
        """The mask of what fills the box; SeagullError when it is outside or holds nothing."""
        x, y, w, h = box_xywh
        if w < 2 or h < 2:
            raise SeagullError(f"the box {w:g}x{h:g} is too small: expected X,Y,WIDTH,HEIGHT")
        height, width = self.image.shape[:2]
        box = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
        if box[0] >= box[2] or box[1] >= box[3]:
            raise SeagullError(f"the box lies outside the image of {width}x{height} pixels")
        (candidate,) = self.prompted.boxes([Detection(box)])
        return self._checked(clean(candidate.mask), "the box")

    @cached_property
    def objects(self) -> list[Found]:
        """The objects the detector finds, best first; none is an empty list."""
        models = replace(self.models, segmenter=_Reopened(self.prompted))
        config = replace(self.config, points=1, max_components=0)
        try:
            rois = find_rois(self.image, "photo", "photo", 0, config, models)
        except SceneError as error:
            if error.reason == "no_rois":
                return []
            raise
        return [
            Found(decode(r.rle, r.height, r.width), r.class_name, r.score)
            for r in rois
            if r.kind == "object"
        ]

    def from_array(self, mask: NDArray[np.generic], name: str) -> Mask:
        """A mask given as an image (HxW or HxWxC, inside where not 0) of the photograph's size."""
        inside = mask.any(axis=2) if mask.ndim == 3 else mask != 0
        height, width = self.image.shape[:2]
        if inside.shape != (height, width):
            raise SeagullError(
                f"{name} is {inside.shape[1]}x{inside.shape[0]} pixels, the photograph"
                f" {width}x{height}; a mask has its size"
            )
        return self._checked(np.asarray(inside, np.bool_), name)

    def _checked(self, mask: Mask, name: str) -> Mask:
        if not mask.any():
            raise SeagullError(f"{name}: the mask is empty; nothing is inside")
        return mask

    def _check_inside(self, x: float, y: float) -> None:
        height, width = self.image.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise SeagullError(
                f"the point {x:g},{y:g} is outside the photograph of {width}x{height} pixels"
            )


def _at(candidate: Candidate, point: tuple[float, float]) -> bool:
    return bool(candidate.mask[int(point[1]), int(point[0])])


def _holds(candidate: Candidate, points: Points) -> bool:
    return all(_at(candidate, point) for point in points)


def _holds_any(candidate: Candidate, points: Points) -> bool:
    return any(_at(candidate, point) for point in points)


def read_mask(path: Path) -> NDArray[np.generic]:
    """A mask file as an array, its alpha left out; SeagullError when it is no picture."""
    import cv2

    content = path.read_bytes() if path.is_file() else b""
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_ANYDEPTH) if content else None
    if found is None:
        raise SeagullError(f"{path} is no picture; a mask is a PNG of the photograph's size")
    return np.asarray(found)
