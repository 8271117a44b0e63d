"""SAM's mask decoder (Kirillov et al., ICCV 2023) for many prompts of one image.

A prompt is 7 or so tokens beside 4096 of the image, and most of the decoder's time goes into
projecting those 4096 to keys, queries and values, anew for every prompt. With few tokens it is
cheaper to bring the tokens to the image: q (W k + b) = (q W) k + q b, where q b is the same for all
of the image and falls out of the softmax; and the values are projected after they are averaged.
Where an image token asks, its answer is a sum over the tokens' values, projected beforehand.

The upscaling (two transposed convolutions of stride 2) keeps its pixels in the order of the tokens
they came from, so that it is two matrix products; the masks' logits alone are put in place.

Modules and weights are segment-anything's; results are equal up to rounding.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F

from labelers.loading.onednn import packed, product

Tensor = torch.Tensor


class OwnDecoder:
    """segment-anything's own way, with the places of the image made once."""

    def __init__(self, sam: Any, embedding: Tensor) -> None:
        self.net = sam.mask_decoder
        self.embedding = embedding
        self.places = sam.prompt_encoder.get_dense_pe()
        self.no_mask = sam.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1)

    def decode(self, sparse: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """As `SharedDecoder.decode`."""
        dense = self.no_mask.expand(len(sparse), -1, *self.embedding.shape[-2:])
        found: tuple[Tensor, Tensor] = self.net(
            self.embedding, self.places, sparse, dense, multimask
        )
        return found


class SharedDecoder:
    """The decoder of `sam` over one image's embedding (1xCxhxw)."""

    def __init__(self, sam: Any, embedding: Tensor) -> None:
        self.net = sam.mask_decoder
        self.size = embedding.shape[-2:]
        self.places = _tokens(sam.prompt_encoder.get_dense_pe())
        no_mask = sam.prompt_encoder.no_mask_embed.weight
        self.image = _tokens(embedding) + no_mask
        first, _, _, second, _ = self.net.output_upscaling
        self.upscaling = [_as_product(first), _as_product(second)]

    def decode(self, sparse: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (n x masks x 4h x 4w) and predicted IoU (n x masks) of prompts' tokens, nxtxC."""
        net = self.net
        known = torch.cat([net.iou_token.weight, net.mask_tokens.weight])
        tokens = torch.cat([known.expand(len(sparse), -1, -1), sparse], dim=1)
        tokens, image = self._attended(tokens)
        chosen = slice(1, None) if multimask else slice(0, 1)
        iou = net.iou_prediction_head(tokens[:, 0])[:, chosen]
        masks = tokens[:, 1 : 1 + net.num_mask_tokens][:, chosen]
        heads = list(net.output_hypernetworks_mlps)[chosen]
        weights = torch.stack([head(masks[:, i]) for i, head in enumerate(heads)], dim=1)
        logits = [self._logits(*pair) for pair in zip(image, weights, strict=True)]
        return torch.stack(logits), iou

    def _attended(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The two-way transformer: tokens nxtxC and the image as each prompt sees it, nxhwxC."""
        transformer, asked, image = self.net.transformer, tokens, self.image
        for layer in transformer.layers:
            if layer.skip_first_layer_pe:
                tokens = layer.self_attn(q=tokens, k=tokens, v=tokens)
            else:
                placed = tokens + asked
                tokens = tokens + layer.self_attn(q=placed, k=placed, v=tokens)
            tokens = layer.norm1(tokens)
            read = _read(layer.cross_attn_token_to_image, tokens + asked, image, self.places)
            tokens = layer.norm2(tokens + read)
            tokens = layer.norm3(tokens + layer.mlp(tokens))
            attention, placed = layer.cross_attn_image_to_token, image + self.places
            written = _written(attention, placed, tokens + asked, tokens)
            image = layer.norm4(written.add_(image))
        last = transformer.final_attn_token_to_image
        tokens = tokens + _read(last, tokens + asked, image, self.places)
        return transformer.norm_final_attn(tokens), image

    def _logits(self, image: Tensor, weights: Tensor) -> Tensor:
        """Masks x 4h x 4w of one prompt, from its image tokens (hwxC) and its masks' weights."""
        _, norm, first, _, second = self.net.output_upscaling
        pixels = product(image, *self.upscaling[0]).unflatten(1, (4, -1))
        pixels = first(F.layer_norm(pixels, pixels.shape[-1:], norm.weight, norm.bias, norm.eps))
        pixels = second(product(pixels, *self.upscaling[1])).unflatten(2, (4, -1))
        logits = product(pixels.flatten(0, 2), weights)
        h, w = self.size
        split = logits.view(h, w, 2, 2, 2, 2, len(weights))  # rows and columns at each scale
        return split.permute(6, 0, 2, 4, 1, 3, 5).reshape(len(weights), 4 * h, 4 * w)


def _tokens(plane: Tensor) -> Tensor:
    """1xCxhxw as 1xhwxC."""
    return plane.flatten(2).transpose(1, 2).contiguous()


def _as_product(layer: torch.nn.ConvTranspose2d) -> tuple[Any, Tensor]:
    """A transposed convolution, kernel and stride 2: C to 4 pixels, row by row, of D channels."""
    weight = layer.weight.permute(2, 3, 1, 0).flatten(0, 2)  # 4D x C
    assert layer.bias is not None
    return packed(weight), layer.bias.detach().repeat(4)


def _heads(attention: Any, x: Tensor) -> Tensor:
    return x.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)  # n x heads x tokens x c


def _read(attention: Any, tokens: Tensor, image: Tensor, places: Tensor) -> Tensor:
    """What tokens (nxtxC) find in the image (n or 1 x hwxC)."""
    query = _heads(attention, attention.q_proj(tokens))
    count, heads, number, width = query.shape
    asked = query @ attention.k_proj.weight.unflatten(0, (heads, width)) / math.sqrt(width)
    scores = _each(asked.flatten(1, 2), image + places)
    seen = _each(scores.softmax(dim=-1), image.transpose(1, 2))
    values = attention.v_proj.weight.unflatten(0, (heads, width)).transpose(1, 2)
    found = seen.view(count, heads, number, -1) @ values
    return attention.out_proj(found.transpose(1, 2).flatten(2) + attention.v_proj.bias)


def _written(attention: Any, image: Tensor, placed: Tensor, tokens: Tensor) -> Tensor:
    """What the image (n or 1 x hwxC, with its places) takes from tokens (nxtxC); nxhwxC."""
    key = _heads(attention, attention.k_proj(placed)) / math.sqrt(
        attention.internal_dim // attention.num_heads
    )
    _, heads, number, width = key.shape
    asked = key @ attention.q_proj.weight.unflatten(0, (heads, width))
    offset = key @ attention.q_proj.bias.view(heads, width, 1)
    scores = _each(asked.flatten(1, 2), image).unflatten(1, (heads, number)).add_(offset)
    weights = scores.softmax(dim=2).flatten(1, 2).transpose(1, 2)
    value = _heads(attention, attention.v_proj(tokens))
    given = value @ attention.out_proj.weight.unflatten(1, (heads, width)).permute(1, 2, 0)
    return _each(weights, given.flatten(1, 2).transpose(1, 2), attention.out_proj.bias)


def _each(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`product` of each of n matrices with its own of n weights, or with the one there is."""
    if len(weight) == 1:
        return product(x, weight[0], bias)
    return torch.stack([product(a, b, bias) for a, b in zip(x, weight, strict=True)])
