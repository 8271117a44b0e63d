"""What is scored: the crop of a ROI by its mask, and the reference with the ROI pasted in.

Paper, section 3.1.3: quality compares the masked crops padded to the minimum rectangle; importance
compares the reference with the same image in which the ROI is replaced by the distorted one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from manifests.records import Roi
from manifests.rle import Mask, mask_of


@dataclass(frozen=True)
class Crop:
    """A ROI as the scorers see it: its box in the image and its mask inside the box (bool hxw)."""

    bbox_xywh: tuple[int, int, int, int]
    mask: Mask

    @classmethod
    def of(cls, mask: Mask) -> "Crop":
        """Make the crop of a mask, bool HxW of the image, that is not empty."""
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        return cls((x, y, w, h), np.ascontiguousarray(mask[y : y + h, x : x + w]))

    @property
    def window(self) -> tuple[slice, slice]:
        """The box as slices of rows and columns."""
        x, y, w, h = self.bbox_xywh
        return slice(y, y + h), slice(x, x + w)

    def masked(self, image: Image, least: int = 1) -> Image:
        """Cut the box out of `image`, zero outside the mask and, up to `least`, below and right."""
        h, w = self.mask.shape
        out = np.zeros((max(h, least), max(w, least), 3), np.uint8)
        out[:h, :w] = image[self.window] * self.mask[..., None]
        return out

    def pasted(self, reference: Image, rendering: Image) -> Image:
        """Return `reference` with the ROI's pixels from `rendering`."""
        out = reference.copy()
        out[self.window] = np.where(
            self.mask[..., None], rendering[self.window], reference[self.window]
        )
        return out


def crop_of(roi: Roi) -> Crop:
    """Make the crop of a ROI record."""
    x, y, w, h = roi.bbox_xywh
    mask = mask_of(roi)[y : y + h, x : x + w]
    return Crop((x, y, w, h), np.ascontiguousarray(mask))


@dataclass(frozen=True)
class Scores:
    """Of one scorer for one scene, higher is better.

    quality: renderings x ROIs, score(rendered crop, reference crop).
    importance: renderings x ROIs, score(reference, reference) - score(pasted, reference).
    """

    quality: NDArray[np.float64]
    importance: NDArray[np.float64]


class Scorer(Protocol):
    """Scores all ROIs of a scene in all its renderings."""

    def scores(
        self, reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
    ) -> Scores:
        """Images are uint8 HxWx3, encoded RGB, all of one size."""
