"""The network of TOPIQ in parts: what pyiqa's CFANet computes, cut where it can be shared.

Chen et al., "TOPIQ: A Top-down Approach from Semantics to Distortions for Image Quality
Assessment", TIP 2024. Modules and weights are pyiqa's; only the order of the work is ours: batch
norms inside the convolutions, no attention maps, features with their channels last (oneDNN's own
layout), the gated features pooled one by one and never side by side at full size.

Covers CFANet for full reference with a ResNet backbone. Crops have no least size: the network pads
by itself.
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from labelers.contracts.candidates import Image
from labelers.loading.onednn import pack_attentions, pack_linears
from labelers.scorers.backbone import Rect, Tensor, features, passed, resnet_steps, trace

GATE_REACH = 2  # a gate has two 3x3 convolutions
_SAME = 1e-12  # CFANet's distance of equal features, squared


class Cfanet:
    """A copy of a metric's CFANet on `device`, ready for inference in `precise`."""

    def __init__(self, net: Any, device: str, precise: str) -> None:
        self.net = copy.deepcopy(net).to(device).eval()
        self.device = device
        _without_attention_maps(self.net)
        _fuse_norms(self.net.semantic_model)
        self.net.to(memory_format=torch.channels_last)
        if device == "cpu" and precise == "fp32":
            pack_attentions(self.net)
            pack_linears(self.net)
            _by_onednn(self.net)
        self.steps = resnet_steps(self.net.semantic_model)

    def tensor(self, images: Sequence[Image]) -> Tensor:
        """uint8 HxWx3 images to the network's normalised NCHW, channels last."""
        stacked = torch.from_numpy(np.stack(images)).to(self.device).permute(0, 3, 1, 2)
        return self.net.preprocess(stacked.float() / 255)

    def trace(self, images: Sequence[Image]) -> list[Tensor]:
        """Return the images and every step's output (see `backbone.trace`)."""
        return trace(self.steps, self.tensor(images))

    def features(self, images: Sequence[Image]) -> list[Tensor]:
        """Pick the backbone's features, fine to coarse, NxCxHxW each."""
        return features(self.steps, passed(self.steps, self.tensor(images)))

    def pooled(
        self,
        i: int,
        distorted: Tensor,
        reference: Tensor,
        pooling: "Pooling",
        context: Rect | None = None,
        reach: Rect | None = None,
    ) -> Tensor:
        """Level i's distorted, reference and difference, gated and pooled: Nx3Cxthxtw.

        Features are NxCxHxW, the reference's 1xCxHxW. Where they are only the `context` around a
        change, the result is what `reach`, inside it, adds to the cells.
        """
        difference = (distorted - reference).square_().add_(_SAME).sqrt_()
        gate = self.net.weight_pool[i](difference)
        planes = [distorted, reference, difference]
        if context is not None and reach is not None:
            inner = reach.within(context)
            gate, *planes = (inner.of(plane) for plane in (gate, *planes))
        return torch.cat([pooling(plane, gate, reach) for plane in planes], dim=1)

    def score(self, pooled: Sequence[Tensor]) -> Any:
        """Pooled features of all scales, fine to coarse, to one score an image; float64."""
        query = self._tokens(len(pooled) - 1, pooled[-1])
        for block, i in zip(self.net.attn_blks, reversed(range(len(pooled) - 1)), strict=True):
            query = block(query, self._tokens(i, pooled[i]))
        final = self.net.attn_pool(query).mean(dim=0)
        return self.net.score_linear(final)[:, 0].double().cpu().numpy()

    def _tokens(self, i: int, pooled: Tensor) -> Tensor:
        """Level i's tokens after self-attention, (th tw) x N x channels."""
        h, w = self.net.h_emb, self.net.w_emb
        grid = torch.cat([h.expand(-1, -1, -1, w.shape[3]), w.expand(-1, -1, h.shape[2], -1)], 1)
        place = F.interpolate(grid, size=pooled.shape[2:], mode="bicubic", align_corners=False)
        reduced = self.net.dim_reduce[i](pooled) + place
        return self.net.sa_attn_blks[i](reduced.flatten(2).permute(2, 0, 1))


class Pooling:
    """Averages a feature to the coarsest one's size where it is larger both ways, as CFANet does.

    Adaptive average pooling is linear and separable: two small matrices, of which a part can be
    applied to a part of the feature.
    """

    def __init__(self, feature: Tensor, coarsest: Tensor) -> None:
        shape, size = feature.shape[-2:], coarsest.shape[-2:]
        smaller = shape[0] > size[0] and shape[1] > size[1]
        cells = size if smaller else shape
        self.rows, self.cols = (
            _averaging(n, m, feature) for n, m in zip(shape, cells, strict=True)
        )
        self.whole = Rect(0, shape[0], 0, shape[1])

    def __call__(self, feature: Tensor, gate: Tensor, where: Rect | None = None) -> Tensor:
        """Pool the cells, NxCxthxtw, of a feature (NxCxHxW, or 1xCxHxW) times a gate (Nx1xHxW).

        With `where`, feature and gate are that part, and the result is what it adds.
        """
        at = where or self.whole
        rows, cols = self.rows[:, at.top : at.bottom], self.cols[:, at.left : at.right]
        # The gate goes into the small matrix, so that no gated feature is made at full size.
        gated = cols * gate[:, 0, :, None]  # N h v w
        plane = feature.permute(0, 2, 3, 1)
        if len(plane) == 1:
            across = torch.einsum("nhvw,hwc->nhvc", gated, plane[0])
        else:
            across = gated @ plane
        down = rows @ across.flatten(2)  # N t vC
        return down.unflatten(2, across.shape[2:]).permute(0, 3, 1, 2)


def _averaging(size: int, cells: int, like: Tensor) -> Tensor:
    """Adaptive average pooling of `size` values to `cells` as a matrix, cells x size."""
    matrix = like.new_zeros(cells, size)
    for k in range(cells):
        start, stop = k * size // cells, -(-(k + 1) * size // cells)
        matrix[k, start:stop] = 1 / (stop - start)
    return matrix


def _without_attention_maps(net: Any) -> None:
    """Attention by the fused kernel: its maps, which nobody reads, are not made."""
    for module in net.modules():
        if isinstance(module, torch.nn.MultiheadAttention):
            module.register_forward_pre_hook(
                lambda _, args, kwargs: (args, {**kwargs, "need_weights": False}), with_kwargs=True
            )


class _OneDnn(torch.nn.Module):
    """A convolution by oneDNN: on one thread torch takes a slower way for 1x1 kernels."""

    def __init__(self, conv: torch.nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv
        self.stride = conv.stride
        self.where: Any = (conv.padding, conv.stride, conv.dilation, conv.groups)

    def forward(self, x: Tensor) -> Tensor:
        """Turn features NxCxHxW into NxDxhxw."""
        return torch.mkldnn_convolution(x, self.conv.weight, self.conv.bias, *self.where)


def _by_onednn(network: torch.nn.Module) -> None:
    for name, child in network.named_children():
        if isinstance(child, torch.nn.Conv2d):
            setattr(network, name, _OneDnn(child))
        else:
            _by_onednn(child)


def _fuse_norms(network: Any) -> None:
    """Batch norms, constants at inference, into the convolutions before them."""
    for module in network.modules():
        for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"), ("0", "1")):
            if isinstance(getattr(module, norm, None), torch.nn.BatchNorm2d):
                setattr(
                    module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm))
                )
                setattr(module, norm, torch.nn.Identity())
