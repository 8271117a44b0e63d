"""The transformers adapters on tiny random models: SAM against segment-anything, two detectors."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from labelers.candidates import Detection
from labelers.hf_detector import HfDetector
from labelers.hf_segmenter import load_hf_segmenter
from labelers.models import load_mask_models, mask_models_identity
from labelers.sam import SamSegmenter
from manifests.config import MasksConfig
from manifests.errors import SeagullError

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


def _renamed(key: str) -> str:
    for pattern, name in _RENAMED:
        key = re.sub(pattern, name, key)
    return key


@pytest.fixture(scope="module")
def sam_folder(tiny_sam: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Sam's weights as a transformers folder."""
    config = transformers.SamConfig(
        vision_config={
            "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 128,
            "output_channels": 32, "window_size": 0, "global_attn_indexes": [0], "mlp_dim": 128,
            "num_pos_feats": 16,
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 128, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    model = transformers.SamModel(config)
    state = {_renamed(k): v for k, v in tiny_sam().state_dict().items()}
    state["shared_image_embedding.positional_embedding"] = state[
        "prompt_encoder.shared_embedding.positional_embedding"
    ]
    model.load_state_dict(state)
    folder = tmp_path_factory.mktemp("hf") / "sam"
    model.save_pretrained(folder)
    side = {"height": 128, "width": 128}
    processor = transformers.SamImageProcessor(size={"longest_edge": 128}, pad_size=side)
    transformers.SamProcessor(processor).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 150, 3), dtype=np.uint8)


def test_same_weights_same_masks(tiny_sam: Callable, sam_folder: Path, image: np.ndarray) -> None:
    ours = load_hf_segmenter(sam_folder, "cpu", -9.0).open(image)
    theirs = SamSegmenter(tiny_sam(), -9.0).open(image)
    xy = np.random.default_rng(1).random((9, 2)) * [150, 90]
    boxes = [Detection((10.0, 20.0, 70.0, 80.0)), Detection((0.0, 0.0, 150.0, 90.0))]
    pairs = [*zip(ours.points(xy), theirs.points(xy), strict=True)]
    pairs.append((ours.boxes(boxes), theirs.boxes(boxes)))
    assert any(c.mask.any() and not c.mask.all() for found, _ in pairs for c in found)
    for found, expected in pairs:
        for one, other in zip(found, expected, strict=True):
            assert (
                one.mask != other.mask
            ).sum() <= 2  # of 13,500: logits that round to either side
            assert one.predicted_iou == pytest.approx(other.predicted_iou, abs=1e-5)
            assert one.stability == pytest.approx(other.stability, abs=1e-5)


def _save_detr(folder: Path) -> Path:
    torch.manual_seed(0)
    resnet = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"]
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False, backbone_config=resnet, use_pretrained_backbone=False,
        backbone=None, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, num_queries=12,
        num_labels=3,
    )  # fmt: skip
    transformers.DetrForObjectDetection(config).save_pretrained(folder)
    transformers.DetrImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="module")
def detr_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save_detr(tmp_path_factory.mktemp("hf") / "detr")


def test_detector_and_segmenter_by_folder(
    detr_folder: Path, sam_folder: Path, image: np.ndarray
) -> None:
    config = MasksConfig(
        detector="hf", detector_weights=str(detr_folder), detector_options={"threshold": 0.0},
        segmenter="hf", segmenter_weights=str(sam_folder),
    )  # fmt: skip
    models = load_mask_models(config, "cpu")
    assert re.fullmatch(
        r"hf:DetrForObjectDetection@[0-9a-f]{16}\+hf:SamModel@[0-9a-f]{16}", models.identity
    )
    assert models.identity == mask_models_identity(config)
    found = models.detector.detect(image)
    scores = [d.score for d in found]
    assert len(found) == 12 and scores == sorted(scores, reverse=True)
    assert all(d.class_name in ("LABEL_0", "LABEL_1", "LABEL_2") for d in found)


def test_foreign_folders_are_refused(detr_folder: Path, tmp_path: Path) -> None:
    def refused(match: str, **paths: str) -> None:
        with pytest.raises(SeagullError, match=match) as caught:
            load_mask_models(replace(MasksConfig(), **paths), "cpu")
        assert "\n" not in str(caught.value)

    detr = str(detr_folder)
    refused("no promptable segmenter", segmenter="hf", segmenter_weights=detr)
    refused("no folder of a transformers model", detector="hf", detector_weights=str(tmp_path))
    half = _save_detr(tmp_path / "half")
    from safetensors.torch import load_file, save_file

    state = load_file(half / "model.safetensors")
    kept = {k: v for k, v in state.items() if "decoder" not in k}
    save_file(kept, half / "model.safetensors", {"format": "pt"})
    refused("of its tensors match", detector="hf", detector_weights=str(half))
    whole = (half / "model.safetensors").read_bytes()
    (half / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    refused("cannot be loaded", detector="hf", detector_weights=str(half))
    (half / "config.json").write_text(json.dumps({"architectures": ["NoSuchModel"]}))
    refused("does not know", detector="hf", detector_weights=str(half))


class _Panoptic:
    """A panoptic model's and processor's surface with a fixed answer: two things and one stuff."""

    def __init__(self) -> None:
        self.config = type(
            "C", (), {"num_labels": 133, "id2label": {3: "cat", 7: "cup", 90: "sky"}}
        )
        self.device = "cpu"

    def __call__(self, **_: Any) -> Any:
        return self

    def to(self, _: str) -> dict:
        return {}

    def post_process_panoptic_segmentation(self, *_: Any, target_sizes: list, **__: Any) -> list:
        ids = np.zeros(target_sizes[0], np.int64)
        ids[:10], ids[20:30, 5:25], ids[60:, 60:] = 1, 2, 3
        rows = [(1, 90, 0.9), (2, 3, 0.6), (3, 7, 0.8)]
        info = [{"id": i, "label_id": label, "score": s} for i, label, s in rows]
        return [{"segmentation": torch.from_numpy(ids), "segments_info": info}]


class Mask2FormerForUniversalSegmentation(_Panoptic):
    pass


def test_panoptic_things_become_boxes(image: np.ndarray) -> None:
    model = Mask2FormerForUniversalSegmentation()
    found = HfDetector(model, model, {}).detect(image)
    assert [(d.class_name, d.box_xyxy) for d in found] == [
        ("cup", (60.0, 60.0, 150.0, 90.0)),
        ("cat", (5.0, 20.0, 25.0, 30.0)),
    ]
