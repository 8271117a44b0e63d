"""Detectors of transformers behind one adapter, by the architecture that config.json names.

    ...ForUniversalSegmentation, MaskFormer    Mask2Former, OneFormer, EoMT: panoptic segments
    ...ForObjectDetection                      DETR, RT-DETR, D-FINE: boxes
    the same of GroundingDino, Owlv2, OwlViT   boxes for the words of `text`

Options (masks.detector_options): `threshold` (0.5), `text` (a list of words), `things` (the label
ids that are objects; for the 133 COCO panoptic classes the first 80).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelers import hf
from labelers.candidates import Detection, Image, box_of
from manifests.errors import SeagullError

Box = tuple[float, float, float, float]

_ZERO_SHOT = ("GroundingDino", "Owlv2", "OwlViT")
_COCO_PANOPTIC = 133
_COCO_THINGS = 80


class HfDetector:
    """A model with its processor; objects best first."""

    def __init__(self, model: Any, processor: Any, options: Mapping[str, Any]) -> None:
        self.model = model
        self.processor = processor
        self.threshold = float(options.get("threshold", 0.5))
        self.text = list(options.get("text", []))
        default = range(_COCO_THINGS) if model.config.num_labels == _COCO_PANOPTIC else None
        things = options.get("things", default)
        self.things = None if things is None else set(things)
        self.find = self._finder(type(model).__name__)

    def _finder(self, name: str) -> Any:
        if "UniversalSegmentation" in name or name.startswith("MaskFormer"):
            return self._segments
        if name.startswith(_ZERO_SHOT):
            if not self.text:
                raise SeagullError(f"{name} needs words to look for: masks.detector_options.text")
            return self._worded
        if name.endswith("ForObjectDetection"):
            return self._boxes
        raise SeagullError(f"{name} is no detector: segmentation and object detection are")

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first."""
        import torch

        with torch.inference_mode():
            found = self.find(image, {"return_tensors": "pt", "images": image})
        return sorted(found, key=lambda d: -(d.score or 0.0))

    def _run(self, inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        prepared = self.processor(**inputs).to(self.model.device)
        return self.model(**prepared), prepared

    def _segments(self, image: Image, inputs: Mapping[str, Any]) -> list[Detection]:
        asked = {"task_inputs": ["panoptic"]} if "OneFormer" in type(self.model).__name__ else {}
        outputs, _ = self._run({**inputs, **asked})
        panoptic = self.processor.post_process_panoptic_segmentation(
            outputs, threshold=self.threshold, target_sizes=[image.shape[:2]]
        )[0]
        ids = np.asarray(panoptic["segmentation"])
        found = []
        for segment in panoptic["segments_info"]:
            mask = ids == segment["id"]
            if mask.any() and self._is_thing(segment["label_id"]):
                found.append(self._named(box_of(mask), segment["label_id"], segment["score"], mask))
        return found

    def _boxes(self, image: Image, inputs: Mapping[str, Any]) -> list[Detection]:
        outputs, _ = self._run(inputs)
        result = self.processor.post_process_object_detection(
            outputs, threshold=self.threshold, target_sizes=[image.shape[:2]]
        )[0]
        rows = zip(*(result[k].tolist() for k in ("boxes", "labels", "scores")), strict=True)
        return [
            self._named(_inside(box, image), label, score)
            for box, label, score in rows
            if self._is_thing(label)
        ]

    def _worded(self, image: Image, inputs: Mapping[str, Any]) -> list[Detection]:
        outputs, prepared = self._run({**inputs, "text": [self.text]})
        result = self.processor.post_process_grounded_object_detection(
            outputs,
            prepared["input_ids"],
            threshold=self.threshold,
            target_sizes=[image.shape[:2]],
        )[0]
        words = result.get("text_labels") or [self.text[k] for k in result["labels"].tolist()]
        rows = zip(result["boxes"].tolist(), words, result["scores"].tolist(), strict=True)
        return [Detection(_inside(box, image), word, round(score, 6)) for box, word, score in rows]

    def _is_thing(self, label: int) -> bool:
        return self.things is None or label in self.things

    def _named(self, box: Box, label: int, score: float, mask: Any = None) -> Detection:
        return Detection(box, self.model.config.id2label[label], round(float(score), 6), mask)


def _inside(box: list[float], image: Image) -> Box:
    height, width = image.shape[:2]
    x0, x1 = (min(max(v, 0.0), float(width)) for v in (box[0], box[2]))
    y0, y1 = (min(max(v, 0.0), float(height)) for v in (box[1], box[3]))
    return x0, y0, x1, y1


def load_hf_detector(folder: Path, device: str, options: Mapping[str, Any]) -> HfDetector:
    """The detector in `folder`.

    Raises:
        SeagullError: not whole, no detector, or words are missing.
    """
    return HfDetector(hf.load_pretrained(folder, device), hf.load_processor(folder), options)
