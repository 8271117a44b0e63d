"""TOPIQ, full reference, for all ROIs of a scene: pyiqa's modules and weights, called sparingly.

Chen et al., "TOPIQ: A Top-down Approach from Semantics to Distortions for Image Quality
Assessment", TIP 2024. Quality: the reference crop's features are made once, its renderings go
through as batches. Importance: the pasted image's features and gates are recomputed where the ROI
reaches them and taken from the reference elsewhere; tokens and attention, which see everything,
are computed whole. Equal to pyiqa's metric up to rounding (held to 1e-5).

Crops have no least size: the network pads by itself.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelers import weights
from labelers.backbone import Rect, Tensor, changed, features, resnet_steps, substituted, trace
from labelers.candidates import Image
from labelers.crops import Crop, Scores
from labelers.iqa import create_metric
from labelers.precision import precision

_PIXELS_A_BATCH = 2**18  # of images together; a constant, so that batches never depend on a machine
_GATE_REACH = 2  # the gate has two 3x3 convolutions


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
    """One feature of a reference: itself, its gated pair with itself, pooled, and the pooling."""

    feature: Tensor  # 1xCxHxW
    gated: Tensor  # 1x3CxHxW
    pooled: Tensor  # 1x3CxthxTw
    rows: Tensor  # th x H, averaging
    cols: Tensor  # tw x W


@dataclass(frozen=True)
class Opened:
    """A reference: the trace of its backbone and its levels."""

    states: list[Tensor]
    levels: list[_Level]


class Topiq:
    """Scores by a pyiqa CFANet with a ResNet backbone."""

    def __init__(self, metric: Any, device: str, precise: str = "fp32") -> None:
        self.net = copy.deepcopy(metric.net).to(device).eval()
        self.device = device
        self.precise = precise
        _without_attention_maps(self.net)
        self.steps = resnet_steps(_fused(self.net.semantic_model))

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
        levels = features(self.steps, trace(self.steps, self._tensor([masked])))
        scores = np.empty(len(renderings))
        for part in _batches(len(renderings), masked.shape[0] * masked.shape[1]):
            images = self._tensor([crop.masked(renderings[k]) for k in part])
            found = features(self.steps, trace(self.steps, images))
            gated = [
                self._gated(i, d, r.expand_as(d))
                for i, (d, r) in enumerate(zip(found, levels, strict=True))
            ]
            scores[part] = self._score([_pooled(g, levels[-1]) for g in gated])
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
        itself = self._score([level.pooled for level in whole.levels])[0]
        for part in _batches(len(differ), reference.shape[0] * reference.shape[1] // 4):
            rows_of = [differ[k] for k in part]
            pixels = self._tensor([patches[k] for k in rows_of])
            local = changed(self.steps, whole.states, rect, pixels)
            pooled = [
                self._repooled(i, level, *where)
                for i, (level, where) in enumerate(zip(whole.levels, local, strict=True))
            ]
            scores[rows_of] = itself - self._score(pooled)
        return scores

    def opened(self, reference: Image) -> Opened:
        """What importance needs of a reference (uint8 HxWx3), once a scene."""
        states = trace(self.steps, self._tensor([reference]))
        found = features(self.steps, states)
        levels = []
        for i, feature in enumerate(found):
            gated = self._gated(i, feature, feature)
            pooled = _pooled(gated, found[-1])
            shape, size = feature.shape[-2:], pooled.shape[-2:]
            rows, cols = (_averaging(n, m, feature) for n, m in zip(shape, size, strict=True))
            levels.append(_Level(feature, gated, pooled, rows, cols))
        return Opened(states, levels)

    def _gated(self, i: int, distorted: Tensor, reference: Tensor) -> Tensor:
        """Distorted, reference and difference, weighted by the difference's gate: Nx3CxHxW."""
        import torch

        difference = self.net.dist_func(distorted, reference)
        gate = self.net.weight_pool[i](difference)
        return torch.cat([distorted, reference, difference], dim=1).mul_(gate)

    def _repooled(self, i: int, level: _Level, rect: Rect, pixels: Tensor) -> Tensor:
        """The pooled gated feature after `pixels` came to `rect`: pooling is linear, so add."""
        height, width = level.feature.shape[-2:]
        reach = rect.grown(_GATE_REACH, height, width)
        context = reach.grown(_GATE_REACH, height, width)
        distorted = substituted(level.feature, context, rect, pixels)
        reference = context.of(level.feature).expand_as(distorted)
        gated = reach.within(context).of(self._gated(i, distorted, reference))
        moved = gated - reach.of(level.gated)
        rows, cols = (
            level.rows[:, reach.top : reach.bottom],
            level.cols[:, reach.left : reach.right],
        )
        return level.pooled + rows @ (moved @ cols.T)

    def _score(self, pooled: Sequence[Tensor]) -> Any:
        """Tokens of all levels, coarse to fine, to one score an image."""
        query = self._tokens(len(pooled) - 1, pooled[-1])
        for block, i in zip(self.net.attn_blks, reversed(range(len(pooled) - 1)), strict=True):
            query = block(query, self._tokens(i, pooled[i]))
        final = self.net.attn_pool(query).mean(dim=0)
        return self.net.score_linear(final)[:, 0].double().cpu().numpy()

    def _tokens(self, i: int, pooled: Tensor) -> Tensor:
        """Level i's tokens after self-attention, (th tw) x N x channels."""
        import torch
        import torch.nn.functional as F

        h, w = self.net.h_emb, self.net.w_emb
        grid = torch.cat([h.expand(-1, -1, -1, w.shape[3]), w.expand(-1, -1, h.shape[2], -1)], 1)
        place = F.interpolate(grid, size=pooled.shape[2:], mode="bicubic", align_corners=False)
        reduced = self.net.dim_reduce[i](pooled) + place
        return self.net.sa_attn_blks[i](reduced.flatten(2).permute(2, 0, 1))

    def _tensor(self, images: Sequence[Image]) -> Tensor:
        """uint8 HxWx3 images to the network's normalised NCHW."""
        import torch

        stacked = torch.from_numpy(np.stack(images)).to(self.device).permute(0, 3, 1, 2)
        return self.net.preprocess(stacked.float() / 255)


