"""Labels from scores: thresholds, order, identity."""

from dataclasses import replace

import numpy as np
import pytest

from labelers.contracts.crops import Crop
from labelers.engine.label_engine import labeler_identity, load_labeler, load_labelers
from labelers.scorers.metric import WEIGHT_FREE, create
from manifests.config import LabelsConfig, ScorerConfig
from manifests.errors import SeagullError
from manifests.records import Rendering, Roi
from manifests.rle import encode


def _roi(number: int, mask: np.ndarray) -> Roi:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (cols[0], rows[0], cols[-1] - cols[0] + 1, rows[-1] - rows[0] + 1)
    bbox = tuple(int(v) for v in box)
    area = int(mask.sum())
    return Roi(
        f"s_obj{number:03d}", "s", "object", None, None, None, None,
        bbox, area, mask.shape[1], mask.shape[0], encode(mask), "drawn",
    )  # fmt: skip


def _rendering(name: str, distortion: str, level: int) -> Rendering:
    return Rendering(name, "s", distortion, level, 0.0, "", "{}", f"{name}.png", "", 0, 80, 60)


@pytest.fixture(scope="module")
def case() -> tuple:
    rng = np.random.default_rng(5)
    reference = rng.integers(60, 190, (60, 80, 3)).astype(np.uint8)
    left = np.zeros((60, 80), bool)
    left[5:40, 2:38] = True
    right = np.zeros((60, 80), bool)
    right[10:50, 42:78] = True
    half = reference.copy()
    half[:, 40:] = rng.integers(0, 256, (60, 40, 3))
    renderings = [
        (_rendering("s_ref", "none", 0), reference),
        (_rendering("s_noise_01", "noise", 1), half),
    ]
    return reference, [_roi(0, left), _roi(1, right)], renderings


def test_labels(case: tuple) -> None:
    labeler = load_labeler(LabelsConfig(), "cpu")
    labels = labeler.label(*case)
    said = [(x.rendering_id, x.roi_id, x.distortion_label) for x in labels]
    assert said == [
        ("s_ref", "s_obj000", "without"),
        ("s_ref", "s_obj001", "without"),
        ("s_noise_01", "s_obj000", "without"),
        ("s_noise_01", "s_obj001", "noise"),
    ]
    assert [(x.quality, x.importance) for x in labels[:3]] == [(1.0, 0.0)] * 3
    assert labels[3].quality < 0.5 and labels[3].importance > 0.1


@pytest.mark.parametrize("scorer", ["embedded", "psnr", "gmsd"])
def test_a_renderings_labels_do_not_depend_on_the_others(case: tuple, scorer: str) -> None:
    reference, rois, renderings = case
    labeler = load_labeler(LabelsConfig(scorer, "", 0.9), "cpu")
    whole = labeler.label(reference, rois, renderings)
    apart = [x for r in reversed(renderings) for x in labeler.label(reference, rois[::-1], [r])]
    assert whole == apart[::-1]


def test_threshold_is_strict(case: tuple) -> None:
    reference, rois, renderings = case
    quality = load_labeler(LabelsConfig(), "cpu").label(*case)[3].quality
    for threshold, label in ((quality, "noise"), (quality - 1e-6, "without")):
        labeler = load_labeler(LabelsConfig(without_above=threshold), "cpu")
        assert labeler.label(reference, rois, renderings)[3].distortion_label == label


def test_other_size_is_refused(case: tuple) -> None:
    reference, rois, renderings = case
    labeler = load_labeler(LabelsConfig(), "cpu")
    cut = [(renderings[1][0], renderings[1][1][:-1])]
    with pytest.raises(SeagullError, match="80x59"):
        labeler.label(reference, rois, cut)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LabelsConfig("vif"), "without_above"),
        (LabelsConfig("nonsense", "", 0.9), "no full-reference metric"),
        (LabelsConfig("brisque", "", 0.9), "no full-reference metric"),
        (LabelsConfig("lpips", "", 0.9), "torch.save.*set labels.weights"),
    ],
)
def test_wrong_scorers_are_refused(config: LabelsConfig, message: str) -> None:
    with pytest.raises(SeagullError, match=message):
        load_labeler(config, "cpu")


def test_several_scorers_see_the_same_images(case: tuple) -> None:
    also = (ScorerConfig("psnr", without_above=40.0), ScorerConfig("gmsd", without_above=0.9))
    labelers = load_labelers(LabelsConfig(also=also), "cpu")
    assert labelers.first.label(*case) == load_labeler(LabelsConfig(), "cpu").label(*case)
    said = labelers.others_label(*case)
    apart = [load_labeler(one, "cpu").label(*case) for one in also]
    assert said[::2] == apart[0] and said[1::2] == apart[1]
    assert [x.scorer for x in said[:2]] == ["psnr", "gmsd"]


def test_a_scorer_is_named_once() -> None:
    with pytest.raises(ValueError, match="psnr"):
        LabelsConfig("psnr", also=(ScorerConfig("psnr"),))


def test_identity_tells_configurations_apart() -> None:
    base = LabelsConfig()
    others = [replace(base, without_above=0.5), replace(base, scorer="psnr", without_above=0.5)]
    assert len({labeler_identity(c) for c in (base, *others)}) == 3


@pytest.mark.parametrize("name", sorted(set(WEIGHT_FREE) - {"cw_ssim", "ms_ssim"}))
def test_every_metric_takes_the_smallest_crop(name: str) -> None:
    """A ROI of 3x5 pixels; cw_ssim and ms_ssim, padded the same way, take seconds."""
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, (48, 52, 3)).astype(np.uint8)
    crop = Crop((7, 9, 3, 5), np.ones((5, 3), np.bool_))
    scores = create(name, "cpu").scores(
        reference, [crop], [np.full_like(reference, 128), reference]
    )
    assert np.isfinite(scores.quality).all() and np.isfinite(scores.importance).all()
    if name not in ("mad", "vif"):  # which say nothing of 15 pixels in a black crop
        assert scores.quality[0] < scores.quality[1]
        assert scores.importance[0] > 0 == scores.importance[1]
