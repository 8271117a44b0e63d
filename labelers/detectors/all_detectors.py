"""The detectors there are, by the name in `masks.detector`; others by `seagull.detectors`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from labelers.contracts.candidates import Detector
from labelers.contracts.kinds import DETECTORS_GROUP, WEIGHT_FREE, DetectorKind
from labelers.loading import hf, weights
from manifests.config import MasksConfig
from manifests.plugins import by_name


def detector_kind(name: str) -> DetectorKind:
    """Return the detector called `name`; SeagullError when there is none."""
    return by_name(name, DETECTORS, DETECTORS_GROUP, DetectorKind, "detector")


def _weights(config: MasksConfig) -> Path:
    return weights.required(config.detector_weights, config.detector, "masks.detector_weights")


def _load_weight_free(config: MasksConfig, device: str) -> Detector:
    from labelers.weight_free.embedded import EmbeddedDetector

    return EmbeddedDetector(config.min_area, config.max_objects)


def _load_hf(config: MasksConfig, device: str) -> Detector:
    from labelers.detectors.hf_detector import load_hf_detector

    return load_hf_detector(_weights(config), device, config.detector_options)


def _load_worker(name: str, config: MasksConfig, device: str) -> Detector:
    from labelers.detectors.worker_detector import load_worker

    return load_worker(name, _weights(config), device, config.detector_options)


def _hf_identity(config: MasksConfig) -> str:
    return hf.identity(_weights(config))


def _worker_identity(name: str, config: MasksConfig) -> str:
    return f"{name}@{weights.short(_weights(config))}"


def _worker(name: str) -> DetectorKind:
    return DetectorKind(partial(_load_worker, name), partial(_worker_identity, name))


DETECTORS: Mapping[str, DetectorKind] = {
    "embedded": DetectorKind(_load_weight_free, lambda config: WEIGHT_FREE),
    "seem": _worker("seem"),
    "detectron2": _worker("detectron2"),
    "hf": DetectorKind(_load_hf, _hf_identity),
}
