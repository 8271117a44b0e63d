"""Promptable segmenters of transformers: sam, sam_hq, sam2(.1), sam3_tracker, edgetam.

A point gives three masks, a box one (SAM2's kin take the best of the three where their single mask
is unstable). SAM computes as segment-anything does (hf_sam); of the others transformers' own
arithmetic stands. Folders that were published for video (SAM2's, SAM3's and EdgeTAM's are) are
opened as the family's image model.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.loading import hf
from labelers.segmenters import hf_sam
from labelers.segmenters.prompting import Prompts
from manifests.errors import SeagullError

_STILL = {  # a video model's folder: which image model its weights hold
    "Sam2VideoModel": "Sam2Model",
    "EdgeTamVideoModel": "EdgeTamModel",
    "Sam3VideoModel": "Sam3TrackerModel",
    "Sam3TrackerVideoModel": "Sam3TrackerModel",
}


class HfSegmenter:
    """A mask-generation model with its image processor."""

    def __init__(self, model: Any, processor: Any, least_iou: float = 0.0, batch: int = 0):
        self.model = model
        self.processor = processor
        self.least_iou = least_iou
        self.batch = batch

    def open(self, image: Image) -> Prompts:
        """Embed an encoded RGB image (uint8 HxWx3)."""
        import torch

        inputs = self.processor(images=image, return_tensors="pt").to(self.model.device)
        with torch.inference_mode():
            embeddings = self.model.get_image_embeddings(inputs["pixel_values"])
        embedding = _HfEmbedding(self.model, self.processor, inputs, embeddings, image.shape[:2])
        return Prompts(embedding, str(self.model.device), self.least_iou, self.batch)


def load_hf_segmenter(folder: Path, device: str, least_iou: float) -> HfSegmenter:
    """Load the segmenter in `folder`.

    Raises:
        SeagullError: not whole, or no promptable segmenter.
    """
    name = hf.architecture(folder)
    model = hf.load_pretrained(folder, _STILL.get(name, name), device)
    if not hasattr(model, "get_image_embeddings"):
        raise SeagullError(f"{folder} holds a {name}, no promptable segmenter")
    processor = hf.load_image_processor(folder)
    if not hasattr(processor, "post_process_masks"):
        raise SeagullError(f"{folder} has a {type(processor).__name__}, not the one of {name}")
    if name == "SamModel":
        hf_sam.match_segment_anything(model, processor)
    return HfSegmenter(model, processor, least_iou)


class _HfEmbedding:
    def __init__(
        self, model: Any, processor: Any, inputs: Any, embeddings: Any, size: tuple[int, ...]
    ) -> None:
        self.model = model
        self.processor = processor
        self.size = size
        # SAM pads to a square after resizing, its successors squash to one.
        self.reshaped = inputs.get("reshaped_input_sizes")
        encoded = inputs["pixel_values"].shape[-2:] if self.reshaped is None else self.reshaped[0]
        # The authors scale prompts in these types, and a rounding may cost a pixel.
        exact = np.float32 if self.reshaped is None else np.float64
        self.scale = np.array([float(encoded[1]) / size[1], float(encoded[0]) / size[0]], exact)
        self.shared = {"image_embeddings": embeddings}
        if isinstance(embeddings, tuple):  # SAM-HQ also hands over its early layers
            image, early = embeddings
            self.shared = {"image_embeddings": image, "intermediate_embeddings": early}

    def decode(self, xy: NDArray[np.float64], are_boxes: bool) -> tuple[Any, Any]:
        import torch

        frame = xy.reshape(len(xy), -1, 2).astype(self.scale.dtype) * self.scale
        prompts = torch.as_tensor(frame, dtype=torch.float32, device=self.model.device)[None]
        named = (
            {"input_boxes": prompts.flatten(2)}
            if are_boxes
            else {
                "input_points": prompts,
                "input_labels": torch.ones(
                    prompts.shape[:3], dtype=torch.int, device=prompts.device
                ),
            }
        )
        out = self.model(**self.shared, **named, multimask_output=not are_boxes)
        return out.pred_masks[0], out.iou_scores[0]

    def enlarged(self, low: Any) -> Any:
        sizes = [tuple(self.size)]
        options = {} if self.reshaped is None else {"reshaped_input_sizes": self.reshaped}
        return self.processor.post_process_masks([low[None]], sizes, binarize=False, **options)[0][
            0
        ]
