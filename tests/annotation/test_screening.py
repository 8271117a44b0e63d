"""Careless raters are found, honest ones kept, and opinions get nearer to the truth."""

import json

import numpy as np
import pytest
import study_votes
from scipy.stats import kurtosis

from annotation.opinions.bias_model import fit
from annotation.opinions.score_matrix import mean_over
from annotation.plan.schedule import Item
from annotation.screening.own_checks import is_golden_right
from annotation.screening.standards import bt500_figures, correlations, p913_figures
from annotation.simulation.votes_by_model import Truth, simulated_rater
from annotation.votes.results import quality_matrix, results
from manifests.chance import generator
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS

CONFIG = StudyConfig(session_items=60)


def truths(items: list[Item], seed: int) -> dict[int, Truth]:
    found = {}
    for item in items:
        draw = generator("truth", item.item, seed)
        known = json.loads(item.known or "{}")
        names = draw.permutation(list(DISTORTIONS))[: draw.integers(0, 3)].tolist()
        severities = known if item.known else {n: float(4 * draw.random()) for n in names}
        quality = draw.uniform(0, 4) if not item.known else 1.0 if known else 3.7
        found[item.item] = Truth(float(quality), float(draw.uniform(0, 4)), severities)
    return found


def study(seed: int, rois: int, careless: int = 3):
    items = study_votes.rois(rois)
    known = [{name: 1} for name in DISTORTIONS] + [{}]
    items += [
        Item(rois + n, "golden", f"g{n}", "g_obj000", "g", "", json.dumps(done))
        for n, done in enumerate(known)
    ]
    draw = generator("careless", seed)
    bad = (draw.permutation(CONFIG.raters)[:careless] + 1).tolist()
    manner = dict(zip(bad, ("random", "random", "fair"), strict=False))
    raters = [simulated_rater(n, seed, manner.get(n, "honest"))
              for n in range(1, CONFIG.raters + 1)]  # fmt: skip
    true = truths(items, seed)
    votes = study_votes.casts(items, true, raters, CONFIG, seed)
    quality = np.array([true[item.item].quality for item in items if item.kind == "roi"])
    return items, votes, {f"r{n:02d}" for n in bad}, quality


@pytest.mark.parametrize("seed", [0, 1])
def test_two_random_and_one_always_fair_are_found_and_opinions_recovered(seed):
    items, votes, bad, true = study(seed, 300)
    found = results(votes, items, study_votes.rows(CONFIG), CONFIG, "simulated")
    out = {rater.rater for rater in found.raters if not rater.valid}
    assert bad <= out and len(out - bad) <= 1
    assert all(r.valid == (r.rater not in out) for r in found.ratings)
    recovered = np.array([e.estimate for e in found.estimates if e.question == "quality"])
    order = {e.roi_id: n for n, e in enumerate(
        e for e in found.estimates if e.question == "quality")}  # fmt: skip
    mine = np.array([true[i.item] for i in sorted(
        (i for i in items if i.kind == "roi"), key=lambda i: order[i.roi_id])])  # fmt: skip
    scores, _ = quality_matrix(votes, items, range(1, CONFIG.raters + 1))
    plain = np.sqrt(np.mean((mean_over(scores, 0) - true) ** 2))
    assert np.sqrt(np.mean((recovered - mine) ** 2)) < 0.85 * plain
    widths = [e.high - e.low for e in found.estimates if e.question == "quality"]
    assert 0.3 < np.median(widths) < 1.5


def test_the_leaders_word_stands_above_the_screening():
    items, votes, bad, _ = study(0, 150)
    rows = study_votes.rows(CONFIG)
    keep = [r.__class__(r.rater, r.state, "keep" if f"r{r.rater:02d}" in bad else "", True, None,
                        None) for r in rows]  # fmt: skip
    found = results(votes, items, keep, CONFIG, "simulated")
    assert all(r.valid for r in found.raters if r.rater in bad)
    first = [r.__class__(r.rater, r.state, "exclude" if r.rater == 1 else "", True, None, None)
             for r in rows]  # fmt: skip
    found = results(votes, items, first, CONFIG, "simulated")
    assert found.raters[0].why == "the leader's decision"


def _complete(raters: int = 20, rois: int = 40):
    draw = np.random.default_rng(3)
    return draw.uniform(0, 100, rois) + draw.normal(0, 8, (raters, rois)), draw


def test_bt500_counts_what_its_text_counts():
    scores, draw = _complete()
    scores[4] = draw.uniform(0, 100, scores.shape[1])
    share, one_sided = bt500_figures(scores)
    outside = np.zeros((2, len(scores)))
    for roi in scores.T:  # ITU-R BT.500-14, annex 1, 2.3.1, step by step
        beta = kurtosis(roi, fisher=False)
        bound = (2 if 2 <= beta <= 4 else np.sqrt(20)) * roi.std(ddof=1)
        outside[0] += roi >= roi.mean() + bound
        outside[1] += roi <= roi.mean() - bound
    total = outside.sum(axis=0)
    assert np.allclose(share, total / scores.shape[1])
    seen = total > 0
    balance = np.abs(outside[0] - outside[1])[seen] / total[seen]
    assert np.allclose(one_sided[seen], balance)
    assert share[4] == share.max() > 0.05


def test_correlations_are_numpys_and_p913_takes_the_worst_away_first():
    scores, draw = _complete()
    scores[2] = draw.uniform(0, 100, scores.shape[1])
    scores[7] = 50
    alone = correlations(scores, leave_out=True)
    for rater in (0, 2, 19):
        others = np.delete(scores, rater, 0).mean(axis=0)
        assert alone[rater] == pytest.approx(np.corrcoef(scores[rater], others)[0, 1])
    assert alone[7] == 0
    figures = p913_figures(scores)
    assert set(np.flatnonzero(figures < 0.75)) == {2, 7}
    assert figures[0] > correlations(scores, leave_out=False)[0]  # the careless are gone


def test_golden_items():
    none = dict.fromkeys(DISTORTIONS, 5)
    assert is_golden_right({"blur": 1}, none | {"blur": 2}, 0)
    assert not is_golden_right({"blur": 1}, none | {"noise": 1}, 1)
    assert is_golden_right({}, none, 4) and is_golden_right({}, none | {"noise": 3}, 2)
    assert not is_golden_right({}, none | {"noise": 3, "blur": 2}, 4)
    assert not is_golden_right({}, none, 1)


def test_the_model_lowers_the_weight_of_who_is_careless():
    _, votes, bad, _ = study(5, 200)
    items = study(5, 200)[0]
    scores, _ = quality_matrix(votes, items, range(1, CONFIG.raters + 1))
    spread = fit(scores).inconsistency
    careless = [int(name[1:]) - 1 for name in bad]
    honest = np.delete(spread, careless)
    assert min(spread[careless]) > np.median(honest)
