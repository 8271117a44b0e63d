"""SAM through segment-anything: one embedding a scene, prompts in batches.

Kirillov et al., ICCV 2023. A box gives one mask, a point three nested ones; a mask's stability is
SAM's own (IoU of the mask cut at logits +1 and -1). Masks are only brought to full size where their
predicted IoU can pass the filter.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelers import weights
from labelers.models import Candidate, Detection, Image
from manifests.errors import SeagullError

BATCH = 8  # prompts; on a CPU the fastest, 33 MiB each
_STABILITY_OFFSET = 1.0


def load_sam(model: str, path: Path, device: str) -> Any:
    """The Sam module `model` (vit_b, vit_l, vit_h) with the weights at `path`.

    Raises:
        SeagullError: no such model, or the file is not its checkpoint.
    """
    from segment_anything import sam_model_registry

    if model not in sam_model_registry:
        raise SeagullError(
            f"masks.segmenter_model={model} is unknown; there are {', '.join(sam_model_registry)}"
        )
    state = weights.read_state(path)
    sam = sam_model_registry[model]()
    weights.load_into(sam, state, path, f"sam:{model}")
    return sam.to(device).eval()


class SamSegmenter:
    """A Sam module; masks below `least_iou` predicted IoU are left out for points."""

    def __init__(self, sam: Any, least_iou: float = 0.0, batch: int = BATCH) -> None:
        self.sam = sam
        self.least_iou = least_iou
        self.batch = batch

    def open(self, image: Image) -> "SamPrompts":
        """Embed an encoded RGB image (uint8 HxWx3)."""
        import torch
        from segment_anything import SamPredictor

        predictor = SamPredictor(self.sam)
        with torch.inference_mode():
            predictor.set_image(image)
        return SamPrompts(predictor, self.least_iou, self.batch)


class SamPrompts:
    """One embedded image."""

    def __init__(self, predictor: Any, least_iou: float, batch: int) -> None:
        self.predictor = predictor
        self.least_iou = least_iou
        self.batch = batch

    def boxes(self, detections: Sequence[Detection]) -> list[Candidate]:
        """One mask a detection, ranked by the detector's score."""
        import torch

        if not detections:
            return []
        boxes = np.array([d.box_xyxy for d in detections], np.float64)
        frame = self.predictor.transform.apply_boxes(boxes, self.predictor.original_size)
        prompts = torch.as_tensor(frame, dtype=torch.float32)
        found = [c for cs in self._decode(boxes=prompts, least=-np.inf) for c in cs]
        return [
            Candidate(c.mask, d.score or 0.0, c.predicted_iou, c.stability)
            for c, d in zip(found, detections, strict=True)
        ]

    def points(self, xy: NDArray[np.float64]) -> list[list[Candidate]]:
        """For each point (nx2, x and y in pixels) those of SAM's three masks that may pass."""
        import torch

        frame = self.predictor.transform.apply_coords(xy, self.predictor.original_size)
        prompts = torch.as_tensor(frame, dtype=torch.float32)[:, None]
        return self._decode(points=prompts, least=self.least_iou)

    def _decode(self, least: float, points: Any = None, boxes: Any = None) -> list[list[Candidate]]:
        import torch

        found: list[list[Candidate]] = []
        with torch.inference_mode():
            for part in (points if boxes is None else boxes).split(self.batch):
                low, iou = self._low_resolution(part, boxes is not None)
                for masks, scores in zip(low, iou, strict=True):
                    keep = scores >= least
                    found.append(self._full_size(masks[keep], scores[keep]))
        return found

    def _low_resolution(self, prompts: Any, are_boxes: bool) -> tuple[Any, Any]:
        """Logits (n x masks x 256 x 256) and predicted IoU (n x masks)."""
        import torch

        sam, prompts = self.predictor.model, prompts.to(self.predictor.device)
        labels = torch.ones(prompts.shape[:2], dtype=torch.int, device=prompts.device)
        sparse, dense = sam.prompt_encoder(
            points=None if are_boxes else (prompts, labels),
            boxes=prompts if are_boxes else None,
            masks=None,
        )
        low, iou = sam.mask_decoder(
            image_embeddings=self.predictor.features,
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=not are_boxes,
        )
        return low, iou

    def _full_size(self, low: Any, iou: Any) -> list[Candidate]:
        from segment_anything.utils.amg import calculate_stability_score

        if not len(low):
            return []
        size = (self.predictor.input_size, self.predictor.original_size)
        logits = self.predictor.model.postprocess_masks(low[None], *size)[0]
        threshold = self.predictor.model.mask_threshold
        stability = calculate_stability_score(logits, threshold, _STABILITY_OFFSET)
        masks = (logits > threshold).cpu().numpy()
        return [
            Candidate(mask, score, round(score, 6), round(steady, 6))
            for mask, score, steady in zip(
                masks, iou.tolist(), stability.nan_to_num(0.0).tolist(), strict=True
            )
        ]
