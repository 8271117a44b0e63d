"""Detectors of transformers behind one adapter, by the architecture that config.json names.

    ...ForUniversalSegmentation, MaskFormer    Mask2Former, OneFormer, EoMT: panoptic segments
    ...ForObjectDetection                      DETR, RT-DETR, D-FINE, RF-DETR: boxes
    GroundingDino, Owlv2, OwlViT               boxes for the words of `text`
    Sam3Model, Sam3VideoModel                  boxes and masks for the words of `text`, one by one

Options (masks.detector_options): `threshold` (0.5), `text` (a list of words), `things` (the label
ids that are objects; for the 133 COCO panoptic classes the first 80). Not covered: OmDet-Turbo,
DETR's own segmentation head, and detectors that are asked with an image.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labelers.contracts.candidates import Detection, Image, box_of
from labelers.loading import hf
from manifests.errors import SeagullError

Box = tuple[float, float, float, float]

_FINDERS = (  # part of an architecture's name, how it is asked; the first that fits
    ("OmDetTurbo", ""),
    ("OneFormerForUniversalSegmentation", "tasked"),
    ("ForUniversalSegmentation", "panoptic"),
    ("MaskFormerForInstanceSegmentation", "panoptic"),
    ("GroundingDinoForObjectDetection", "worded"),
    ("OwlViTForObjectDetection", "worded"),
    ("Owlv2ForObjectDetection", "worded"),
    ("ForObjectDetection", "boxes"),
    ("Sam3Model", "concepts"),
)
_STILL = {"Sam3VideoModel": "Sam3Model"}  # SAM3 is published as the one and holds the other
_WAYS = {  # how it is asked: what reads the answer, and which processor reads words
    "panoptic": ("panoptic_segmentation", ""),
    "tasked": ("panoptic_segmentation", "AutoProcessor"),
    "boxes": ("object_detection", ""),
    "worded": ("grounded_object_detection", "AutoProcessor"),
    "concepts": ("instance_segmentation", "Sam3Processor"),
}
_ASKED = ("worded", "concepts")  # need words from the configuration
_COCO_PANOPTIC = 133
_COCO_THINGS = 80


class HfDetector:
    """A model with its processor; objects best first."""

    def __init__(self, model: Any, processor: Any, options: Mapping[str, Any]) -> None:
        self.model = model
        self.processor = processor
        self.threshold = float(options.get("threshold", 0.5))
        self.text = options.get("text", [])
        default = range(_COCO_THINGS) if model.config.num_labels == _COCO_PANOPTIC else None
        things = options.get("things", default)
        self.things = None if things is None else set(things)
        how = _finder(type(model).__name__)
        self.find = getattr(self, f"_{how}")
        self.answer = _reader(processor, how, type(model).__name__)

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first."""
        import torch

        with torch.inference_mode():
            found = [d for d in self.find(image) if _has_area(d.box_xyxy)]
        return sorted(found, key=lambda d: -(d.score or 0.0))

    def _run(self, image: Image, **asked: Any) -> Any:
        prepared = self.processor(images=image, return_tensors="pt", **asked)
        return self.model(**prepared.to(self.model.device))

    def _read(self, image: Image, outputs: Any, **more: Any) -> Any:
        size = image.shape[:2]
        return self.answer(outputs, threshold=self.threshold, target_sizes=[size], **more)[0]

    def _tasked(self, image: Image) -> list[Detection]:
        return self._segments(image, self._run(image, task_inputs=["panoptic"]))

    def _panoptic(self, image: Image) -> list[Detection]:
        return self._segments(image, self._run(image))

    def _segments(self, image: Image, outputs: Any) -> list[Detection]:
        panoptic = self._read(image, outputs)
        ids = np.asarray(panoptic["segmentation"].cpu())
        found = []
        for segment in panoptic["segments_info"]:
            mask = ids == segment["id"]
            if mask.any() and self._is_thing(segment["label_id"]):
                name = self._name(segment["label_id"])
                found.append(Detection(box_of(mask), name, _score(segment["score"]), mask))
        return found

    def _boxes(self, image: Image) -> list[Detection]:
        result = self._read(image, self._run(image))
        rows = zip(*(result[k].tolist() for k in ("boxes", "labels", "scores")), strict=True)
        return [
            Detection(_inside(box, image), self._name(label), _score(score))
            for box, label, score in rows
            if self._is_thing(label)
        ]

    def _worded(self, image: Image) -> list[Detection]:
        outputs = self._run(image, text=[self.text])
        result = self._read(image, outputs, text_labels=[self.text])
        # Not strict: where nothing is found Grounding DINO still decodes one empty phrase.
        rows = zip(result["boxes"].tolist(), result["text_labels"], result["scores"].tolist())  # noqa: B905
        return [
            Detection(_inside(box, image), word or None, _score(score)) for box, word, score in rows
        ]

    def _concepts(self, image: Image) -> list[Detection]:
        pixels = self.processor(images=image, return_tensors="pt")["pixel_values"]
        vision = self.model.get_vision_features(pixels.to(self.model.device))
        found = []
        for word in self.text:
            words = self.processor(text=word, return_tensors="pt")
            outputs = self.model(vision_embeds=vision, **words.to(self.model.device))
            result = self._read(image, outputs)
            found += [
                Detection(_inside(box, image), word, _score(score), mask if mask.any() else None)
                for box, score, mask in zip(
                    result["boxes"].tolist(),
                    result["scores"].tolist(),
                    result["masks"].bool().cpu().numpy(),
                    strict=True,
                )
            ]
        return found

    def _is_thing(self, label: int) -> bool:
        return self.things is None or label in self.things

    def _name(self, label: int) -> str:
        return str(self.model.config.id2label[label])


