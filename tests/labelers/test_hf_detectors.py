"""transformers' detectors, tiny and random, against the recipe of each one's documentation."""

from pathlib import Path
from typing import Any

import hf_detector_models
import hf_models
import numpy as np
import pytest
import torch
import transformers
from hf_detector_models import save_sam3_video
from torchvision.ops import masks_to_boxes

from labelers.contracts.candidates import Detection
from labelers.detectors.hf_detector import HfDetector, load_hf_detector
from labelers.engine.mask_models import load_mask_models
from manifests.config import MasksConfig

_IMAGE = np.random.default_rng(0).integers(0, 256, (48, 70, 3), dtype=np.uint8)
_SIZES = [(48, 70)]
_TEXT = ["cat", "dog"]
_PANOPTIC = {"mask2former": 0.2, "maskformer": 0.2, "oneformer": 0.2, "eomt": 0.2}  # thresholds
_BOXES = {"detr": 0.1, "rt_detr": 0.1, "d_fine": 0.1, "rf_detr": 0.05}
_WORDED = {"grounding_dino": 0.3, "mm_grounding_dino": 0.3, "owlvit": 0.1, "owlv2": 0.1}
_PIL = {  # of the families that have one
    "detr": "DetrImageProcessorPil",
    "mask2former": "Mask2FormerImageProcessorPil",
    "maskformer": "MaskFormerImageProcessorPil",
    "oneformer": "OneFormerImageProcessorPil",
    "eomt": "EomtImageProcessorPil",
    "rt_detr": "RTDetrImageProcessorPil",
    "d_fine": "RTDetrImageProcessorPil",
    "grounding_dino": "GroundingDinoImageProcessorPil",
    "mm_grounding_dino": "GroundingDinoImageProcessorPil",
    "owlvit": "OwlViTImageProcessorPil",
    "owlv2": "Owlv2ImageProcessorPil",
}


def _both(family: str, threshold: float, folder: Path) -> tuple[list[Detection], Any, Any]:
    """What our detector finds, and the model and processor to ask by hand."""
    model, processor = hf_detector_models.DETECTORS[family]()
    hf_models.save((model, processor), folder)
    options = {"threshold": threshold, "text": _TEXT}
    config = MasksConfig(detector="hf", detector_weights=str(folder), detector_options=options)
    found = load_mask_models(config, "cpu").detector.detect(_IMAGE)
    assert len(found) > 1 and [d.score for d in found] == sorted(
        (d.score for d in found), reverse=True
    )
    if family in _PIL:
        images = getattr(transformers, _PIL[family]).from_pretrained(folder, class_info_file=None)
        if hasattr(processor, "image_processor"):
            processor.image_processor = images
        else:
            processor = images
    return found, model, processor


def _ask(model: Any, processor: Any, **asked: Any) -> Any:
    with torch.inference_mode():
        return model(**processor(images=_IMAGE, return_tensors="pt", **asked))


def _expect(found: list[Detection], boxes: torch.Tensor, names: list[str], scores: Any) -> None:
    """The same objects, whatever the order of equal scores; boxes cut at the image."""
    boxes = boxes.clamp(torch.zeros(4), torch.tensor([70.0, 48, 70, 48]))
    rows = zip(boxes.tolist(), names, torch.as_tensor(scores).tolist(), strict=True)
    expected = sorted((b, n, s) for b, n, s in rows if b[0] < b[2] and b[1] < b[3])
    ours = sorted((list(d.box_xyxy), d.class_name, d.score) for d in found)
    assert [n for _, n, _ in ours] == [n for _, n, _ in expected]
    np.testing.assert_array_equal([b for b, *_ in ours], [b for b, *_ in expected])
    np.testing.assert_allclose([s for *_, s in ours], [s for *_, s in expected], atol=1e-6)


@pytest.mark.parametrize("family", _PANOPTIC)
def test_panoptic_segments(family: str, tmp_path: Path) -> None:
    found, model, processor = _both(family, _PANOPTIC[family], tmp_path)
    asked = {"task_inputs": ["panoptic"]} if family == "oneformer" else {}
    result = processor.post_process_panoptic_segmentation(
        _ask(model, processor, **asked), threshold=_PANOPTIC[family], target_sizes=_SIZES
    )[0]
    info = sorted(result["segments_info"], key=lambda s: -s["score"])
    masks = torch.stack([result["segmentation"] == s["id"] for s in info])
    np.testing.assert_array_equal([d.mask for d in found], masks.numpy())
    boxes = masks_to_boxes(masks) + torch.tensor([0.0, 0, 1, 1])  # its far edge lies inside
    names = [f"LABEL_{s['label_id']}" for s in info]
    _expect(found, boxes, names, [s["score"] for s in info])


