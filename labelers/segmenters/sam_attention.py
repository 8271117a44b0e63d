"""The attention of SAM's image encoder, a block of its scores at a time.

A global layer of segment-anything scores 4096 x 4096 tokens in each of 12 heads and walks four
times over the 0.8 GB that this takes; on a CPU that is most of the encoder's time. Here the same
scores, with the same decomposed relative positions (Li et al., MViTv2, CVPR 2022), are made, turned
into weights and used up block by block while they are in the cache, in segment-anything's own order
of operations: a block has whole rows, so the result is the same to the last bit. The idea of never
holding all scores: Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021.
"""

from functools import partial
from typing import Any

Tensor = Any  # torch.Tensor; torch is imported where a model is loaded

_SCORES = 2**20  # of a block: 4 MB


def by_blocks(encoder: Any) -> None:
    """Let every attention of a segment-anything ImageEncoderViT work by blocks; in place."""
    for block in encoder.blocks:
        block.attn.forward = partial(attention, block.attn)


def attention(layer: Any, x: Tensor) -> Tensor:
    """Compute what `layer` (segment-anything's Attention, or its like) makes of BxHxWxC tokens."""
    batch, height, width, _ = x.shape
    count = height * width
    parts = layer.qkv(x).reshape(batch, count, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts.reshape(3, batch * layer.num_heads, count, -1).unbind(0)
    down, across = _positions(layer, query, height, width)
    seen = _seen(query, key, value, down, across, layer.scale)
    heads = seen.view(batch, layer.num_heads, height, width, -1)
    return layer.proj(heads.permute(0, 2, 3, 1, 4).reshape(batch, height, width, -1))


def _positions(layer: Any, query: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Compute what rows and columns add: heads x tokens x H x 1, heads x tokens x 1 x W."""
    import torch
    from segment_anything.modeling.image_encoder import get_rel_pos

    placed = query.unflatten(1, (height, width))
    rows = get_rel_pos(height, height, layer.rel_pos_h)
    cols = get_rel_pos(width, width, layer.rel_pos_w)
    down = torch.einsum("bhwc,hkc->bhwk", placed, rows).flatten(1, 2)
    across = torch.einsum("bhwc,wkc->bhwk", placed, cols).flatten(1, 2)
    return down[..., None], across[:, :, None]


def _seen(
    query: Tensor, key: Tensor, value: Tensor, down: Tensor, across: Tensor, scale: float
) -> Tensor:
    """Softmax attention of all heads, heads x tokens x channels."""
    import torch

    heads, count, _ = query.shape
    # Only a CPU has a cache to fit: elsewhere all is one block, as segment-anything has it.
    most = _SCORES if query.device.type == "cpu" else heads * count**2
    some_heads = max(1, most // count**2)
    some_rows = max(1, min(count, most // count))
    out = torch.empty_like(query)
    for first in range(0, heads, some_heads):
        of = slice(first, first + some_heads)
        for top in range(0, count, some_rows):
            at = (of, slice(top, top + some_rows))
            scores = (query[at] * scale) @ key[of].transpose(1, 2)
            placed = scores.unflatten(2, (down.shape[2], across.shape[3]))
            placed.add_(down[at]).add_(across[at])
            out[at] = scores.softmax(dim=-1) @ value[of]
    return out
