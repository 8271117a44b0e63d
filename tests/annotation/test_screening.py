"""Careless raters are found, honest ones kept, and opinions get nearer to the truth."""

import itertools

import numpy as np
import pytest
from scipy.stats import kurtosis

from annotation.opinions.bias_model import fit
from annotation.opinions.next_best import spend
from annotation.screening.own_checks import is_golden_right
from annotation.screening.standards import bt500_figures, correlations, p913_figures
from annotation.simulation.opinion_proofs import (
    careless_raters,
    casts,
    lessons,
    next_best,
    rater_rows,
    rois,
    screened,
    truths,
)
from annotation.votes.results import quality_matrix, results
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS

CONFIG = StudyConfig(session_items=60)


def study(seed: int, count: int):
    items = [*rois(count), *lessons(count)]
    raters, bad = careless_raters(CONFIG, seed)
    votes = casts(items, truths(items, seed), raters, CONFIG, seed)
    return items, votes, {f"r{n:02d}" for n in bad}


@pytest.mark.parametrize("seed", [0, 1])
def test_two_random_and_one_always_fair_are_found_and_opinions_recovered(seed):
    proof = screened(seed, 300)
    assert proof.found == 3 and proof.lost <= 1
    assert proof.recovered < 0.8 * proof.plain


def test_votes_go_where_they_lower_the_squared_error_most():
    spread, votes = [0.5, 1.0, 2.0], [2, 2, 3]
    plans = [p for p in itertools.product(range(7), repeat=3) if sum(p) == 6]

    def variance(plan) -> float:
        return sum(s**2 / (n + more) for s, n, more in zip(spread, votes, plan, strict=True))

    assert variance(spend(spread, votes, 6, 24)) == min(map(variance, plans))
    known = np.random.default_rng(0).gamma(4, 0.25, 2000)  # spreads, were they known
    extra = spend(known, np.ones(2000, int), 13 * 2000, 1000)
    even, best = np.sum(known**2 / 14), np.sum(known**2 / (1 + np.array(extra)))
    assert best / even == pytest.approx(known.mean() ** 2 / (known**2).mean(), rel=0.02)
    assert all(0 < error < 1 for error in next_best(0, 100))
    assert spend([1.0, 1.0, 2.0], [3, 3, 3], 3, 24) == [0, 0, 3]
    assert spend([1.0, 1.0], [1, 3], 4, 4) == [3, 1]  # nobody is left for more
    assert spend([1.0, 1.0], [4, 4], 4, 4) == [0, 0]


def test_the_leaders_word_stands_above_the_screening():
    items, votes, bad = study(0, 150)
    rows = rater_rows(CONFIG)
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
    items, votes, bad = study(5, 200)
    scores, _ = quality_matrix(votes, items, range(1, CONFIG.raters + 1))
    spread = fit(scores).inconsistency
    careless = [int(name[1:]) - 1 for name in bad]
    honest = np.delete(spread, careless)
    assert min(spread[careless]) > np.median(honest)
