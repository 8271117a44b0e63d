"""What passes between detectors, segmenters and the choice of ROIs.

A detector says where objects are; a segmenter turns boxes and points into masks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from manifests.rle import Mask

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Detection:
    """An object: box in pixels of the image, xyxy with the far edge outside; score in [0, 1].

    A detector that knows the object's pixels passes them on (bool HxW); SAM needs the box alone.
    """

    box_xyxy: tuple[float, float, float, float]
    class_name: str | None = None
    score: float | None = None
    mask: Mask | None = None


@dataclass(frozen=True)
class Candidate:
    """A mask, bool HxW of the image; `rank` orders candidates of one segmenter, higher first."""

    mask: Mask
    rank: float
    predicted_iou: float | None = None
    stability: float | None = None


class Detector(Protocol):
    """A model that finds objects."""

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first."""


class Prompted(Protocol):
    """One image that a segmenter has opened, ready for prompts."""

    def boxes(self, detections: Sequence[Detection]) -> list[Candidate]:
        """One mask a detection, in order."""

    def points(self, xy: NDArray[np.float64]) -> list[list[Candidate]]:
        """For each point (nx2, x and y in pixels) up to three nested masks."""


class Segmenter(Protocol):
    """A model that turns prompts, boxes and points, into masks."""

    def open(self, image: Image) -> Prompted:
        """Do once what all prompts of an encoded RGB image (uint8 HxWx3) share."""


def box_of(mask: Mask) -> tuple[float, float, float, float]:
    """Return the xyxy box of a mask that is not empty, the far edges outside."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return float(x), float(y), float(x + width), float(y + height)
