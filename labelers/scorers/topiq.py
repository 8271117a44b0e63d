"""TOPIQ, full reference, for all ROIs of a scene: pyiqa's modules and weights, called sparingly.

Quality: the reference crop's features are made once, its renderings go through as batches.
Importance: the pasted image's features and gates are recomputed where the ROI reaches them and
taken from the reference elsewhere; tokens and attention, which see everything, are computed whole.
Equal to pyiqa's metric up to rounding (held to 1e-5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, Scores
from labelers.loading import weights
from labelers.loading.batching import batch_size, in_batches
from labelers.loading.iqa import create_metric
from labelers.loading.precision import precision
from labelers.scorers.backbone import Rect, Tensor, changed, features, reached, substituted
from labelers.scorers.cfanet import GATE_REACH, Cfanet, Pooling

_PIXELS = 2**19  # of images together, on a CPU
_PIXEL_BYTES = 2**11  # of all that lives at once on a GPU
_HALO = 128  # pixels around a ROI that the fine scales recompute, roughly


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
class _FeatureScale:
    """One feature of a reference (1xCxHxW), how it is pooled, and its gated pair with itself."""

    feature: Tensor
    pooling: Pooling
    pooled: Tensor  # 1x3Cxthxtw


@dataclass(frozen=True)
class ReferenceFeatures:
    """A reference: the trace of its backbone, its scales, and its score against itself."""

    states: list[Tensor]
    scales: list[_FeatureScale]
    itself: float


class _Place:
    """Where a change reaches one scale of a reference, and what the cells hold without that."""

    def __init__(self, net: Cfanet, i: int, scale: _FeatureScale, rect: Rect) -> None:
        height, width = scale.feature.shape[-2:]
        self.scale, self.rect = scale, rect
        reach = rect.grown(GATE_REACH, height, width)
        self.context = reach.grown(GATE_REACH, height, width)
        self.reference = self.context.of(scale.feature)
        self.pool = partial(net.pooled, i, pooling=scale.pooling, context=self.context, reach=reach)
        # Pooling is linear: what was there is taken out, what comes is added.
        self.others = scale.pooled - self.pool(self.reference, self.reference)

    def pooled(self, pixels: Tensor) -> Tensor:
        """Pool the scale's gated feature with `pixels` (NxCxhxw) in the changed rectangle."""
        distorted = substituted(self.scale.feature, self.context, self.rect, pixels)
        return self.others + self.pool(distorted, self.reference)


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
        scales = self.net.features([masked])
        poolings = [Pooling(scale, scales[-1]) for scale in scales]

        def scored(some: Sequence[Image]) -> Any:
            rendered = self.net.features([crop.masked(rendering) for rendering in some])
            pairs = zip(rendered, scales, poolings, strict=True)
            return self.net.score([self.net.pooled(i, *pair) for i, pair in enumerate(pairs)])

        return np.array(in_batches(renderings, self._batch(masked.size // 3), scored))

    def importance(
        self, crop: Crop, whole: ReferenceFeatures, reference: Image, renderings: Sequence[Image]
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
        if not differ:
            return scores
        rects = reached(self.net.steps, whole.states, rect)
        places = [
            _Place(self.net, i, *pair)
            for i, pair in enumerate(zip(whole.scales, rects, strict=True))
        ]

        def scored(some: Sequence[Image]) -> Any:
            changes = changed(self.net.steps, whole.states, rect, self.net.tensor(some))
            return self.net.score([p.pooled(x) for p, x in zip(places, changes, strict=True)])

        size = self._batch((len(original) + _HALO) * (original.shape[1] + _HALO))
        pasted = in_batches([patches[k] for k in differ], size, scored)
        scores[differ] = whole.itself - np.array(pasted)
        return scores

    def _batch(self, pixels: int) -> int:
        """Images of so many pixels at once."""
        return batch_size(self.device, pixels * _PIXEL_BYTES, _PIXELS // max(pixels, 1))

    def opened(self, reference: Image) -> ReferenceFeatures:
        """Compute what importance needs of a reference (uint8 HxWx3), once a scene."""
        states = self.net.trace([reference])
        traced = features(self.net.steps, states[1:])
        scales = []
        for i, feature in enumerate(traced):
            pooling = Pooling(feature, traced[-1])
            pooled = self.net.pooled(i, feature, feature, pooling)
            scales.append(_FeatureScale(feature, pooling, pooled))
        itself = self.net.score([scale.pooled for scale in scales])[0]
        return ReferenceFeatures(states, scales, itself)
