"""SAM through segment-anything (Kirillov et al., ICCV 2023): one embedding a scene."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.loading import weights
from labelers.segmenters import sam_attention
from labelers.segmenters.prompting import Prompts
from manifests.errors import SeagullError


def load_sam(model: str, path: Path, device: str) -> Any:
    """Load the Sam module `model` (vit_b, vit_l, vit_h) with the weights at `path`.

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
    sam_attention.by_blocks(sam.image_encoder)
    return sam.to(device).eval()


class SamSegmenter:
    """A Sam module; masks below `least_iou` predicted IoU are left out for points."""

    def __init__(self, sam: Any, least_iou: float = 0.0, batch: int = 0) -> None:
        self.sam = sam
        self.least_iou = least_iou
        self.batch = batch

    def open(self, image: Image) -> Prompts:
        """Embed an encoded RGB image (uint8 HxWx3)."""
        import torch
        from segment_anything import SamPredictor

        predictor = SamPredictor(self.sam)
        with torch.inference_mode():
            predictor.set_image(image)
            embedding = _SamEmbedding(predictor)
        return Prompts(embedding, str(predictor.device), self.least_iou, self.batch)


class _SamEmbedding:
    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor
        self.places = predictor.model.prompt_encoder.get_dense_pe()  # the same for every prompt

    def decode(self, xy: NDArray[np.float64], are_boxes: bool) -> tuple[Any, Any]:
        import torch

        transform, size = self.predictor.transform, self.predictor.original_size
        frame = transform.apply_boxes(xy, size) if are_boxes else transform.apply_coords(xy, size)
        prompts = torch.as_tensor(frame, dtype=torch.float32, device=self.predictor.device)
        labels = torch.ones((len(prompts), 1), dtype=torch.int, device=prompts.device)
        sam = self.predictor.model
        sparse, dense = sam.prompt_encoder(
            points=None if are_boxes else (prompts[:, None], labels),
            boxes=prompts if are_boxes else None,
            masks=None,
        )
        low, iou = sam.mask_decoder(
            image_embeddings=self.predictor.features,
            image_pe=self.places,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=not are_boxes,
        )
        return low, iou

    def enlarged(self, low: Any) -> Any:
        from torch.nn.functional import interpolate

        predictor = self.predictor
        (height, width), side = predictor.input_size, predictor.model.image_encoder.img_size
        square = interpolate(low[None], (side, side), mode="bilinear", align_corners=False)
        square = square[..., :height, :width]
        if tuple(predictor.input_size) == tuple(predictor.original_size):
            return square[0]  # to interpolate to the same size changes nothing but the time
        return interpolate(square, predictor.original_size, mode="bilinear", align_corners=False)[0]
