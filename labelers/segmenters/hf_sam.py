"""SamModel of transformers in segment-anything's arithmetic: the same weights, the same masks.

transformers writes SAM anew. Where it computes otherwise than Meta's code the logits differ, and a
pixel beside the threshold falls to the other side:

    decoder   layer norms with eps 1e-6, where SAM was trained with 1e-5: most of the difference
    pixels    brought to 0..1 before (x - mean) / std
    encoder   fused attention, relative positions of rows and columns added before the scores
    decoder   fused attention, scores times 1 / sqrt(channels)
    neck and upscaling of masks   a fused layer norm
    heads     on images x prompts x channels, not prompts x channels: torch adds the bias elsewhere

The parameters stay where they are; only what is done with them changes, to the last bit on a CPU.
Covered: SamModel, one image at a time. Not covered: SAM-HQ and SAM's successors, whose authors'
code is no dependency here.
"""

from functools import partial
from typing import Any

from labelers.segmenters.sam_attention import attention as attend

_NAME = "segment_anything"
_EPS = 1e-5  # torch.nn.LayerNorm's, as segment_anything.modeling.transformer has it


def match_segment_anything(model: Any, processor: Any) -> None:
    """Make a SamModel and its image processor compute as segment-anything does; in place."""
    _normalise_bytes(processor)
    for layer in model.vision_encoder.layers:
        _match_encoder(layer.attn)
    neck, decoder = model.vision_encoder.neck, model.mask_decoder
    for norm in (neck.layer_norm1, neck.layer_norm2, decoder.upscale_layer_norm):
        _match_norm(norm)
    _match_decoder(decoder)
    for head in (decoder.iou_prediction_head, *decoder.output_hypernetworks_mlps):
        head.forward = partial(_of_one_image, head.forward)


def _normalise_bytes(processor: Any) -> None:
    """(x - mean) / std on 0..255 instead of 0..1."""
    if processor.do_rescale:
        scale = processor.rescale_factor
        processor.image_mean = [m / scale for m in processor.image_mean]
        processor.image_std = [s / scale for s in processor.image_std]
        processor.do_rescale = False


def _match_encoder(attention: Any) -> None:
    attention.num_heads = attention.num_attention_heads
    attention.forward = lambda hidden_states: (attend(attention, hidden_states), None)


def _match_norm(norm: Any) -> None:
    from segment_anything.modeling.common import LayerNorm2d

    norm.forward = partial(LayerNorm2d.forward, norm)


def _match_decoder(decoder: Any) -> None:
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)
    decoder.config._attn_implementation = _NAME
    for layer in decoder.transformer.layers:
        for norm in (layer.layer_norm1, layer.layer_norm2, layer.layer_norm3, layer.layer_norm4):
            norm.eps = _EPS


def _attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **_: Any
) -> tuple[Any, Any]:
    """Softmax attention, batch x heads x tokens x channels, without a mask."""
    weights = ((query @ key.transpose(-2, -1)) / query.shape[-1] ** 0.5).softmax(dim=-1)
    return (weights @ value).transpose(1, 2), weights


def _of_one_image(forward: Any, tokens: Any) -> Any:
    """Run a head on 1 x prompts x channels: torch adds the bias of a stack otherwise."""
    return forward(tokens[0])[None]
