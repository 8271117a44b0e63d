"""The mask-based feature extractor of section 4.2: a global and a local view token for each ROI.

Where the paper leaves a choice, or the released model differs from it, the choice has a name:
`key_tokens` (spatial positions, or one key a channel as in C_j x P), `sa_over` (the scales of one
ROI, or the ROIs of one image scale by scale). The local view reads native pixels by two strided
convolutions, of each cell the mean and deviation; one more token holds the statistics of color and
texture of all that is inside the mask.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.sample_arrays import STATISTICS
from training.network.roi_dropout import RoiDropout

HEADS = 8
RESIDUAL_GAIN = 16.0  # brings noise of one or two 8-bit steps into the range of the convolutions


class SelfAttention(nn.Module):
    """Attention among tokens: with a residual and a norm before or after it, or alone (`none`)."""

    def __init__(self, width: int, norm: str = "pre") -> None:
        super().__init__()
        self.place = norm
        self.norm = nn.Identity() if norm == "none" else nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)

    def forward(self, tokens: Tensor, absent: Tensor | None = None) -> Tensor:
        """(N, T, P) -> (N, T, P); `absent` (N, T) is True at tokens to ignore."""
        x = self.norm(tokens) if self.place == "pre" else tokens
        mixed: Tensor = self.attention(x, x, x, key_padding_mask=absent, need_weights=False)[0]
        if self.place == "none":
            return mixed
        after: Tensor = self.norm(tokens + mixed) if self.place == "post" else tokens + mixed
        return after


class CrossAttention(nn.Module):
    """Multi-head attention of few queries over many tokens, which are both keys and values.

    The projections of keys and values are applied on the queries' side (q W_k t = (W_k^T q) t, and
    the mean of projected tokens is the projected mean): the same numbers as PyTorch's module, at a
    cost a token that grows with the queries instead of the width.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a bias would vanish in the softmax

    def forward(self, queries: Tensor, tokens: Tensor) -> Tensor:
        """(B, K, P) from queries (B, K, P) and tokens (B, T, P)."""
        b, k, p = queries.shape
        by_head = (HEADS, p // HEADS, p)
        asked = self.query(queries).view(b, k, *by_head[:2]) * (p // HEADS) ** -0.5
        asked = torch.einsum("bkhd,hdp->bkhp", asked, self.key.weight.view(by_head))
        attention = torch.einsum("bkhp,btp->bkht", asked, tokens).softmax(-1)
        attended = torch.einsum("bkht,btp->bkhp", attention, tokens)
        attended = torch.einsum("bkhp,hdp->bkhd", attended, self.value.weight.view(by_head))
        answer: Tensor = self.out(attended.flatten(2) + self.value.bias)
        return answer


def mask_pool(features: Tensor, masks: Tensor, pooling: str = "touched") -> Tensor:
    """Mean of the features under each mask, MP of eq. 2.

    Args:
        features: (B, C, H, W).
        masks: (B, K, V, V), 0 or 1.
        pooling: how a grid cell counts. `touched`: fully, when any pixel of it is inside; `area`:
            by the share that is; `bilinear`: fully, when the mask bilinearly resized is above 0,
            so that small masks vanish (ODISE's, the paper's reference, and the released model's).

    Returns:
        (B, K, C); zeros where no cell counts.
    """
    masks, size = masks.to(features.dtype), (features.shape[-2], features.shape[-1])
    if pooling == "touched":
        grid = F.adaptive_max_pool2d(masks, size)  # (B, K, H, W)
    elif pooling == "area":
        grid = F.adaptive_avg_pool2d(masks, size)
    else:
        resized = F.interpolate(masks, size, mode="bilinear", align_corners=False)
        grid = (resized > 0).to(features.dtype)
    weights = grid / grid.sum((2, 3), keepdim=True).clamp_min(1e-6)
    return torch.einsum("bkhw,bchw->bkc", weights, features)


class GlobalView(nn.Module):
    """F_gvt of eq. 2 to 4."""

    def __init__(
        self,
        channels: Sequence[int],
        sides: Sequence[int],
        width: int,
        key_tokens: str,
        sa_over: str,
        pooling: str = "touched",
        norm: str = "pre",
        gelu: bool = True,
    ) -> None:
        super().__init__()
        self.key_tokens, self.sa_over, self.pooling = key_tokens, sa_over, pooling
        self.activation = nn.GELU() if gelu else nn.Identity()
        keys = [side * side for side in sides] if key_tokens == "channel" else channels
        self.basic = nn.ModuleList(nn.Linear(c, width) for c in channels)
        self.keys = nn.ModuleList(nn.Linear(k, width) for k in keys)
        self.self_attention = SelfAttention(width, norm)
        self.cross_attention = CrossAttention(width)
        self.fuse_basic = nn.Linear(width, width)
        self.fuse_context = nn.Linear(width, width)
        self.fuse = nn.Linear(2 * width, width)

    def forward(self, scales: list[Tensor], masks: Tensor) -> Tensor:
        """(B, K, P) from features (B, C_j, H_j, W_j) and masks (B, K, V, V)."""
        basic = torch.stack(
            [
                fc(mask_pool(f, masks, self.pooling))
                for fc, f in zip(self.basic, scales, strict=True)
            ],
            2,
        )  # (B, K, 4, P), eq. 2
        queries = self._attend_itself(basic)
        context = torch.stack(
            [self._context(j, f, queries[:, :, j]) for j, f in enumerate(scales)], 2
        )  # (B, K, 4, P), eq. 3
        pair = [self.fuse_basic(basic.sum(2)), self.fuse_context(context.sum(2))]
        fused: Tensor = self.fuse(self.activation(torch.cat(pair, -1)))  # (B, K, P), eq. 4
        return fused

    def _attend_itself(self, basic: Tensor) -> Tensor:
        b, k, j, p = basic.shape
        if self.sa_over == "levels":
            return self.self_attention(basic.reshape(b * k, j, p)).view(b, k, j, p)
        over_rois = self.self_attention(basic.transpose(1, 2).reshape(b * j, k, p))
        return over_rois.view(b, j, k, p).transpose(1, 2)

    def _context(self, scale: int, features: Tensor, queries: Tensor) -> Tensor:
        flat = features.flatten(2)  # (B, C, H W)
        tokens = self.keys[scale](flat if self.key_tokens == "channel" else flat.transpose(1, 2))
        attended: Tensor = self.cross_attention(queries, tokens)
        return attended


class CropView(nn.Module):
    """F_lvt as the paper has it: the masked crop through two CNNs, self-attention, FC.

    The paper gives no sizes: two strided convolutions, and tokens of 4 x 4 cells.
    """

    def __init__(self, width: int, norm: str, cells: int = 4, filters: int = 64) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, filters, 5, stride=4, padding=2)
        self.second = nn.Conv2d(filters, width, 3, stride=2, padding=1)
        self.cells = nn.AdaptiveAvgPool2d(cells)
        self.self_attention = SelfAttention(width, norm)
        self.out = nn.Linear(width, width)

    def forward(self, patches: Tensor, inside: Tensor, statistics: Tensor, keys: Tensor) -> Tensor:
        """(N, P) from crops (N, S, S, 3) uint8, masks in them (N, S, S)."""
        pixels = patches.permute(0, 3, 1, 2).contiguous().to(statistics.dtype) / 127.5 - 1
        masked = pixels * inside[:, None].to(statistics.dtype)
        features = self.cells(F.gelu(self.second(F.gelu(self.first(masked)))))
        tokens = self.self_attention(features.flatten(2).transpose(1, 2))
        token: Tensor = self.out(tokens.mean(1))
        return token


class LocalView(nn.Module):
    """F_lvt, from native pixels and statistics."""

    def __init__(self, width: int, dropout: float = 0.0, cells: int = 4, filters: int = 32) -> None:
        super().__init__()
        self.cells = cells
        self.first = nn.Conv2d(6, filters, 5, stride=2, padding=2)
        self.first_norm = nn.BatchNorm2d(filters)
        self.second = nn.Conv2d(filters, 2 * filters, 3, stride=2, padding=1)
        self.second_norm = nn.BatchNorm2d(2 * filters)
        self.cell = nn.Linear(6 * filters + 6, width)
        self.statistics_norm = nn.BatchNorm1d(STATISTICS)
        self.measured = nn.Linear(STATISTICS, 2 * width)
        self.statistics = nn.Linear(2 * width, width)
        self.drop_measured, self.drop_hidden = RoiDropout(dropout / 2, 0), RoiDropout(dropout, 1)
        self.self_attention = SelfAttention(width)
        self.out = nn.Linear(2 * width, width)

    def forward(self, patches: Tensor, inside: Tensor, statistics: Tensor, keys: Tensor) -> Tensor:
        """(N, P) from patches (N, S, S, 3) uint8, masks in them (N, S, S), and (N, STATISTICS)."""
        pixels = patches.permute(0, 3, 1, 2).contiguous().to(statistics.dtype) / 127.5 - 1
        inside = inside[:, None].to(statistics.dtype)  # (N, 1, S, S)
        residual = RESIDUAL_GAIN * fine_residual(pixels)
        fine = F.gelu(self.first_norm(self.first(torch.cat([pixels, residual], 1))))
        coarse = F.gelu(self.second_norm(self.second(fine)))  # (N, 2 F, S / 4, S / 4)
        moments = torch.cat([self._moments(f, inside) for f in (residual, fine, coarse)], -1)
        present = F.adaptive_max_pool2d(inside, self.cells).flatten(1) > 0  # (N, cells^2)
        tokens = torch.cat([self.cell(moments), self._token(statistics, keys)[:, None]], 1)
        absent = torch.cat([~present, torch.zeros_like(present[:, :1])], 1)
        mixed = self.self_attention(tokens, absent)
        weights = present.to(mixed.dtype) / present.sum(1, keepdim=True).clamp_min(1)
        pooled = torch.einsum("nt,ntp->np", weights, mixed[:, :-1])
        token: Tensor = self.out(F.gelu(torch.cat([pooled, mixed[:, -1]], 1)))
        return token

    def _token(self, statistics: Tensor, keys: Tensor) -> Tensor:
        """(N, P) of (N, STATISTICS)."""
        measured = self.drop_measured(self.statistics_norm(statistics), keys)
        token: Tensor = self.statistics(self.drop_hidden(F.gelu(self.measured(measured)), keys))
        return token

    def _moments(self, features: Tensor, inside: Tensor) -> Tensor:
        """(N, cells^2, 2 C): mean and log deviation over the pixels of each cell in the mask."""
        weights = F.adaptive_max_pool2d(inside, features.shape[-2:])
        total = F.adaptive_avg_pool2d(weights, self.cells).clamp_min(1e-4)
        mean = F.adaptive_avg_pool2d(features * weights, self.cells) / total
        square = F.adaptive_avg_pool2d(features.square() * weights, self.cells) / total
        deviation = (square - mean.square()).clamp_min(1e-4).log() / 2
        return torch.cat([mean, deviation], 1).flatten(2).transpose(1, 2)


def fine_residual(pixels: Tensor) -> Tensor:
    """(N, C, S, S): what a 3x3 Laplacian difference leaves of smooth content (Immerkaer 1996)."""
    line = pixels.new_tensor([1.0, -2.0, 1.0])
    kernel = (torch.outer(line, line) / 6).expand(pixels.shape[1], 1, 3, 3)
    padded = F.pad(pixels, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel, groups=pixels.shape[1])
