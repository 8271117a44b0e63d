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

_EMBEDDED = "embedded-1"  # raise when the embedded pair changes its masks


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


def box_of(mask: Mask) -> tuple[float, float, float, float]:
    """The xyxy box of a mask that is not empty, the far edges outside."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1)


def _detector_identity(config: MasksConfig) -> str:
    if config.detector == "embedded":
        return _EMBEDDED
    return _named(config.detector, _detector_weights(config))


def _segmenter_identity(config: MasksConfig) -> str:
    if config.segmenter == "embedded":
        return _EMBEDDED
    return _named(_segmenter_name(config), _segmenter_weights(config))


def _named(name: str, path: Path) -> str:
    if name == "hf":
        from labelers import hf

        name = f"hf:{hf.architecture(path)}"
    return f"{name}@{weights.short(path)}"


def _segmenter_name(config: MasksConfig) -> str:
    return f"sam:{config.segmenter_model}" if config.segmenter == "sam" else config.segmenter


def _detector_weights(config: MasksConfig) -> Path:
    return weights.required(config.detector_weights, config.detector, "masks.detector_weights")


def _segmenter_weights(config: MasksConfig) -> Path:
    name = _segmenter_name(config)
    return weights.required(config.segmenter_weights, name, "masks.segmenter_weights")


def _load_detector(config: MasksConfig, device: str) -> Detector:
    if config.detector == "embedded":
        from labelers.embedded import EmbeddedDetector

        return EmbeddedDetector(config.min_area, config.max_objects)
    if config.detector == "hf":
        from labelers.hf_detector import load_hf_detector

        return load_hf_detector(_detector_weights(config), device, config.detector_options)
    from labelers.worker import load_worker

    return load_worker(config.detector, _detector_weights(config), device, config.detector_options)


def _load_segmenter(config: MasksConfig, device: str) -> Segmenter:
    if config.segmenter == "embedded":
        from labelers.embedded import EmbeddedSegmenter

        return EmbeddedSegmenter(config.min_area)
    path = _segmenter_weights(config)
    least = -1e9 if config.literal else config.predicted_iou
    if config.segmenter == "hf":
        from labelers.hf_segmenter import load_hf_segmenter

        return load_hf_segmenter(path, device, least)
    from labelers.sam import SamSegmenter, load_sam

    return SamSegmenter(load_sam(config.segmenter_model, path, device), least)
