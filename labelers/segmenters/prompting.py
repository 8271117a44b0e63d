"""What all learned promptable segmenters share: batches of prompts, filters, logits to masks.

A box gives one mask, a point three nested ones; a mask's stability is SAM's own (IoU of the mask
cut at logits +1 and -1; Kirillov et al., ICCV 2023). Masks are only brought to full size where
their predicted IoU can pass the filter.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Candidate, Detection
from labelers.loading.batching import batch_size, in_batches

BATCH = 4  # prompts; on a CPU the fastest
_PROMPT_BYTES = 96 * 2**20  # of the decoder's attention, and three masks on the way to full size
_OFFSET = 1.0
_THRESHOLD = 0.0


class Embedding(Protocol):
    """An image inside a promptable model."""

    def decode(self, xy: Any, are_boxes: bool) -> tuple[Any, Any]:
        """Small logits (n x masks x h x w) and predicted IoU (n x masks).

        `xy` is in pixels of the image: points nx2, or boxes nx4 (xyxy).
        """

    def enlarged(self, low: Any) -> Any:
        """Small logits of one prompt (masks x h x w) at the image's size."""


class Prompts:
    """An image's embedding as `candidates.Prompted`; drops points' masks below `least_iou`.

    `batch`: prompts at once, 0 for as many as the device has room for.
    """

    def __init__(self, embedding: Embedding, device: str, least_iou: float, batch: int = 0) -> None:
        self.embedding = embedding
        self.least_iou = least_iou
        self.batch = batch or batch_size(device, _PROMPT_BYTES, BATCH)

    def boxes(self, detections: Sequence[Detection]) -> list[Candidate]:
        """One mask a detection, ranked by the detector's score."""
        boxes = np.array([d.box_xyxy for d in detections], np.float64).reshape(-1, 4)
        candidates = [one for (one,) in self._decode(boxes, True, -np.inf)]
        return [
            Candidate(c.mask, d.score or 0.0, c.predicted_iou, c.stability)
            for c, d in zip(candidates, detections, strict=True)
        ]

    def points(self, xy: NDArray[np.float64]) -> list[list[Candidate]]:
        """For each point (nx2, x and y in pixels) those of its three masks that may pass."""
        return self._decode(xy, False, self.least_iou)

    def _decode(
        self, xy: NDArray[np.float64], are_boxes: bool, least: float
    ) -> list[list[Candidate]]:
        import torch

        def masks_of(some: Any) -> list[list[Candidate]]:
            low, iou = self.embedding.decode(some, are_boxes)
            kept = [scores >= least for scores in iou]
            return [self._candidates(m[k], s[k]) for m, s, k in zip(low, iou, kept, strict=True)]

        with torch.inference_mode():
            return in_batches(xy, self.batch, masks_of)

    def _candidates(self, low: Any, iou: Any) -> list[Candidate]:
        from segment_anything.utils.amg import calculate_stability_score

        if not len(low):
            return []
        logits = self.embedding.enlarged(low)
        stability = calculate_stability_score(logits, _THRESHOLD, _OFFSET).nan_to_num(0.0)
        masks = (logits > _THRESHOLD).cpu().numpy()
        return [
            Candidate(mask, score, round(score, 6), round(steady, 6))
            for mask, score, steady in zip(masks, iou.tolist(), stability.tolist(), strict=True)
        ]
