"""The models that find ROIs, by name: loaded once a worker, weights by path.

The embedded pair needs no weights.
"""

from dataclasses import dataclass
from pathlib import Path

from labelers.contracts.candidates import Detector, Segmenter
from labelers.loading import weights
from manifests.config import MasksConfig

_EMBEDDED = "embedded-1"  # raise when the embedded pair changes its masks


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
    if config.detector == "embedded":
        return _EMBEDDED
    return _named(config.detector, _detector_weights(config))


def _segmenter_identity(config: MasksConfig) -> str:
    if config.segmenter == "embedded":
        return _EMBEDDED
    return _named(_segmenter_name(config), _segmenter_weights(config))


def _named(name: str, path: Path) -> str:
    if name == "hf":
        from labelers.loading import hf

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
        from labelers.weight_free.embedded import EmbeddedDetector

        return EmbeddedDetector(config.min_area, config.max_objects)
    if config.detector == "hf":
        from labelers.detectors.hf_detector import load_hf_detector

        return load_hf_detector(_detector_weights(config), device, config.detector_options)
    from labelers.detectors.worker_detector import load_worker

    return load_worker(config.detector, _detector_weights(config), device, config.detector_options)


def _load_segmenter(config: MasksConfig, device: str) -> Segmenter:
    if config.segmenter == "embedded":
        from labelers.weight_free.embedded import EmbeddedSegmenter

        return EmbeddedSegmenter(config.min_area)
    path = _segmenter_weights(config)
    least = -1e9 if config.literal else config.predicted_iou
    if config.segmenter == "hf":
        from labelers.segmenters.hf_segmenter import load_hf_segmenter

        return load_hf_segmenter(path, device, least)
    from labelers.segmenters.sam import SamSegmenter, load_sam

    return SamSegmenter(load_sam(config.segmenter_model, path, device), least)
