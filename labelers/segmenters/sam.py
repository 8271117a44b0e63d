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
    return ready(sam.to(device).eval())


def ready(sam: Any) -> Any:
    """Let a Sam on its device embed images faster; in place. Equal up to rounding."""
    from labelers.loading.onednn import pack_linears

    if sam.device.type == "cpu":
        pack_linears(sam.image_encoder)
        sam_attention.quickly(sam.image_encoder)
    else:
        sam_attention.by_blocks(sam.image_encoder)
    return sam


class SamSegmenter:
    """A Sam module; masks below `least_iou` predicted IoU are left out for points.

    `quick`: decode as `sam_decoder` does, equal up to rounding, not as segment-anything does.
    """

    def __init__(
        self, sam: Any, least_iou: float = 0.0, batch: int = 0, quick: bool = False
    ) -> None:
        self.sam = sam
        self.least_iou = least_iou
        self.batch = batch
        self.quick = quick

    def open(self, image: Image) -> Prompts:
        """Embed an encoded RGB image (uint8 HxWx3)."""
        import torch
        from segment_anything import SamPredictor

        from labelers.segmenters.sam_decoder import OwnDecoder, SharedDecoder

        predictor = SamPredictor(self.sam)
        with torch.inference_mode():
            predictor.set_image(image)
            decoder = (SharedDecoder if self.quick else OwnDecoder)(self.sam, predictor.features)
        embedding = _SamEmbedding(predictor, decoder)
        return Prompts(embedding, str(predictor.device), self.least_iou, self.batch)


class _SamEmbedding:
    def __init__(self, predictor: Any, decoder: Any) -> None:
        self.predictor = predictor
        self.decoder = decoder

    def decode(self, xy: NDArray[np.float64], are_boxes: bool) -> tuple[Any, Any]:
        import torch

        transform, size = self.predictor.transform, self.predictor.original_size
        frame = transform.apply_boxes(xy, size) if are_boxes else transform.apply_coords(xy, size)
        prompts = torch.as_tensor(frame, dtype=torch.float32, device=self.predictor.device)
        labels = torch.ones((len(prompts), 1), dtype=torch.int, device=prompts.device)
        sparse, _ = self.predictor.model.prompt_encoder(
            points=None if are_boxes else (prompts[:, None], labels),
            boxes=prompts if are_boxes else None,
            masks=None,
        )
        found: tuple[Any, Any] = self.decoder.decode(sparse, multimask=not are_boxes)
        return found

    def enlarged(self, low: Any) -> Any:
        from torch.nn.functional import interpolate

        predictor = self.predictor
        (height, width), side = predictor.input_size, predictor.model.image_encoder.img_size
        square = interpolate(low[None], (side, side), mode="bilinear", align_corners=False)
        square = square[..., :height, :width]
        if tuple(predictor.input_size) == tuple(predictor.original_size):
            return square[0]  # to interpolate to the same size changes nothing but the time
        return interpolate(square, predictor.original_size, mode="bilinear", align_corners=False)[0]
