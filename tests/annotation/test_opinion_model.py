"""The model of bias and inconsistency against `sureal`, and alpha against published values."""

import contextlib
import io

import numpy as np
import pytest

from annotation.opinions.agreement import krippendorff_alpha
from annotation.opinions.bias_model import fit
from annotation.opinions.score_matrix import mean_over, score_matrix

MISSING = np.nan
# Krippendorff, Computing Krippendorff's alpha-reliability (2011), section D: 4 observers, 12 units.
PUBLISHED = np.array([
    [1, 2, 3, 3, 2, 1, 4, 1, 2, MISSING, MISSING, MISSING],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, MISSING, 3],
    [MISSING, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, MISSING],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, MISSING],
])  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one(metric, published):
    assert krippendorff_alpha(PUBLISHED, metric) == pytest.approx(published, abs=5e-4)


def test_alpha_of_nothing_of_chance_and_of_agreement():
    assert np.isnan(krippendorff_alpha(np.full((3, 4), MISSING)))
    assert np.isnan(krippendorff_alpha(np.array([[1.0, MISSING], [MISSING, 2.0]])))
    assert krippendorff_alpha(np.tile([0.0, 1, 2, 4], (5, 1))) == 1.0
    draw = np.random.default_rng(0)
    assert abs(krippendorff_alpha(draw.integers(0, 5, (10, 500)).astype(float))) < 0.03


def _scores(rois: int = 60, raters: int = 12, votes: int = 7, seed: int = 0):
    draw = np.random.default_rng(seed)
    true, bias = draw.uniform(0, 4, rois), draw.normal(0, 0.4, raters)
    spread = draw.uniform(0.4, 1.1, raters)
    scores = true + bias[:, None] + spread[:, None] * draw.normal(size=(raters, rois))
    for roi in range(rois):
        scores[draw.permutation(raters)[votes:], roi] = MISSING
    return scores, true, bias, spread


@pytest.mark.filterwarnings("ignore")
def test_the_model_is_sureals():
    reader = pytest.importorskip("sureal.dataset_reader", reason="sureal is not installed")
    from sureal.subjective_model import SubjectMLEModelProjectionSolver

    scores, *_ = _scores()

    class Dataset:
        ref_videos = ({"content_id": 0, "content_name": "c", "path": "p"},)
        dis_videos = tuple(
            {"content_id": 0, "asset_id": j, "path": f"{j}",
             "os": {f"r{i:02d}": float(s) for i, s in enumerate(column) if not np.isnan(s)}}
            for j, column in enumerate(scores.T)
        )  # fmt: skip

    with contextlib.redirect_stdout(io.StringIO()):
        theirs = SubjectMLEModelProjectionSolver(reader.RawDatasetReader(Dataset)).run_modeling()
    ours = fit(scores)
    assert np.allclose(ours.opinion, theirs["quality_scores"], atol=1e-5)
    assert np.allclose(ours.bias, theirs["observer_bias"], atol=1e-5)
    assert np.allclose(ours.inconsistency, theirs["observer_inconsistency"], atol=1e-5)
    width = [low + high for low, high in zip(*theirs["quality_scores_ci95"], strict=True)]
    assert np.allclose(ours.high - ours.low, width, atol=1e-4)


def test_intervals_hold_the_truth_and_biases_are_recovered():
    held, closer = [], []
    for seed in range(8):
        scores, true, bias, spread = _scores(rois=120, seed=seed)
        model = fit(scores)
        shift = np.mean(bias)
        held.append(np.mean((model.low - shift <= true) & (true <= model.high - shift)))
        assert np.corrcoef(model.bias, bias)[0, 1] > 0.9
        assert np.corrcoef(model.inconsistency, spread)[0, 1] > 0.8
        errors = [np.std(opinion - true) for opinion in (model.opinion, mean_over(scores, 0))]
        closer.append(errors[0] / errors[1])
    assert 0.84 < np.mean(held) < 0.97
    assert np.mean(closer) < 0.9


def test_what_nobody_rated_is_nan_and_the_first_of_two_votes_stays():
    scores = score_matrix([0, 0, 1], [1, 1, 1], [3, 0, 4], (3, 2))
    assert np.array_equal(scores, [[MISSING, 3], [MISSING, 4], [MISSING] * 2], equal_nan=True)
    model = fit(scores)
    assert np.isnan(model.opinion[0]) and np.isnan(model.bias[2])
    assert model.low[1] < 3.5 < model.high[1]
