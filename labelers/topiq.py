"""TOPIQ, full reference, for all ROIs of a scene: pyiqa's modules and weights, called sparingly.

Quality: the reference crop's features are made once, its renderings go through as batches.
Importance: the pasted image's features and gates are recomputed where the ROI reaches them and
taken from the reference elsewhere; tokens and attention, which see everything, are computed whole.
Equal to pyiqa's metric up to rounding (held to 1e-5).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labelers import weights
from labelers.backbone import Rect, Tensor, changed, features, substituted
from labelers.candidates import Image
from labelers.cfanet import GATE_REACH, Cfanet, Pooling
from labelers.crops import Crop, Scores
from labelers.iqa import create_metric
from labelers.precision import precision

_PIXELS_A_BATCH = 2**18  # of images together; a constant, so that batches never depend on a machine


def load_topiq(name: str, path: Path, device: str) -> Any:
    """Metric `name` of pyiqa (topiq_fr, topiq_fr-pipal) with the checkpoint at `path`, offline.

    Raises:
        SeagullError: the file is not its checkpoint.
    """
    state = weights.read_state(path, "params")
    metric = create_metric(name, device=device, pretrained=False, backbone_pretrain=False)
    weights.load_into(metric.net, state, path, name)
    return metric


@dataclass(frozen=True)
class _Level:
    """One feature of a reference (1xCxHxW), how it is pooled, and its gated pair with itself."""

    feature: Tensor
    pooling: Pooling
    pooled: Tensor  # 1x3Cxthxtw


@dataclass(frozen=True)
class Opened:
    """A reference: the trace of its backbone and its levels."""

    states: list[Tensor]
    levels: list[_Level]


class Topiq:
    """Scores by a pyiqa CFANet with a ResNet backbone."""

    def __init__(self, metric: Any, device: str, precise: str = "fp32") -> None:
        self.net = Cfanet(metric.net, device, precise)
        self.device = device
        self.precise = precise

    def scores(
        self, reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
    ) -> Scores:
        """Quality and importance, renderings x crops (see `crops.Scores`)."""
        import torch

        with torch.inference_mode(), precision(self.precise, self.device):
            whole = self.opened(reference)
            quality = [self.quality(crop, reference, renderings) for crop in crops]
            importance = [self.importance(crop, whole, reference, renderings) for crop in crops]
        return Scores(np.stack(quality, axis=1), np.stack(importance, axis=1))

    def quality(self, crop: Crop, reference: Image, renderings: Sequence[Image]) -> Any:
        """Score of the masked crop in each rendering; float64, one a rendering."""
        masked = crop.masked(reference)
        levels = self.net.features([masked])
        poolings = [Pooling(level, levels[-1]) for level in levels]
        scores = np.empty(len(renderings))
        for part in _batches(len(renderings), masked.shape[0] * masked.shape[1]):
            found = self.net.features([crop.masked(renderings[k]) for k in part])
            pairs = zip(found, levels, poolings, strict=True)
            scores[part] = self.net.score(
                [self.net.pooled(i, d, r, pooling) for i, (d, r, pooling) in enumerate(pairs)]
            )
        return scores

    def importance(
        self, crop: Crop, whole: Opened, reference: Image, renderings: Sequence[Image]
    ) -> Any:
        """Fall of the whole image's score by the ROI of each rendering; float64."""
        rows, cols = crop.window
        rect = Rect(rows.start, rows.stop, cols.start, cols.stop)
        original = reference[crop.window]
        scores = np.zeros(len(renderings))
        patches = [
            np.where(crop.mask[..., None], rendering[crop.window], original)
            for rendering in renderings
        ]
        differ = [k for k, patch in enumerate(patches) if not np.array_equal(patch, original)]
        itself = self.net.score([level.pooled for level in whole.levels])[0]
        for part in _batches(len(differ), reference.shape[0] * reference.shape[1] // 4):
            rows_of = [differ[k] for k in part]
            pixels = self.net.tensor([patches[k] for k in rows_of])
            local = changed(self.net.steps, whole.states, rect, pixels)
            pooled = [
                self._repooled(i, level, *where)
                for i, (level, where) in enumerate(zip(whole.levels, local, strict=True))
            ]
            scores[rows_of] = itself - self.net.score(pooled)
        return scores

    def opened(self, reference: Image) -> Opened:
        """What importance needs of a reference (uint8 HxWx3), once a scene."""
        states = self.net.trace([reference])
        found = features(self.net.steps, states)
        levels = []
        for i, feature in enumerate(found):
            pooling = Pooling(feature, found[-1])
            pooled = self.net.pooled(i, feature, feature, pooling)
            levels.append(_Level(feature, pooling, pooled))
        return Opened(states, levels)

    def _repooled(self, i: int, level: _Level, rect: Rect, pixels: Tensor) -> Tensor:
        """The pooled gated feature after `pixels` came to `rect`: pooling is linear, so add."""
        height, width = level.feature.shape[-2:]
        reach = rect.grown(GATE_REACH, height, width)
        context = reach.grown(GATE_REACH, height, width)
        distorted = substituted(level.feature, context, rect, pixels)
        reference = context.of(level.feature)
        pool = partial(self.net.pooled, i, pooling=level.pooling, context=context, reach=reach)
        was = pool(reference, reference)
        return level.pooled - was + pool(distorted, reference)


def _batches(count: int, pixels: int) -> Iterator[list[int]]:
    size = max(1, _PIXELS_A_BATCH // max(pixels, 1))
    for start in range(0, count, size):
        yield list(range(start, min(count, start + size)))
