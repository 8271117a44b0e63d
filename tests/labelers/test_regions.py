"""The merge tree and saliency on a drawn scene, and mask IoU against pycocotools."""

import numpy as np
import pytest
from pycocotools import mask as coco

from labelers.contracts.candidates import Candidate
from labelers.engine.rois import _masked, mask_iou
from labelers.weight_free.merge_tree import Tree, merge
from labelers.weight_free.regions import segment, working_copy
from labelers.weight_free.saliency import saliency
from manifests.config import MasksConfig


@pytest.fixture(scope="module")
def tree() -> Tree:
    rng = np.random.default_rng(0)
    image = np.full((120, 160, 3), 90.0)
    image[30:80, 40:90] = (210, 60, 40)
    image[45:60, 50:70] = (250, 220, 60)
    image += rng.normal(0, 2, image.shape)
    return merge(segment(np.clip(image, 0, 255).astype(np.uint8)))


def test_nodes_are_nested_and_count_their_pixels(tree: Tree) -> None:
    for node, parent in enumerate(tree.parent):
        mask = tree.mask(node)
        assert mask.sum() == tree.area[node]
        if parent >= 0:
            assert not (mask & ~tree.mask(int(parent))).any()
            assert tree.height[parent] >= tree.height[node]
    assert tree.mask(len(tree.area) - 1).all()


def test_a_part_and_its_whole_are_above_a_point(tree: Tree) -> None:
    areas = tree.area[tree.ancestors(int(tree.regions.labels[52, 60]))]
    for true in (15 * 20, 50 * 50):
        assert np.min(np.abs(areas - true)) < 0.1 * true


def test_what_stands_out_is_salient(tree: Tree) -> None:
    values = saliency(tree.regions)[tree.regions.labels]
    assert values[35:75, 45:85].mean() > 0.6 > 0.3 > values[:20].mean()


def test_one_flat_region() -> None:
    flat = merge(segment(np.full((40, 50, 3), 77, np.uint8)))
    assert len(flat.area) == 1 and flat.mask(0).all()
    assert (saliency(flat.regions) == 0).all()


def test_working_copy_keeps_small_images() -> None:
    image = np.zeros((300, 512, 3), np.uint8)
    assert working_copy(image) is image
    assert working_copy(np.zeros((2048, 10, 3), np.uint8)).shape == (512, 2, 3)


def test_mask_iou_is_pycocotools() -> None:
    rng = np.random.default_rng(3)
    config = MasksConfig(literal=True)
    masks = [
        np.pad(rng.random((20, 30)) < 0.5, ((k, 9 - k), (3 * k, 27 - 3 * k))) for k in range(9)
    ]
    found = [_masked(Candidate(m, 0.0), config) for m in masks]
    rles = [coco.encode(np.asfortranarray(m, dtype=np.uint8)) for m in masks]
    theirs = coco.iou(rles, rles, [0] * len(rles))
    ours = [[mask_iou(a, b) for b in found] for a in found]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
