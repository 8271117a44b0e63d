"""The models that find ROIs, by name, and what passes between them.

A detector says where objects are; a segmenter turns boxes and points into masks. Both are loaded
once a worker. Weights are given by path; the embedded pair needs none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labelers import weights
from labelers.rle import Mask
from manifests.config import MasksConfig

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
    """Finds objects."""

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first."""


class Prompted(Protocol):
    """One image, ready for prompts."""

    def boxes(self, detections: Sequence[Detection]) -> list[Candidate]:
        """One mask a detection, in order."""

    def points(self, xy: NDArray[np.float64]) -> list[list[Candidate]]:
        """For each point (nx2, x and y in pixels) up to three nested masks."""


class Segmenter(Protocol):
    """Turns prompts into masks."""

    def open(self, image: Image) -> Prompted:
        """Do once what all prompts of an encoded RGB image (uint8 HxWx3) share."""


@dataclass(frozen=True)
class MaskModels:
    """What one worker holds."""

    detector: Detector
    segmenter: Segmenter
    identity: str


def mask_models_identity(config: MasksConfig) -> str:
    """`detector+segmenter`, each with the sha256 of its weights; loads no model.

    Raises:
        SeagullError: a weight file is missing.
    """
    return f"{_detector_identity(config)}+{_segmenter_identity(config)}"


def load_mask_models(config: MasksConfig, device: str) -> MaskModels:
    """Load the detector and the segmenter that `config` names.

    Raises:
        SeagullError: a weight is missing or is not the model's.
    """
    identity = mask_models_identity(config)
    return MaskModels(_load_detector(config, device), _load_segmenter(config, device), identity)


def _detector_identity(config: MasksConfig) -> str:
    from labelers import embedded

    return embedded.IDENTITY


def _segmenter_identity(config: MasksConfig) -> str:
    if config.segmenter == "embedded":
        from labelers import embedded

        return embedded.IDENTITY
    return f"{_segmenter_name(config)}@{weights.short(_segmenter_weights(config))}"


def _segmenter_name(config: MasksConfig) -> str:
    return f"sam:{config.segmenter_model}" if config.segmenter == "sam" else config.segmenter


def _segmenter_weights(config: MasksConfig) -> Path:
    name = _segmenter_name(config)
    return weights.required(config.segmenter_weights, name, "masks.segmenter_weights")


def _load_detector(config: MasksConfig, device: str) -> Detector:
    from labelers.embedded import EmbeddedDetector

    return EmbeddedDetector(config.min_area, config.max_objects)


def _load_segmenter(config: MasksConfig, device: str) -> Segmenter:
    if config.segmenter == "embedded":
        from labelers.embedded import EmbeddedSegmenter

        return EmbeddedSegmenter(config.min_area)
    from labelers.sam import SamSegmenter, load_sam

    sam = load_sam(config.segmenter_model, _segmenter_weights(config), device)
    return SamSegmenter(sam, 0.0 if config.literal else config.predicted_iou)