def _finder(name: str) -> str:
    how = next((how for part, how in _FINDERS if part in name), "")
    if not how:
        raise SeagullError(
            f"{name} is no detector that can be used: panoptic segmentation, object detection and "
            "SAM3 are"
        )
    return how


def _reader(processor: Any, how: str, name: str) -> Any:
    read = getattr(processor, f"post_process_{_WAYS[how][0]}", None)
    if read is None:
        raise SeagullError(
            f"a {type(processor).__name__} cannot read what {name} answers; save the model's own "
            "processor beside its weights"
        )
    return read


def _score(score: float) -> float:
    return round(float(score), 6)


def _has_area(box: Box) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def _inside(box: list[float], image: Image) -> Box:
    height, width = image.shape[:2]
    x0, x1 = (min(max(v, 0.0), float(width)) for v in (box[0], box[2]))
    y0, y1 = (min(max(v, 0.0), float(height)) for v in (box[1], box[3]))
    return x0, y0, x1, y1


def load_hf_detector(folder: Path, device: str, options: Mapping[str, Any]) -> HfDetector:
    """Load the detector in `folder`.

    Raises:
        SeagullError: not whole, no detector, or words are missing.
    """
    named = hf.architecture(folder)
    name = _STILL.get(named, named)
    how = _finder(name)
    if how in _ASKED:
        _require_words(name, options.get("text"))
    model = hf.load_pretrained(folder, name, device)
    _, reader = _WAYS[how]
    if not reader:
        return HfDetector(model, hf.load_image_processor(folder), options)
    processor = hf.load_word_processor(folder, _vocabulary(model), reader)
    if how in _ASKED:
        _require_room(model, processor.tokenizer, options["text"])
    return HfDetector(model, processor, options)


def _require_words(name: str, text: Any) -> None:
    if not (isinstance(text, list) and text and all(isinstance(w, str) and w for w in text)):
        raise SeagullError(
            f"{name} needs words to look for: masks.detector_options.text, a list such as "
            f"[cat, dog]; came {text!r}"
        )


def _require_room(model: Any, tokenizer: Any, text: list[str]) -> None:
    """Words must fit the text side: all of them at once for Grounding DINO, else each."""
    at_once = getattr(model.config, "max_text_len", None)
    room = at_once or model.config.text_config.max_position_embeddings
    asked = [". ".join(text) + "."] if at_once else text
    longest = max(len(ids) for ids in tokenizer(asked)["input_ids"])
    if longest > room:
        raise SeagullError(
            f"masks.detector_options.text is too long for {type(model).__name__}: {longest} tokens "
            f"and {room} fit; ask for {'fewer' if at_once else 'shorter'} words"
        )


def _vocabulary(model: Any) -> int:
    """How many tokens the model's text side knows."""
    config = model.config
    return int(getattr(config, "text_encoder_vocab_size", 0) or config.text_config.vocab_size)
