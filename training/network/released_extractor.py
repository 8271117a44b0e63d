"""The mask extractor of the released SEAGULL-7B, as its weights need it.

It departs from section 4.2: keys are channels, self-attention runs over the ROIs of an image with
the norm behind it, one attention block serves all scales, nothing activates between the layers of
eq. 4, and both tokens leave in the LLM's width. The local view is the bare rectangle squashed to a
square, shrunk sixteenfold to one channel and read as one token.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.network.encoder import CLIP_MEAN, CLIP_STD
from training.network.extractor import HEADS, mask_pool

WIDTH = 1024
SHRINK = 4  # of each of the local view's two poolings


class Attention(nn.Module):
    """Multi-head attention whose heads may be narrower than the tokens; softmax(q k / sqrt d) v."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, inner), nn.Linear(width, inner)
        self.value, self.out = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """(B, K, P) from queries (B, K, P) over tokens (B, T, P)."""
        parts = (self.query(queries), self.key(tokens), self.value(tokens))
        heads = [x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in parts]
        mixed = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        attended: Tensor = self.out(mixed)
        return attended


class SharedBlock(nn.Module):
    """Self- and cross-attention and an MLP, each with its residual; norms after the first two."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.itself, self.across = Attention(width, width), Attention(width, width // 2)
        self.norm_itself, self.norm_across = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """(B, K, P) from queries (B, K, P) and tokens (B, T, P)."""
        queries = self.norm_itself(queries + self.itself(queries, queries))
        queries = self.norm_across(queries + self.across(queries, tokens))
        widened: Tensor = self.mlp(queries)
        return queries + widened


class ReleasedExtractor(nn.Module):
    """Both tokens of a ROI, in the LLM's width."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, channels: Sequence[int], sides: Sequence[int], patch: int, hidden: int, width: int
    ) -> None:
        super().__init__()
        self.basic = nn.ModuleList(nn.Linear(c, width) for c in channels)
        self.keys = nn.ModuleList(nn.Linear(side * side, width) for side in sides)
        self.block = SharedBlock(width)
        self.fuse_basic, self.fuse_context = nn.Linear(width, hidden), nn.Linear(width, hidden)
        self.fuse = nn.Linear(2 * hidden, hidden)
        self.shrink = nn.Sequential(
            *(nn.Conv2d(3, 5, 1), nn.GELU(), nn.AvgPool2d(SHRINK)),
            *(nn.Conv2d(5, 1, 1), nn.GELU(), nn.AvgPool2d(SHRINK)),
        )
        pixels = (patch // SHRINK**2) ** 2
        self.itself = Attention(pixels, pixels)
        self.local = nn.Sequential(
            *(nn.Linear(pixels, pixels // 2), nn.ReLU()),
            *(nn.Linear(pixels // 2, pixels // 2), nn.ReLU()),
            nn.Linear(pixels // 2, hidden),
        )
        self.register_buffer("mean", torch.tensor(CLIP_MEAN).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(CLIP_STD).view(3, 1, 1) * 255, persistent=False)

    def global_token(self, scales: Sequence[Tensor], masks: Tensor) -> Tensor:
        """(B, K, h) from features (B, C_j, H_j, W_j) and masks (B, K, V, V)."""
        basic = [
            fc(mask_pool(f, masks, "bilinear")) for fc, f in zip(self.basic, scales, strict=True)
        ]
        context = [
            self.block(b, keys(f.flatten(2)))
            for b, keys, f in zip(basic, self.keys, scales, strict=True)
        ]
        summed = [torch.stack(tokens).sum(0) for tokens in (context, basic)]
        pair = [self.fuse_context(summed[0]), self.fuse_basic(summed[1])]
        fused: Tensor = self.fuse(torch.cat(pair, -1))
        return fused

    def local_token(self, patches: Tensor) -> Tensor:
        """(N, h) from squashed rectangles (N, S, S, 3) uint8."""
        pixels = (patches.permute(0, 3, 1, 2) - self.mean) / self.std
        one = self.shrink(pixels).flatten(1)[:, None]  # (N, 1, (S / 16)^2)
        token: Tensor = self.local(self.itself(one, one)[:, 0])
        return token