@pytest.mark.parametrize("family", _BOXES)
def test_object_detection(family: str, tmp_path: Path) -> None:
    found, model, processor = _both(family, _BOXES[family], tmp_path)
    result = processor.post_process_object_detection(
        _ask(model, processor), threshold=_BOXES[family], target_sizes=_SIZES
    )[0]
    names = [f"LABEL_{k}" for k in result["labels"].tolist()]
    _expect(found, result["boxes"], names, result["scores"])


@pytest.mark.parametrize("family", _WORDED)
def test_detection_by_words(family: str, tmp_path: Path) -> None:
    found, model, processor = _both(family, _WORDED[family], tmp_path)
    inputs = processor(images=_IMAGE, text=[_TEXT], return_tensors="pt")
    more = {"input_ids": inputs["input_ids"]} if "dino" in family else {"text_labels": [_TEXT]}
    with torch.inference_mode():
        outputs = model(**inputs)
    result = processor.post_process_grounded_object_detection(
        outputs, threshold=_WORDED[family], target_sizes=_SIZES, **more
    )[0]
    _expect(found, result["boxes"], result["text_labels"], result["scores"])
    assert all(d.class_name for d in found)


def test_sam3_by_concept(tmp_path: Path) -> None:
    found, model, processor = _both("sam3", 0.0, tmp_path)
    for word in _TEXT:
        result = processor.post_process_instance_segmentation(
            _ask(model, processor, text=word), threshold=0.0, target_sizes=_SIZES
        )[0]
        order = result["scores"].argsort(descending=True, stable=True)
        ours = [d for d in found if d.class_name == word]
        _expect(ours, result["boxes"], [word] * len(order), result["scores"])
        np.testing.assert_array_equal([d.mask for d in ours], result["masks"][order].bool().numpy())


def test_sam3s_published_folder_holds_the_detector(tmp_path: Path) -> None:
    options = {"threshold": 0.0, "text": _TEXT}
    folders = (save_sam3_video(tmp_path), hf_models.save(hf_detector_models.sam3(), tmp_path / "s"))
    published, alone = (load_hf_detector(f, "cpu", options).detect(_IMAGE) for f in folders)
    assert [(d.class_name, d.score, d.box_xyxy) for d in published] == [
        (d.class_name, d.score, d.box_xyxy) for d in alone
    ]
    np.testing.assert_array_equal([d.mask for d in published], [d.mask for d in alone])


@pytest.mark.parametrize("family", hf_detector_models.DETECTORS)
def test_nothing_found_is_no_error(family: str, tmp_path: Path) -> None:
    folder = hf_models.save(hf_detector_models.DETECTORS[family](), tmp_path)
    detector = load_hf_detector(folder, "cpu", {"threshold": 1.0, "text": _TEXT})
    assert detector.detect(_IMAGE) == []


class _Panoptic:
    """A panoptic model's and processor's surface with a fixed answer: two things and one stuff."""

    def __init__(self) -> None:
        names = {3: "cat", 7: "cup", 90: "sky"}
        self.config = type("C", (), {"num_labels": 133, "id2label": names})
        self.device = "cpu"

    def __call__(self, **_: Any) -> Any:
        return self

    def to(self, _: str) -> dict:
        return {}

    def post_process_panoptic_segmentation(self, *_: Any, target_sizes: list, **__: Any) -> list:
        ids = torch.zeros(target_sizes[0], dtype=torch.int64)
        ids[:10], ids[20:30, 5:25], ids[40:, 60:] = 1, 2, 3
        rows = [(1, 90, 0.9), (2, 3, 0.6), (3, 7, 0.8)]
        info = [{"id": i, "label_id": label, "score": s} for i, label, s in rows]
        return [{"segmentation": ids, "segments_info": info}]


class Mask2FormerForUniversalSegmentation(_Panoptic):
    pass


@pytest.mark.parametrize(
    ("options", "names"),
    [({}, ["cup", "cat"]), ({"things": [3, 90]}, ["sky", "cat"])],
)
def test_things_of_the_133_classes_are_the_first_80(options: dict, names: list[str]) -> None:
    model = Mask2FormerForUniversalSegmentation()
    found = HfDetector(model, model, options).detect(_IMAGE)
    assert [d.class_name for d in found] == names
    assert found[-1].box_xyxy == (5.0, 20.0, 25.0, 30.0)
