"""Where a ROI lies: made once of a mask, and the same in all 121 renderings of its scene."""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.roi_statistics import GRID, Places

PIXELS = 2048  # at most about so many are looked at for one vector of statistics

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """A mask without the empty rows and columns around it."""

    size: tuple[int, int]  # height and width of the image
    corner: tuple[int, int]  # row and column of the box around the mask
    box: Bytes  # (h, w), 0 or 1
    count: int  # pixels of the mask
    places: Places  # of its pixels row by row, evenly thinned to about PIXELS
    overviews: dict[int, Bytes] = field(default_factory=dict, compare=False)  # by side, kept

    @classmethod
    def of(cls, mask: Bytes) -> "Shape":
        """The shape of a mask (H, W) uint8, 0 or 1, that is not empty."""
        left, top, width, height = cv2.boundingRect(mask)
        box = np.ascontiguousarray(mask[top : top + height, left : left + width])
        places = cv2.findNonZero(box).reshape(-1, 2)  # x and y, row by row
        some = places[:: len(places) // PIXELS | 1]  # an odd step meets every column of JPEG's grid
        thinned = (some[:, 1] + top, some[:, 0] + left)
        return cls((mask.shape[0], mask.shape[1]), (top, left), box, len(places), thinned)

    def shrunk(self, view: int) -> Bytes:
        """(V, V): 1 where any pixel of the mask falls, so that no small ROI vanishes."""
        if view not in self.overviews:
            self.overviews[view] = self._shrunk(view)
        return self.overviews[view]

    def _shrunk(self, view: int) -> Bytes:
        rows, columns = (
            (np.arange(side) + start) * view // whole
            for side, start, whole in zip(self.box.shape, self.corner, self.size, strict=True)
        )
        small = np.zeros((view, view), np.uint8)
        np.maximum.at(small, np.ix_(rows, columns), self.box)
        return small

    def nearest(self, side: int) -> Bytes:
        """(S, S): the mask at the nearest pixels; a small one may vanish."""
        whole = self.window((0, 0), self.size)
        return np.asarray(cv2.resize(whole, (side, side), interpolation=cv2.INTER_NEAREST))

    def window(self, at: tuple[int, int], size: tuple[int, int]) -> Bytes:
        """(h, w): the mask from the row and column `at`; zeros beyond the image."""
        window = np.zeros(size, np.uint8)
        into, out_of = zip(
            *(_overlap(*axis) for axis in zip(at, size, self.corner, self.box.shape, strict=True)),
            strict=True,
        )
        window[into] = self.box[out_of]
        return window

    def inner_box(self, released: bool) -> tuple[slice, slice]:
        """Rows and columns of the box in the image; the released one's last of each are missing."""
        first, sides = self.corner, [side - released for side in self.box.shape]
        rows, columns = (
            slice(start, start + max(1, side)) for start, side in zip(first, sides, strict=True)
        )
        return rows, columns

    def patch_at(self, patch: int, rng: np.random.Generator) -> tuple[int, int]:
        """Row and column of a patch around a pixel of the ROI, on JPEG's grid, inside the image."""
        n = rng.integers(len(self.places[0]))
        top, left = (
            max(0, min((int(axis[n]) - patch // 2) // GRID * GRID, (size - patch) // GRID * GRID))
            for axis, size in zip(self.places, self.size, strict=True)
        )
        return top, left

    def log_share(self) -> float:
        """Natural logarithm of the share of the image that the mask covers."""
        return float(np.log(self.count / (self.size[0] * self.size[1])))


def _overlap(at: int, size: int, start: int, side: int) -> tuple[Any, Any]:
    """Where a stretch of `side` from `start` lies in a window of `size` from `at`, and which of it.

    Both are empty slices where they do not meet.
    """
    first, last = max(at, start), max(min(at + size, start + side), max(at, start))
    return slice(first - at, last - at), slice(first - start, last - start)