def _batches(count: int, pixels: int) -> Iterator[list[int]]:
    size = max(1, _PIXELS_A_BATCH // max(pixels, 1))
    for start in range(0, count, size):
        yield list(range(start, min(count, start + size)))


def _pooled(gated: Tensor, coarsest: Tensor) -> Tensor:
    """Averaged to the coarsest feature's size where larger both ways, as CFANet does."""
    import torch.nn.functional as F

    size = coarsest.shape[-2:]
    if gated.shape[2] > size[0] and gated.shape[3] > size[1]:
        return F.adaptive_avg_pool2d(gated, size)
    return gated


def _averaging(size: int, cells: int, like: Tensor) -> Tensor:
    """Adaptive average pooling of `size` values to `cells` as a matrix, cells x size."""
    matrix = like.new_zeros(cells, size)
    for k in range(cells):
        start, stop = k * size // cells, -(-(k + 1) * size // cells)
        matrix[k, start:stop] = 1 / (stop - start)
    return matrix


def _without_attention_maps(net: Any) -> None:
    """Attention by the fused kernel: its maps, which nobody reads, are not made."""
    import torch

    for module in net.modules():
        if isinstance(module, torch.nn.MultiheadAttention):
            module.register_forward_pre_hook(
                lambda _, args, kwargs: (args, {**kwargs, "need_weights": False}), with_kwargs=True
            )


def _fused(network: Any) -> Any:
    """The backbone with its batch norms, constants at inference, inside the convolutions."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for module in network.modules():
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")):
            if isinstance(getattr(module, norm, None), torch.nn.BatchNorm2d):
                setattr(
                    module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm))
                )
                setattr(module, norm, torch.nn.Identity())
    return network
