"""Ratings to opinions against pandas, and what simulated raters say."""

from dataclasses import replace

import pandas as pd
import pytest

from annotation.opinions.aggregate import opinions, severity
from annotation.plan.schedule import Item
from annotation.simulation.opinion_proofs import casts, rater_rows
from annotation.simulation.votes_by_model import Truth, simulated_rater
from annotation.votes.results import results
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS
from manifests.ratings import Rating

CONFIG = StudyConfig(raters=24, ratings_per_roi=7, rois_per_image=3, golden_per_session=0)
LEVELS = {f"s-0_mixed_{n:02d}": {"noise": n, "blur": 21 - n} for n in range(1, 21)}
QUALITY = (0.1, 0.5, 0.97)


def _items() -> list[Item]:
    pairs = [(image, roi) for image in LEVELS for roi in range(3)]
    return [
        Item(n, "roi", image, f"s-0_obj{roi:03d}", "s-0", "", "")
        for n, (image, roi) in enumerate(pairs)
    ]


def _truth(item: Item) -> Truth:
    quality = QUALITY[int(item.roi_id[-3:])]
    levels = LEVELS[item.rendering_id] if quality < 0.9 else {}
    return Truth(4 * quality, 2.0, {k: 4 * (1 - (v - 1) / 19) for k, v in levels.items()})


def _ratings(seed: int) -> list[Rating]:
    items = _items()
    raters = [simulated_rater(n, seed) for n in range(1, CONFIG.raters + 1)]
    votes = casts(items, {i.item: _truth(i) for i in items}, raters, CONFIG, seed)
    found = results(votes, items, rater_rows(CONFIG), CONFIG, "simulated").ratings
    return [replace(rating, valid=True) for rating in found]


def test_opinions_are_the_means_that_pandas_finds():
    ratings = [rating for rating in _ratings(0) if not rating.repeat]
    frame = pd.DataFrame([vars(r) | r.severities for r in ratings]).groupby(
        ["rendering_id", "roi_id"]
    )
    for opinion in opinions(reversed(ratings)):
        group = frame.get_group((opinion.rendering_id, opinion.roi_id))
        assert opinion.quality == pytest.approx(group.quality.mean())
        assert opinion.importance == pytest.approx(group.importance.mean())
        assert opinion.ratings == group.rater.nunique() == 7
        for name in DISTORTIONS:
            seen = group[name][group[name] != 5]
            expected = None if len(seen) < len(group) / 2 else pytest.approx(seen.mean())
            assert opinion.severities[name] == expected


def test_ratings_that_do_not_count_and_repeats_are_not_in_opinions():
    ratings = _ratings(0)
    counted = [r for r in ratings if not r.repeat]
    assert len(counted) < len(ratings)
    assert opinions(ratings) == opinions(counted)
    void = [replace(r, valid=r.rater != "r03", quality=0 if r.rater == "r03" else r.quality)
            for r in counted]  # fmt: skip
    assert opinions(void) == opinions([r for r in counted if r.rater != "r03"])


def test_nonexistent_needs_a_strict_majority():
    assert severity([5, 5, 0, 2]) == 1.0  # a tie is "with"
    assert severity([5, 5, 5, 0, 2]) is None
    assert severity([5] * 7) is None


def test_simulated_raters_say_so_follow_the_truth_and_are_the_same_again():
    ratings = _ratings(0)
    assert ratings == _ratings(0)
    assert ratings != _ratings(1)
    assert {r.raters for r in ratings} == {"simulated"}
    frame = pd.DataFrame([vars(o) for o in opinions(ratings)])
    true = [QUALITY[int(roi[-3:])] for roi in frame.roi_id]
    assert frame.quality.corr(pd.Series(true), method="spearman") > 0.85
    clean = frame[[t > 0.9 for t in true]]
    assert all(s is None for row in clean.severities for s in row.values())
    seen = frame[[s["noise"] is not None for s in frame.severities]]
    grades = pd.Series([s["noise"] for s in seen.severities])
    levels = pd.Series([LEVELS[key]["noise"] for key in seen.rendering_id])
    assert grades.corr(levels, method="spearman") < -0.85  # levels grow, grades fall
