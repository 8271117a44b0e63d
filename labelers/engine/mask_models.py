"""The models that find ROIs, by name: loaded once a worker, weights by path."""

from dataclasses import dataclass

from labelers.contracts.candidates import Detector, Segmenter
from labelers.detectors.all_detectors import detector_kind
from labelers.segmenters.all_segmenters import segmenter_kind
from manifests.config import MasksConfig


@dataclass(frozen=True)
class MaskModels:
    """The detector and segmenter that one worker holds, and what ROIs say of their source."""

    detector: Detector
    segmenter: Segmenter
    identity: str


def mask_models_identity(config: MasksConfig) -> str:
    """`detector+segmenter`, each with the sha256 of its weights; loads no model.

    Raises:
        SeagullError: no such model, or a weight file is missing.
    """
    detector, segmenter = detector_kind(config.detector), segmenter_kind(config.segmenter)
    return f"{detector.identity(config)}+{segmenter.identity(config)}"


def load_mask_models(config: MasksConfig, device: str) -> MaskModels:
    """Load the detector and the segmenter that `config` names.

    Raises:
        SeagullError: no such model, or a weight is missing or is not the model's.
    """
    identity = mask_models_identity(config)
    detector = detector_kind(config.detector).load(config, device)
    segmenter = segmenter_kind(config.segmenter).load(config, device)
    return MaskModels(detector, segmenter, identity)
