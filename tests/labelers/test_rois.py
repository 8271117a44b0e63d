"""ROIs on drawn scenes whose objects are known, and the filters one by one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from labelers.contracts.candidates import Candidate, Detection
from labelers.engine.mask_models import MaskModels, load_mask_models
from labelers.engine.rois import clean, find_rois, random_points
from manifests.config import MasksConfig
from manifests.errors import SceneError
from manifests.rle import decode

CONFIG = MasksConfig()


def _scene() -> tuple[np.ndarray, list[np.ndarray]]:
    """A grey gradient with a red disc and a blue box, 240x320, slightly noisy."""
    image = np.empty((240, 320, 3), np.float64)
    image[:] = np.linspace(110, 140, 320)[None, :, None]
    disc = cv2.circle(np.zeros((240, 320), np.uint8), (90, 120), 45, 1, -1).astype(bool)
    box = np.zeros((240, 320), bool)
    box[70:170, 200:270] = True
    image[disc], image[box] = (200, 40, 40), (40, 60, 200)
    image += np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), [disc, box]


def _rois(image: np.ndarray, config: MasksConfig = CONFIG, seed: int = 0) -> list:
    models = load_mask_models(config, "cpu")
    return find_rois(image, "s-00000000", "ab" * 32, seed, config, models)


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_drawn_objects_are_found() -> None:
    image, truth = _scene()
    masks = [decode(r.rle, 240, 320) for r in _rois(image) if r.kind == "object"]
    for mask in truth:
        assert max(_iou(mask, m) for m in masks) > 0.9


def test_records_agree_with_their_masks() -> None:
    rois = _rois(_scene()[0])
    assert next(r.roi_id for r in rois) == "s-00000000_obj000"
    for roi in rois:
        mask = decode(roi.rle, roi.height, roi.width)
        x, y, w, h = roi.bbox_xywh
        assert roi.area == mask.sum() == mask[y : y + h, x : x + w].sum() >= 1024
        assert mask[y].any() and mask[y + h - 1].any()
        assert mask[:, x].any() and mask[:, x + w - 1].any()
    kinds = [r.kind for r in rois]
    assert kinds == sorted(kinds, reverse=True)


def test_same_seed_same_rois_and_no_state_between_scenes() -> None:
    image = _scene()[0]
    first = _rois(image)
    cv2.setRNGSeed(99)
    _rois(image[:, ::-1].copy())
    assert _rois(image) == first


def test_nothing_to_find_is_a_reason() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    with pytest.raises(SceneError) as caught:
        _rois(flat)
    assert caught.value.reason == "no_rois"


class _Fixed:
    """A detector and segmenter that answer what they were told."""

    def __init__(self, boxes: list[Candidate], points: list[Candidate]) -> None:
        self.box_masks, self.point_masks = boxes, points

    def detect(self, image: np.ndarray) -> list[Detection]:
        return [Detection((0, 0, 1, 1), "thing", 0.5)] * len(self.box_masks)

    def open(self, image: np.ndarray) -> "_Fixed":
        return self

    def boxes(self, detections: list[Detection]) -> list[Candidate]:
        return self.box_masks

    def points(self, xy: np.ndarray) -> list[list[Candidate]]:
        return [self.point_masks]


def _square(x: int, y: int, side: int) -> np.ndarray:
    mask = np.zeros((100, 100), bool)
    mask[y : y + side, x : x + side] = True
    return mask


def _count(boxes: list[Candidate], points: list[Candidate], config: MasksConfig) -> dict:
    double = _Fixed(boxes, points)
    image = np.zeros((100, 100, 3), np.uint8)
    rois = find_rois(image, "s", "0", 0, config, MaskModels(double, double, "fixed"))
    return {kind: [r.area for r in rois if r.kind == kind] for kind in ("object", "component")}


def test_filters() -> None:
    whole = Candidate(_square(0, 0, 60), 0.9, 0.9, 0.99)
    part = Candidate(_square(0, 0, 40), 0.8, 0.95, 0.99)  # fills its object's corner: kept
    twin = Candidate(_square(1, 1, 59), 0.7, 0.95, 0.99)  # the object again: dropped
    small = Candidate(_square(70, 70, 31), 0.9, 0.95, 0.99)  # 961 pixels
    unsure = Candidate(_square(50, 50, 40), 0.9, 0.5, 0.99)
    shaky = Candidate(_square(60, 0, 40), 0.9, 0.95, 0.5)
    points = [part, twin, small, unsure, shaky]
    assert _count([whole], points, CONFIG) == {"object": [3600], "component": [1600]}
    literal = replace(CONFIG, literal=True)
    assert _count([whole], [part, unsure], literal) == {"object": [3600], "component": [1600]}
    assert _count([whole], [twin, small], literal) == {"object": [3600], "component": []}
    capped = replace(CONFIG, max_components=1, predicted_iou=0.0, stability=0.0)
    assert _count([], points, capped)["component"] == [1600]


def test_clean_fills_holes_and_drops_islands() -> None:
    mask = _square(10, 10, 50)
    spoiled = mask.copy()
    spoiled[30:33, 30:33] = False
    spoiled[90:93, 90:93] = True
    np.testing.assert_array_equal(clean(spoiled), mask)
    ring = mask & ~_square(20, 20, 30)
    np.testing.assert_array_equal(clean(ring), ring)
    assert not clean(np.zeros((5, 5), bool)).any()
    assert clean(np.ones((5, 5), bool)).all()


def test_points_are_uniform_and_keyed() -> None:
    xy = random_points(200, 400, "ab", 0, 4000)
    assert (xy >= 0).all() and (xy < [400, 200]).all()
    np.testing.assert_allclose(xy.mean(0), [200, 100], rtol=0.05)
    assert not np.array_equal(xy, random_points(200, 400, "ab", 1, 4000))
