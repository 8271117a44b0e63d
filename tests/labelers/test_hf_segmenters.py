"""transformers' segmenters, tiny and random: SAM against segment-anything, the rest by recipe."""

from pathlib import Path
from typing import Any

import hf_models
import numpy as np
import pytest
import torch
import transformers
from hf_detector_models import sam3, save_sam3_video
from skimage import data

from labelers.contracts.candidates import Candidate, Detection
from labelers.engine.mask_models import load_mask_models
from labelers.segmenters import hf_sam
from labelers.segmenters.hf_segmenter import HfSegmenter, load_hf_segmenter
from labelers.segmenters.sam import SamSegmenter
from manifests.config import MasksConfig

_NOISE = np.random.default_rng(0).integers(0, 256, (48, 70, 3), dtype=np.uint8)
_POINTS = np.array([[5.0, 6.0], [30.3, 20.7], [69.0, 47.0], [0.1, 33.3]])
_BOXES = np.array([[1.0, 2.0, 30.0, 40.5], [10.25, 0.0, 70.0, 48.0]])
_PROCESSORS = {  # of each family; the video folder's image model is SAM2's
    "sam_hq": "SamHQProcessor",
    "sam2": "Sam2Processor",
    "sam2_video": "Sam2Processor",
    "edgetam": "Sam2Processor",
    "sam3_tracker": "Sam3TrackerProcessor",
}


def _photographs() -> list[np.ndarray]:
    """Landscape, portrait, square, larger and smaller than the model's 128 px."""
    coffee, astronaut = data.coffee(), data.astronaut()
    return [
        astronaut[::2, ::2],
        coffee[::2, ::2],
        np.ascontiguousarray(data.chelsea()[:, 100:217]),
        astronaut[20:111, 180:277],
        np.random.default_rng(0).integers(0, 256, (90, 150, 3), dtype=np.uint8),
    ]


def _prompts(size: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = np.array([size[1], size[0]])
    corners = np.sort(rng.random((5, 2, 2)), axis=1) * scale
    return rng.random((9, 2)) * scale, corners.reshape(-1, 4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_same_weights_same_masks_as_segment_anything(seed: int, tmp_path: Path) -> None:
    ours = load_hf_segmenter(hf_models.save(hf_models.sam(seed), tmp_path), "cpu", -1e9)
    theirs = SamSegmenter(hf_models.metas_sam(seed), -1e9)
    for image in _photographs():
        one, other = ours.open(image), theirs.open(image)
        points, boxes = _prompts(image.shape[:2], seed)
        for xy, are_boxes in ((points, False), (boxes, True)):
            with torch.inference_mode():
                found, expected = (p.embedding.decode(xy, are_boxes) for p in (one, other))
                for here, there in zip(found, expected, strict=True):  # logits, predicted IoU
                    np.testing.assert_array_equal(here.numpy(), there.numpy())
        detections = [Detection(tuple(b), "cup", 0.5) for b in boxes]
        pairs = [*zip(one.points(points), other.points(points), strict=True)]
        pairs.append((one.boxes(detections), other.boxes(detections)))
        assert [_told(c) for c, _ in pairs] == [_told(c) for _, c in pairs]
        for here, there in pairs:
            np.testing.assert_array_equal([c.mask for c in here], [c.mask for c in there])
        assert sum(c.mask.any() and not c.mask.all() for here, _ in pairs for c in here) > 20


def _told(found: list[Candidate]) -> list[tuple[Any, ...]]:
    return [(c.rank, c.predicted_iou, c.stability) for c in found]


def test_a_processor_that_rescales_nothing_is_left_alone() -> None:
    processor = transformers.SamImageProcessor()
    processor.do_rescale = False
    hf_sam._normalise_bytes(processor)
    assert processor.image_mean == transformers.SamImageProcessor().image_mean


def _recipe(family: str, folder: Path, boxes: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks and predicted IoU as the documentation gets them: image and prompts at once."""
    model, _ = hf_models.SEGMENTERS[family.removesuffix("_video")]()
    processor = getattr(transformers, _PROCESSORS[family]).from_pretrained(folder)
    if family == "sam_hq":
        processor.image_processor = transformers.SamImageProcessorPil.from_pretrained(folder)
    prompts = (
        {"input_boxes": [_BOXES.tolist()]}
        if boxes
        else {
            "input_points": [[[p] for p in _POINTS.tolist()]],
            "input_labels": [[[1]] * len(_POINTS)],
        }
    )
    inputs = processor(images=_NOISE, return_tensors="pt", **prompts)
    inputs = {k: v.float() if v.dtype == torch.float64 else v for k, v in inputs.items()}
    sizes = [inputs.pop(k) for k in ("original_sizes", "reshaped_input_sizes") if k in inputs]
    with torch.inference_mode():
        out = model(**inputs, multimask_output=not boxes)
    return processor.post_process_masks(out.pred_masks, *sizes)[0], out.iou_scores[0]


@pytest.fixture(scope="module", params=_PROCESSORS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    family = request.param
    folder = hf_models.save(hf_models.SEGMENTERS[family](), tmp_path_factory.mktemp(family))
    config = MasksConfig(segmenter="hf", segmenter_weights=str(folder), predicted_iou=-1e9)
    return family, folder, load_mask_models(config, "cpu").segmenter.open(_NOISE)


def _expect(found: list[Candidate], masks: torch.Tensor, scores: torch.Tensor) -> None:
    np.testing.assert_array_equal([c.mask for c in found], masks.numpy())
    np.testing.assert_allclose([c.predicted_iou for c in found], scores.numpy(), atol=1e-6)


def test_points_give_the_recipes_three_masks(opened: Any) -> None:
    family, folder, prompted = opened
    masks, scores = _recipe(family, folder, boxes=False)
    found = prompted.points(_POINTS)
    assert [len(f) for f in found] == [3] * len(_POINTS)
    assert any(c.mask.any() and not c.mask.all() for f in found for c in f)
    for candidates, expected, iou in zip(found, masks, scores, strict=True):
        _expect(candidates, expected, iou)


def test_boxes_give_the_recipes_one_mask(opened: Any) -> None:
    family, folder, prompted = opened
    masks, scores = _recipe(family, folder, boxes=True)
    found = prompted.boxes([Detection(tuple(b), "cup", 0.7) for b in _BOXES])
    assert [c.rank for c in found] == [0.7, 0.7] and masks.shape[1] == 1
    _expect(found, masks[:, 0], scores[:, 0])


def test_sam3s_published_folder_holds_the_tracker(tmp_path: Path) -> None:
    published = load_hf_segmenter(save_sam3_video(tmp_path), "cpu", -1e9)
    model, processor = hf_models.sam3_tracker()
    model.vision_encoder.backbone.load_state_dict(sam3()[0].vision_encoder.backbone.state_dict())
    expected = HfSegmenter(model, processor.image_processor, -1e9)
    pairs = zip(*(s.open(_NOISE).points(_POINTS) for s in (published, expected)), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal([c.mask for c in one], [c.mask for c in other])
