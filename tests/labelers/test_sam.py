"""SAM by segment-anything: against its own predictor, and its weights by path."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from segment_anything import SamPredictor, sam_model_registry
from segment_anything.modeling.image_encoder import Block

from labelers.contracts.candidates import Detection
from labelers.engine.mask_models import load_mask_models, mask_models_identity
from labelers.engine.rois import find_rois
from labelers.loading.onednn import pack_linears
from labelers.segmenters.sam import SamSegmenter, ready
from labelers.segmenters.sam_attention import quickly
from labelers.segmenters.sam_decoder import SharedDecoder
from manifests.config import MasksConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


@pytest.fixture
def config(tiny_sam: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MasksConfig:
    monkeypatch.setitem(sam_model_registry, "tiny", tiny_sam)
    path = tmp_path / "tiny.pth"
    torch.save(tiny_sam().state_dict(), path)
    return MasksConfig(
        segmenter="sam", segmenter_model="tiny", segmenter_weights=str(path), points=6,
        predicted_iou=-9.0, stability=0.0, min_area=16,
    )  # fmt: skip


@pytest.mark.parametrize("batch", [1, 4])
def test_masks_are_the_predictors(tiny_sam: Callable, image: np.ndarray, batch: int) -> None:
    sam = tiny_sam()
    xy = np.random.default_rng(1).random((5, 2)) * [120, 90]
    ours = SamSegmenter(sam, -9.0, batch).open(image)
    predictor = SamPredictor(sam)
    predictor.set_image(image)
    for point, candidates in zip(xy, ours.points(xy), strict=True):
        masks, iou, _ = predictor.predict(point[None], np.ones(1))
        np.testing.assert_array_equal([c.mask for c in candidates], masks)
        np.testing.assert_allclose([c.predicted_iou for c in candidates], iou, atol=1e-5)
    box = (10.0, 20.0, 70.0, 80.0)
    masks, iou, _ = predictor.predict(box=np.array(box), multimask_output=False)
    (candidate,) = ours.boxes([Detection(box, "cup", 0.7)])
    np.testing.assert_array_equal(candidate.mask, masks[0])
    assert candidate.rank == 0.7


def test_quick_masks_differ_where_logits_are_nothing(tiny_sam: Callable, image: np.ndarray) -> None:
    xy = np.random.default_rng(1).random((12, 2)) * [120, 90]
    ours = SamSegmenter(ready(tiny_sam()), -9.0, quick=True).open(image)
    predictor = SamPredictor(tiny_sam())
    predictor.set_image(image)
    for point, candidates in zip(xy, ours.points(xy), strict=True):
        logits, iou, _ = predictor.predict(point[None], np.ones(1), return_logits=True)
        differ = np.array([c.mask for c in candidates]) != (logits > 0)
        assert differ.sum() <= 1
        assert np.abs(logits[differ]).max(initial=0) < 1e-6 * np.abs(logits).max()
        np.testing.assert_allclose([c.predicted_iou for c in candidates], iou, atol=1e-5)


@pytest.mark.parametrize("window", [0, 14])
def test_quick_attention_is_segment_anythings(window: int) -> None:
    torch.manual_seed(0)
    block = Block(64, 4, use_rel_pos=True, window_size=window, input_size=(20, 20)).eval()
    for position in (block.attn.rel_pos_h, block.attn.rel_pos_w):
        torch.nn.init.normal_(position)
    tokens = torch.randn(1, 20, 20, 64)
    with torch.inference_mode():
        expected = block(tokens)
        quickly(torch.nn.ModuleDict({"blocks": torch.nn.ModuleList([block])}))
        pack_linears(block)
        torch.testing.assert_close(block(tokens), expected, atol=1e-5, rtol=0)


def test_logits_are_segment_anythings(tiny_sam: Callable) -> None:
    sam, embedding = tiny_sam(), torch.randn(1, 32, 8, 8, generator=torch.manual_seed(0))
    boxes = torch.tensor([[1.0, 2.0, 90.0, 60.0], [30.0, 20.0, 100.0, 128.0]])
    with torch.inference_mode():
        sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
        for multimask in (False, True):
            expected = sam.mask_decoder(
                embedding, sam.prompt_encoder.get_dense_pe(), sparse, dense, multimask
            )
            found = SharedDecoder(sam, embedding).decode(sparse, multimask)
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_low_predicted_iou_is_left_out(tiny_sam: Callable, image: np.ndarray) -> None:
    prompted = SamSegmenter(tiny_sam(), 1e9).open(image)
    assert prompted.points(np.array([[5.0, 5.0], [9.0, 9.0]])) == [[], []]


def test_rois_name_the_weights(image: np.ndarray, config: MasksConfig) -> None:
    models = load_mask_models(config, "cpu")
    digest = sha256_of_file(Path(config.segmenter_weights))
    assert models.identity == f"embedded-1+sam:tiny@{digest[:16]}"
    assert models.identity == mask_models_identity(config)
    rois = find_rois(image, "s", "ab", 0, config, models)
    assert {r.source for r in rois} == {models.identity}
    assert all(r.predicted_iou is not None and r.stability is not None for r in rois)


def _refused(config: MasksConfig, match: str) -> None:
    with pytest.raises(SeagullError, match=match) as caught:
        load_mask_models(config, "cpu")
    assert "\n" not in str(caught.value)


def test_missing_weights_say_where_they_are(tmp_path: Path) -> None:
    config = MasksConfig(segmenter="sam")
    _refused(config, "download https://.*sam_vit_b_01ec64.pth and set masks.segmenter_weights")
    _refused(replace(config, segmenter_weights=str(tmp_path / "no.pth")), "no weights at")


def test_wrong_weights_are_refused(config: MasksConfig, tmp_path: Path) -> None:
    path = Path(config.segmenter_weights)
    state = torch.load(path, weights_only=True)
    _refused(replace(config, segmenter_model="vit_x"), "vit_x is unknown")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _refused(config, "no whole checkpoint")
    path.write_bytes(b"<html>not found</html>")
    _refused(config, "no whole checkpoint")
    torch.save({"a": 1}, path)
    _refused(config, "no state dict")
    torch.save({f"x.{k}": v for k, v in state.items()}, path)
    _refused(config, "0.0% of its tensors match")
    published = tmp_path / "sam_vit_b_01ec64.pth"
    torch.save(state, published)
    _refused(replace(config, segmenter_weights=str(published)), "not the published")
