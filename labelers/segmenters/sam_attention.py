"""The attention of SAM's image encoder, a block of its scores at a time.

A global layer of segment-anything scores 4096 x 4096 tokens in each of 12 heads and walks four
times over the 0.8 GB that this takes; on a CPU that is most of the encoder's time. Here the same
scores, with the same decomposed relative positions (Li et al., MViTv2, CVPR 2022), are made, turned
into weights and used up block by block while they are in the cache, in segment-anything's own order
of operations: a block has whole rows, so the result is the same to the last bit. The idea of never
holding all scores: Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021.

`quickly` gives the last bits up: the products of global layers by oneDNN, head by head, windows by
torch's fused attention.
"""

from functools import partial
from typing import Any

Tensor = Any  # torch.Tensor; torch is imported where a model is loaded

_SCORES = 2**20  # of a block: 4 MB


def by_blocks(encoder: Any) -> None:
    """Let every attention of a segment-anything ImageEncoderViT work by blocks; in place."""
    for block in encoder.blocks:
        block.attn.forward = partial(attention, block.attn)


def quickly(encoder: Any) -> None:
    """Let every attention of an ImageEncoderViT on a CPU be equal up to rounding; in place."""
    for block in encoder.blocks:
        attended = _by_window if block.window_size else _by_head
        block.attn.forward = partial(attention, block.attn, attended=attended)


def attention(layer: Any, x: Tensor, attended: Any = None) -> Tensor:
    """Compute what `layer` (segment-anything's Attention, or its like) makes of BxHxWxC tokens."""
    batch, height, width, _ = x.shape
    count = height * width
    parts = layer.qkv(x).reshape(batch, count, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    query, key, value = parts.reshape(3, batch * layer.num_heads, count, -1).unbind(0)
    down, across = _positions(layer, query, height, width)
    heads = (attended or _attended)(query, key, value, down, across, layer.scale)
    merged = heads.view(batch, layer.num_heads, height, width, -1)
    return layer.proj(merged.permute(0, 2, 3, 1, 4).reshape(batch, height, width, -1))


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


def _attended(
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


def _by_head(
    query: Tensor, key: Tensor, value: Tensor, down: Tensor, across: Tensor, scale: float
) -> Tensor:
    """As `_attended`; one head's key and value are packed at a time."""
    import torch

    from labelers.loading.onednn import packed, product

    out = torch.empty_like(query)
    rows = max(1, _SCORES // query.shape[1])
    for head in range(len(query)):
        keys, values = packed(key[head] * scale), packed(value[head].T)
        for top in range(0, query.shape[1], rows):
            at = (head, slice(top, top + rows))
            scores = product(query[at], keys)
            scores.unflatten(1, (down.shape[2], across.shape[3])).add_(down[at]).add_(across[at])
            out[at] = product(scores.softmax(dim=-1), values)
    return out


def _by_window(
    query: Tensor, key: Tensor, value: Tensor, down: Tensor, across: Tensor, scale: float
) -> Tensor:
    """As `_attended`, for many small windows."""
    from torch.nn.functional import scaled_dot_product_attention

    placed = (down + across).flatten(2)
    return scaled_dot_product_attention(
        query[None], key[None], value[None], placed[None], scale=scale
    )[0]
