"""Tiny segmenters of transformers as folders on disk, and segment-anything's Sam as one."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers as hf

SIDE = 64
_DECODER = {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
_PROMPTS = {"hidden_size": 16, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
_LEVELS = [[SIDE // s] * 2 for s in (4, 8, 16)]
_FPN = {"backbone_feature_sizes": _LEVELS, "fpn_hidden_size": 16}
SQUARE = {"height": SIDE, "width": SIDE}


def save(built: tuple[Any, Any], folder: Path) -> Path:
    """Model and processor as a user has them on disk."""
    for part in built:
        part.save_pretrained(folder)
    return folder


def lively(build: Callable[..., Any], *args: Any, seed: int = 3) -> Any:
    """A model with weights so large that random networks disagree about pixels; always the same."""
    torch.manual_seed(seed)
    model = build(*args)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=1.5 / weight[0].numel() ** 0.5)
    return model.eval()


def sam_hq() -> tuple[Any, Any]:
    vision = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIDE,
        "output_channels": 16, "window_size": 2, "global_attn_indexes": [1], "mlp_dim": 32,
        "num_pos_feats": 8,
    }  # fmt: skip
    config = hf.SamHQConfig(
        vision_config=vision, prompt_encoder_config={**_PROMPTS, "image_embedding_size": 4},
        mask_decoder_config={**_DECODER, "vit_dim": 32},
    )  # fmt: skip
    images = hf.SamImageProcessor(size={"longest_edge": SIDE}, pad_size=SQUARE)
    return lively(hf.SamHQModel, config), hf.SamHQProcessor(images)


def _hiera() -> dict[str, Any]:
    backbone = hf.Sam2HieraDetConfig(
        image_size=[SIDE, SIDE], hidden_size=8, embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2], blocks_per_stage=[1, 1, 2, 1],
        window_size_per_stage=[4, 2, 4, 2], global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    return {"backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], **_FPN}


def _repvit() -> dict[str, Any]:
    shape = {"embed_dim": [8, 16, 32, 64], "depth": [1, 1, 1, 1], "in_chans": 3}
    backbone = hf.TimmWrapperConfig(
        architecture="repvit_m1",
        model_args={**shape, "features_only": True, "out_indices": [0, 1, 2, 3]},
    )
    return {"backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], **_FPN}


def sam3_vision() -> dict[str, Any]:
    backbone = {
        "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": SIDE, "patch_size": 16,
        "window_size": 2, "global_attn_indexes": [1], "pretrain_image_size": SIDE,
    }  # fmt: skip
    return {"backbone_config": backbone, **_FPN}


def _successor(name: str, vision: Mapping[str, Any], images: Any, **more: Any) -> Any:
    """SAM2's kin share prompts, decoder and processor."""
    config = getattr(hf, f"{name}Config")(
        vision_config=vision, prompt_encoder_config=_PROMPTS, mask_decoder_config=_DECODER, **more
    )
    return lively(getattr(hf, f"{name}Model"), config), hf.Sam2Processor(images)


def sam2() -> tuple[Any, Any]:
    return _successor("Sam2", _hiera(), hf.Sam2ImageProcessor(size=SQUARE))


def edgetam() -> tuple[Any, Any]:
    return _successor("EdgeTam", _repvit(), hf.Sam2ImageProcessor(size=SQUARE))


def sam3_tracker() -> tuple[Any, Any]:
    return _successor("Sam3Tracker", sam3_vision(), hf.Sam3ImageProcessor(size=SQUARE))


def sam2_video() -> tuple[Any, Any]:
    """As SAM2 is published: the image model's weights among a video model's."""
    memory = {
        "memory_attention_hidden_size": 16, "memory_attention_feed_forward_hidden_size": 16,
        "memory_attention_num_layers": 1, "memory_encoder_hidden_size": 16,
        "memory_encoder_output_channels": 8, "mask_downsampler_embed_dim": 16,
        "memory_fuser_embed_dim": 16, "memory_fuser_intermediate_dim": 16,
        "memory_fuser_num_layers": 1,
    }  # fmt: skip
    images = hf.Sam2ImageProcessor(size=SQUARE)
    video, _ = _successor("Sam2Video", _hiera(), images, **memory)
    video.load_state_dict(sam2()[0].state_dict(), strict=False)
    return video, hf.Sam2VideoProcessor(images, hf.Sam2VideoVideoProcessor(size=SQUARE))


SEGMENTERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "sam_hq": sam_hq,
    "sam2": sam2,
    "edgetam": edgetam,
    "sam3_tracker": sam3_tracker,
    "sam2_video": sam2_video,
}

_RENAMED = [  # segment-anything's names, then transformers'
    (r"iou_prediction_head\.layers\.0", "iou_prediction_head.proj_in"),
    (r"iou_prediction_head\.layers\.1", "iou_prediction_head.layers.0"),
    (r"iou_prediction_head\.layers\.2", "iou_prediction_head.proj_out"),
    (r"(hypernetworks_mlps\.\d)\.layers\.0", r"\1.proj_in"),
    (r"(hypernetworks_mlps\.\d)\.layers\.1", r"\1.layers.0"),
    (r"(hypernetworks_mlps\.\d)\.layers\.2", r"\1.proj_out"),
    (r"output_upscaling\.0", "upscale_conv1"),
    (r"output_upscaling\.1", "upscale_layer_norm"),
    (r"output_upscaling\.3", "upscale_conv2"),
    (r"mask_downscaling\.0", "mask_embed.conv1"),
    (r"mask_downscaling\.1", "mask_embed.layer_norm1"),
    (r"mask_downscaling\.3", "mask_embed.conv2"),
    (r"mask_downscaling\.4", "mask_embed.layer_norm2"),
    (r"mask_downscaling\.6", "mask_embed.conv3"),
    (r"point_embeddings", "point_embed"),
    (r"pe_layer\.positional_encoding_gaussian_matrix", "shared_embedding.positional_embedding"),
    (r"image_encoder", "vision_encoder"),
    (r"neck\.0", "neck.conv1"),
    (r"neck\.1", "neck.layer_norm1"),
    (r"neck\.2", "neck.conv2"),
    (r"neck\.3", "neck.layer_norm2"),
    (r"patch_embed\.proj", "patch_embed.projection"),
    (r"\.norm", ".layer_norm"),
    (r"blocks", "layers"),
]


def metas_sam(seed: int) -> Any:
    """segment-anything's Sam for 128 px: two blocks, one windowed; the decoder as published."""
    return lively(_metas_sam, seed=seed)


def _metas_sam() -> Any:
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    encoder = ImageEncoderViT(
        img_size=128, embed_dim=32, depth=2, num_heads=4, out_chans=256, global_attn_indexes=(1,),
        window_size=3, use_rel_pos=True, norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    prompts = PromptEncoder(
        embed_dim=256, image_embedding_size=(8, 8), input_image_size=(128, 128), mask_in_chans=16
    )
    transformer = TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8)
    decoder = MaskDecoder(transformer_dim=256, transformer=transformer)
    return Sam(encoder, prompts, decoder)


def sam(seed: int = 0) -> tuple[Any, Any]:
    """The same Sam as a transformers model."""
    vision = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 128,
        "window_size": 3, "global_attn_indexes": [1], "mlp_dim": 128,
    }  # fmt: skip
    config = hf.SamConfig(vision_config=vision, prompt_encoder_config={"image_size": 128})
    model = hf.SamModel(config)
    state = {_renamed(k): v for k, v in metas_sam(seed).state_dict().items()}
    shared = state["prompt_encoder.shared_embedding.positional_embedding"]
    model.load_state_dict({**state, "shared_image_embedding.positional_embedding": shared})
    images = hf.SamImageProcessor(
        size={"longest_edge": 128}, pad_size={"height": 128, "width": 128}
    )
    return model, hf.SamProcessor(images)


def _renamed(key: str) -> str:
    for pattern, name in _RENAMED:
        key = re.sub(pattern, name, key)
    return key


SEGMENTERS["sam"] = sam
