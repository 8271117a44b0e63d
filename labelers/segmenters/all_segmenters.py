"""The segmenters there are, by the name in `masks.segmenter`; others by `seagull.segmenters`."""

from collections.abc import Mapping
from pathlib import Path

from labelers.contracts.candidates import Segmenter
from labelers.contracts.kinds import SEGMENTERS_GROUP, WEIGHT_FREE, SegmenterKind
from labelers.loading import hf, weights
from manifests.config import MasksConfig
from manifests.plugins import by_name

_NO_LEAST = -1e9  # predicted IoU of `masks.literal`: every mask


def segmenter_kind(name: str) -> SegmenterKind:
    """Return the segmenter called `name`; SeagullError when there is none."""
    return by_name(name, SEGMENTERS, SEGMENTERS_GROUP, SegmenterKind, "segmenter")


def _weights(config: MasksConfig, name: str) -> Path:
    return weights.required(config.segmenter_weights, name, "masks.segmenter_weights")


def _sam_name(config: MasksConfig) -> str:
    return f"sam:{config.segmenter_model}"


def _least_iou(config: MasksConfig) -> float:
    return _NO_LEAST if config.literal else config.predicted_iou


def _load_weight_free(config: MasksConfig, device: str) -> Segmenter:
    from labelers.weight_free.embedded import EmbeddedSegmenter

    return EmbeddedSegmenter(config.min_area)


def _load_hf(config: MasksConfig, device: str) -> Segmenter:
    from labelers.loading.onednn import pack_linears
    from labelers.segmenters.hf_segmenter import load_hf_segmenter

    segmenter = load_hf_segmenter(_weights(config, "hf"), device, _least_iou(config))
    if device == "cpu":
        pack_linears(segmenter.model)
    return segmenter


def _load_sam(config: MasksConfig, device: str) -> Segmenter:
    from labelers.segmenters.sam import SamSegmenter, load_sam

    path = _weights(config, _sam_name(config))
    sam = load_sam(config.segmenter_model, path, device)
    return SamSegmenter(sam, _least_iou(config), quick=device == "cpu")


def _hf_identity(config: MasksConfig) -> str:
    return hf.identity(_weights(config, "hf"))


def _sam_identity(config: MasksConfig) -> str:
    name = _sam_name(config)
    return f"{name}@{weights.short(_weights(config, name))}"


SEGMENTERS: Mapping[str, SegmenterKind] = {
    "embedded": SegmenterKind(_load_weight_free, lambda config: WEIGHT_FREE),
    "sam": SegmenterKind(_load_sam, _sam_identity),
    "hf": SegmenterKind(_load_hf, _hf_identity),
}
