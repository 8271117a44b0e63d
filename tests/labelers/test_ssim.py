"""The local engine against pyiqa's own ssimc, image by image."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from labelers.contracts.crops import Crop
from labelers.scorers import metric
from labelers.scorers.ssim import LocalSsim

CASES = [  # height, width, box
    (64, 80, (20, 16, 24, 30)),
    (64, 80, (0, 0, 80, 64)),
    (40, 57, (0, 33, 7, 7)),
    (40, 57, (50, 0, 7, 40)),
    (33, 47, (44, 30, 3, 3)),
    (12, 90, (10, 2, 70, 5)),
    (11, 11, (0, 0, 11, 11)),
    (9, 30, (4, 1, 12, 8)),
]


@pytest.fixture(scope="module")
def plain() -> metric.PlainMetric:
    return metric.create("ssimc", "cpu")


def _images(seed: int, height: int, width: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (1, 1, 3)) + rng.normal(0, 40, (height, width, 3)).cumsum(1) / 9
    reference = np.clip(base, 0, 255).astype(np.uint8)
    noisy = np.clip(reference + rng.normal(0, 25, reference.shape), 0, 255).astype(np.uint8)
    return [reference, noisy, 255 - reference, np.full_like(reference, 255)]


@pytest.mark.parametrize(("height", "width", "box"), CASES)
def test_equals_pyiqa(plain: metric.PlainMetric, height: int, width: int, box: tuple) -> None:
    reference, *others = _images(height * width, height, width)
    rng = np.random.default_rng(1)
    crops = [
        Crop(box, np.ones((box[3], box[2]), np.bool_)),
        Crop(box, rng.random((box[3], box[2])) < 0.6),
    ]
    ours = LocalSsim().scores(reference, crops, others)
    padded = [_padded(image) for image in (reference, *others)]
    theirs = plain.scores(padded[0], crops, padded[1:])
    np.testing.assert_allclose(ours.quality, theirs.quality, atol=1e-5)
    np.testing.assert_allclose(ours.importance, theirs.importance, atol=1e-5)


def _padded(image: np.ndarray) -> np.ndarray:
    below, right = (max(0, 11 - n) for n in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)))


def test_undistorted_is_exact() -> None:
    reference = _images(3, 50, 60)[0]
    outside = reference.copy()
    outside[:5] = 0
    crop = Crop((10, 10, 20, 20), np.eye(20, dtype=np.bool_))
    scores = LocalSsim().scores(reference, [crop], [reference, outside])
    assert (scores.quality == 1).all()
    assert (scores.importance == 0).all()


@pytest.mark.parametrize("side", [30, 100])
def test_flat_patches_are_as_in_double_precision(side: int) -> None:
    """What costs single precision most: patches without texture, far from their tile's mean."""
    rng = np.random.default_rng(side)
    few = rng.integers(0, 196, (200 // side, 200 // side, 3))
    reference = few.repeat(side, 0).repeat(side, 1).astype(np.uint8)
    brighter = [reference + 60, np.clip(reference * 1.3, 0, 255).astype(np.uint8)]
    crop = Crop((0, 0, reference.shape[1], len(reference)), np.ones(reference.shape[:2], np.bool_))
    scores = LocalSsim().scores(reference, [crop], brighter)
    expected = [
        structural_similarity(
            reference.astype(float), other.astype(float), gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, data_range=255, channel_axis=2,
        )
        for other in brighter
    ]  # fmt: skip
    np.testing.assert_allclose(scores.quality[:, 0], expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(scores.importance[:, 0], 1 - np.array(expected), rtol=0, atol=2e-6)
