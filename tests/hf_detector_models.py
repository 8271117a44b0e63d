"""Tiny detectors of transformers, each with its processor; tokenizers of a handful of words."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import transformers as hf
from hf_models import SIDE, SQUARE, lively, sam3_tracker, sam3_vision
from safetensors.torch import save_file

_SHORT = {"shortest_edge": SIDE, "longest_edge": 96}
_WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ".",
    "cat",
    "dog",
    "cup",
    "the",
    "task",
    "is",
    "panoptic",
]
_LETTERS = [
    *"acdgoptuknilsehmr!",
    *(f"{c}</w>" for c in "atgpkscec"),
    "<|startoftext|>",
    "<|endoftext|>",
]
_CLIP_TEXT = {
    "vocab_size": len(_LETTERS), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
    "num_attention_heads": 2, "bos_token_id": len(_LETTERS) - 2, "eos_token_id": len(_LETTERS) - 1,
}  # fmt: skip


def _clip(length: int = 16) -> Any:
    vocabulary = {piece: k for k, piece in enumerate(_LETTERS)}
    return hf.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length)


def _swin(*stages: str) -> Any:
    return hf.SwinConfig(
        image_size=SIDE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2,
        out_features=list(stages or ("stage1", "stage2", "stage3", "stage4")),
    )  # fmt: skip


def _detr_config() -> Any:
    resnet = hf.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"]
    )
    return hf.DetrConfig(
        backbone_config=resnet, d_model=32, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_queries=10, num_labels=6,
    )  # fmt: skip


def detr() -> tuple[Any, Any]:
    images = hf.DetrImageProcessor(size=_SHORT)
    return lively(hf.DetrForObjectDetection, _detr_config()), images


def mask2former() -> tuple[Any, Any]:
    config = hf.Mask2FormerConfig(
        backbone_config=_swin(), feature_size=32, mask_feature_size=32, hidden_dim=32,
        encoder_feedforward_dim=16, encoder_layers=1, decoder_layers=2, num_attention_heads=2,
        dim_feedforward=16, num_queries=10, num_labels=6,
    )  # fmt: skip
    model = lively(hf.Mask2FormerForUniversalSegmentation, config)
    return model, hf.Mask2FormerImageProcessor(size=_SHORT)


def maskformer() -> tuple[Any, Any]:
    config = hf.MaskFormerConfig(
        backbone_config=_swin(), decoder_config=_detr_config(), fpn_feature_size=32,
        mask_feature_size=32, num_labels=6,
    )  # fmt: skip
    model = lively(hf.MaskFormerForInstanceSegmentation, config, seed=6)
    return model, hf.MaskFormerImageProcessor(size=_SHORT)


def oneformer() -> tuple[Any, Any]:
    config = hf.OneFormerConfig(
        backbone_config=_swin(), num_labels=6, num_queries=10, hidden_dim=32, conv_dim=32,
        encoder_feedforward_dim=16, mask_dim=32, num_attention_heads=2, encoder_layers=1,
        decoder_layers=2, dim_feedforward=16, query_dec_layers=1, text_encoder_width=32,
        text_encoder_context_length=16, text_encoder_num_layers=1, text_encoder_n_ctx=2,
        text_encoder_vocab_size=len(_LETTERS), task_seq_len=16, max_seq_len=16, is_training=False,
    )  # fmt: skip
    classes = {str(k): {"name": f"class {k}", "isthing": int(k < 4)} for k in range(6)}
    with TemporaryDirectory() as folder:  # the processor reads it when it is made
        (Path(folder) / "classes.json").write_text(json.dumps(classes))
        images = hf.OneFormerImageProcessor(
            size=_SHORT, repo_path=folder, class_info_file="classes.json", num_text=4
        )
    processor = hf.OneFormerProcessor(images, _clip(), max_seq_length=16, task_seq_length=16)
    return lively(hf.OneFormerForUniversalSegmentation, config), processor


def eomt() -> tuple[Any, Any]:
    config = hf.EomtConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=16,
        num_upscale_blocks=1, num_blocks=1, num_queries=10, num_labels=6, num_register_tokens=1,
    )  # fmt: skip
    size = {"shortest_edge": SIDE, "longest_edge": SIDE}
    images = hf.EomtImageProcessor(size=size, do_pad=True)
    return lively(hf.EomtForUniversalSegmentation, config), images


_HYBRID = {  # RT-DETR and its children
    "encoder_hidden_dim": 16, "encoder_in_channels": [8, 16, 16], "feat_strides": [8, 16, 32],
    "encoder_ffn_dim": 16, "encoder_attention_heads": 2, "d_model": 16, "decoder_ffn_dim": 16,
    "decoder_in_channels": [16, 16, 16], "decoder_layers": 2, "decoder_attention_heads": 2,
    "num_queries": 10, "num_labels": 5, "num_denoising": 0,
}  # fmt: skip


def rt_detr() -> tuple[Any, Any]:
    resnet = hf.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = hf.RTDetrConfig(backbone_config=resnet, decoder_n_points=2, **_HYBRID)
    images = hf.RTDetrImageProcessor(size=SQUARE)
    return lively(hf.RTDetrForObjectDetection, config), images


def d_fine() -> tuple[Any, Any]:
    hgnet = hf.HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 8, 8, 16], stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 8, 16, 16], stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1], embedding_size=8, hidden_sizes=[8, 8, 16, 16],
        depths=[1, 1, 1, 1], out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = hf.DFineConfig(
        backbone_config=hgnet, decoder_n_points=[2, 2, 2], hidden_expansion=0.5, **_HYBRID
    )
    images = hf.RTDetrImageProcessor(size=SQUARE)
    return lively(hf.DFineForObjectDetection, config), images


def rf_detr() -> tuple[Any, Any]:
    backbone = hf.RfDetrDinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=16,
        num_windows=2, out_features=["stage1", "stage2"],
    )  # fmt: skip
    config = hf.RfDetrConfig(
        backbone_config=backbone, d_model=16, decoder_ffn_dim=16, decoder_layers=1,
        decoder_self_attention_heads=2, decoder_cross_attention_heads=2, num_queries=10,
        decoder_n_points=2, num_labels=5, group_detr=1,
    )  # fmt: skip
    images = hf.RfDetrImageProcessor(size=SQUARE)
    return lively(hf.RfDetrForObjectDetection, config), images


def grounding_dino(kind: str = "GroundingDino") -> tuple[Any, Any]:
    text = {
        "model_type": "bert", "vocab_size": len(_WORDS), "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32,
    }  # fmt: skip
    config = getattr(hf, f"{kind}Config")(
        backbone_config=_swin("stage2", "stage3", "stage4"), text_config=text, d_model=32,
        encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=10, max_text_len=32,
        encoder_n_points=2, decoder_n_points=2,
    )  # fmt: skip
    tokenizer = hf.BertTokenizer(
        vocab={word: k for k, word in enumerate(_WORDS)}, model_max_length=32
    )
    processor = hf.GroundingDinoProcessor(hf.GroundingDinoImageProcessor(size=_SHORT), tokenizer)
    return lively(getattr(hf, f"{kind}ForObjectDetection"), config), processor


def mm_grounding_dino() -> tuple[Any, Any]:
    model, processor = grounding_dino("MMGroundingDino")
    for head in model.class_embed:
        head.bias.data.zero_()  # starts where nothing is seen
    return model, processor


def _owl(kind: str) -> tuple[Any, Any]:
    vision = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": SIDE, "patch_size": 16,
    }  # fmt: skip
    config = getattr(hf, f"{kind}Config")(
        text_config={**_CLIP_TEXT, "max_position_embeddings": 16}, vision_config=vision,
        projection_dim=16,
    )  # fmt: skip
    images = getattr(hf, f"{kind}ImageProcessor")(size=SQUARE)
    processor = getattr(hf, f"{kind}Processor")(images, _clip())
    return lively(getattr(hf, f"{kind}ForObjectDetection"), config), processor


def owlvit() -> tuple[Any, Any]:
    return _owl("OwlViT")


def owlv2() -> tuple[Any, Any]:
    return _owl("Owlv2")


def sam3_config() -> Any:
    part = {"hidden_size": 16, "num_attention_heads": 2}
    layers = {**part, "num_layers": 1, "intermediate_size": 16}
    text = {
        **_CLIP_TEXT, "model_type": "clip_text_model", "projection_dim": 16,
        "max_position_embeddings": 32,
    }  # fmt: skip
    return hf.Sam3Config(
        vision_config=sam3_vision(), text_config=text, geometry_encoder_config=layers,
        detr_encoder_config=layers, detr_decoder_config={**layers, "num_queries": 10},
        mask_decoder_config=part,
    )  # fmt: skip


def sam3() -> tuple[Any, Any]:
    processor = hf.Sam3Processor(hf.Sam3ImageProcessor(size=SQUARE), _clip(32))
    return lively(hf.Sam3Model, sam3_config()), processor


def save_sam3_video(folder: Path) -> Path:
    """As SAM3 is published: detector and tracker in one video model, sharing a backbone.

    The weights are those of `sam3()`, and of `sam3_tracker()` but for the backbone. Written by
    hand, because the library's save_pretrained doubles a prefix here.
    """
    (detector, _), (tracker, _) = sam3(), sam3_tracker()
    vision, prompts, decoder = (
        getattr(tracker.config, f"{part}_config")
        for part in ("vision", "prompt_encoder", "mask_decoder")
    )
    config = hf.Sam3VideoConfig(
        architectures=["Sam3VideoModel"], detector_config=detector.config,
        tracker_config=hf.Sam3TrackerVideoConfig(
            vision_config=vision, prompt_encoder_config=prompts.to_dict(),
            mask_decoder_config=decoder.to_dict(), image_size=SIDE,
        ),
    )  # fmt: skip
    config.save_pretrained(folder)
    state = {f"detector_model.{k}": v for k, v in detector.state_dict().items()}
    for key, value in tracker.state_dict().items():
        if not key.startswith("vision_encoder.backbone."):
            name = key.replace("vision_encoder.neck.", "tracker_neck.")
            state[name if name != key else f"tracker_model.{key}"] = value.clone()
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    images, video = hf.Sam3ImageProcessor(size=SQUARE), hf.Sam2VideoVideoProcessor(size=SQUARE)
    hf.Sam3VideoProcessor(images, video, _clip(32)).save_pretrained(folder)
    return folder


DETECTORS: dict[str, Callable[[], tuple[Any, Any]]] = {
    f.__name__: f
    for f in (
        detr, mask2former, maskformer, oneformer, eomt, rt_detr, d_fine, rf_detr, grounding_dino,
        mm_grounding_dino, owlvit, owlv2, sam3,
    )
}  # fmt: skip
