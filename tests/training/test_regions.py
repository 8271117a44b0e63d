from dataclasses import replace

import cv2
import numpy as np
import pytest

from manifests.errors import SeagullError
from manifests.sample import Sample
from training.data import sample_arrays as regions
from training.data.roi_shape import Shape
from training.data.sample_arrays import Augmentation
from training.data.shard_reader import in_order

RNG = np.random.default_rng(0)


@pytest.fixture
def sample(workspace) -> Sample:
    return next(iter(in_order(workspace, "test")))


def test_arrays_of_a_sample(sample):
    made = regions.prepare(sample, [1, 0, 1], 64, 32, np.random.default_rng(0))
    image = regions.decode(sample)
    assert made.view.shape == (64, 64, 3)
    np.testing.assert_array_equal(made.view, cv2.resize(image, (64, 64), interpolation=3))
    assert [r.mask.shape for r in made.regions] == [(64, 64)] * 3
    assert [r.patch.shape for r in made.regions] == [(32, 32, 3)] * 3
    assert all(r.inside.any() and r.mask.any() for r in made.regions)
    assert all(r.statistics.shape == (regions.STATISTICS,) for r in made.regions)
    np.testing.assert_array_equal(made.regions[0].statistics, made.regions[2].statistics)
    share = regions.decode_mask(sample.rois[0]).mean()
    assert np.exp(made.regions[1].statistics[-1]) == pytest.approx(share)


def test_patches_are_native_pixels_on_the_grid_around_the_roi(sample):
    image, mask = regions.decode(sample), regions.decode_mask(sample.rois[0])
    places = set()
    for seed in range(20):
        (region,) = regions.prepare(sample, [0], 64, 32, np.random.default_rng(seed)).regions
        found = [
            (y, x)
            for y in range(0, 96 - 31, 8)
            for x in range(0, 128 - 31, 8)
            if np.array_equal(image[y : y + 32, x : x + 32], region.patch)
        ]
        assert len(found) == 1
        y, x = found[0]
        np.testing.assert_array_equal(mask[y : y + 32, x : x + 32], region.inside)
        places.add((y, x))
    assert len(places) > 5


def test_small_rois_do_not_vanish_from_the_overview(sample):
    mask = np.zeros((960, 1280), np.uint8)
    mask[500, 700] = 1
    small = Shape.of(mask).shrunk(64)
    assert small.sum() == 1 and small[500 * 64 // 960, 700 * 64 // 1280] == 1


def test_a_shape_is_its_mask_wherever_one_looks():
    rng = np.random.default_rng(0)
    for height, width in ((40, 97), (130, 61)):
        mask = np.zeros((height, width), np.uint8)
        mask[7:30, 20:50] = rng.random((23, 30)) < 0.2
        shape = Shape.of(mask)
        cell = np.arange(height) * 64 // height, np.arange(width) * 64 // width
        wanted = np.zeros((64, 64), np.uint8)
        np.maximum.at(wanted, np.ix_(*cell), mask)
        np.testing.assert_array_equal(shape.shrunk(64), wanted)
        beyond = np.pad(mask, ((0, 40), (0, 40)))
        for at in ((0, 0), (16, 32), (32, 40), (height - 8, width - 8)):
            window = shape.window(at, (32, 32))
            np.testing.assert_array_equal(window, beyond[at[0] : at[0] + 32, at[1] : at[1] + 32])
        assert shape.count == mask.sum() and mask[shape.places].all()


def test_images_smaller_than_a_patch_are_padded_outside_the_mask(sample):
    (region,) = regions.prepare(sample, [0], 64, 160, np.random.default_rng(0)).regions
    assert region.patch.shape == (160, 160, 3)
    assert not region.patch[96:].any() and not region.inside[:, 128:].any()
    assert region.inside.sum() == regions.decode_mask(sample.rois[0]).sum()


def test_a_change_moves_pixels_and_masks_alike(sample):
    change = Augmentation(flip=True, turns=1, channels=(2, 0, 1))
    plain = regions.prepare(sample, [0], 64, 32, np.random.default_rng(3))
    moved = regions.prepare(sample, [0], 64, 32, np.random.default_rng(3), change)

    def by_hand(array):
        return np.rot90(np.fliplr(array))

    np.testing.assert_array_equal(moved.view, by_hand(plain.view)[..., [2, 0, 1]])
    np.testing.assert_array_equal(moved.regions[0].mask, by_hand(plain.regions[0].mask))
    np.testing.assert_array_equal(moved.regions[0].inside, by_hand(plain.regions[0].inside))
    patch = by_hand(plain.regions[0].patch)[..., [2, 0, 1]]
    np.testing.assert_array_equal(moved.regions[0].patch, patch)


def test_all_symmetries_and_channel_orders_are_drawn():
    rng = np.random.default_rng(0)
    drawn = {regions.draw_augmentation(rng) for _ in range(600)}
    assert len(drawn) == 2 * 4 * 6
    board = np.arange(4).reshape(2, 2)
    assert len({c.frame(board).tobytes() for c in drawn}) == 8


def test_an_image_that_cannot_be_read_is_said(sample):
    broken = replace(
        sample, image=b"nothing", rendering=replace(sample.rendering, rendering_id="a_ref")
    )
    with pytest.raises(SeagullError, match="a_ref"):
        regions.decode(broken)
