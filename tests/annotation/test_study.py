"""Ratings to opinions against pandas, and what simulated raters say."""

import pandas as pd
import pytest

from annotation.aggregate import opinions, severity
from annotation.simulate import simulate_study
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS
from manifests.records import Label
from manifests.words import NONEXISTENT

CONFIG = StudyConfig(raters=24, ratings_per_roi=7, rois_per_image=3)


def _labels() -> list[Label]:
    return [
        Label(f"s-0_mixed_{image:02d}", f"s-0_obj{roi:03d}", "s-0", quality, 0.05,
              "mixed" if quality < 0.9 else "without", "embedded", "1")
        for image in range(1, 21)
        for roi, quality in enumerate((0.1, 0.5, 0.97))
    ]  # fmt: skip


LEVELS = {f"s-0_mixed_{n:02d}": {"noise": n, "blur": 21 - n} for n in range(1, 21)}


def test_opinions_are_the_means_that_pandas_finds():
    ratings = simulate_study(_labels(), LEVELS, CONFIG, seed=0)
    frame = pd.DataFrame([vars(r) for r in ratings]).groupby(["rendering_id", "roi_id"])
    for opinion in opinions(reversed(ratings)):
        group = frame.get_group((opinion.rendering_id, opinion.roi_id))
        assert opinion.quality == pytest.approx(group.quality.mean())
        assert opinion.importance == pytest.approx(group.importance.mean())
        assert opinion.ratings == group.rater.nunique() == 7
        for name in DISTORTIONS:
            seen = group[name][group[name] != NONEXISTENT]
            expected = None if len(seen) < len(group) / 2 else pytest.approx(seen.mean())
            assert opinion.severities[name] == expected


def test_nonexistent_needs_a_strict_majority():
    assert severity([5, 5, 0, 2]) == 1.0  # a tie is "with"
    assert severity([5, 5, 5, 0, 2]) is None
    assert severity([5] * 7) is None


def test_simulated_raters_say_so_follow_the_truth_and_are_the_same_again():
    ratings = simulate_study(_labels(), LEVELS, CONFIG, seed=0)
    assert ratings == simulate_study(_labels(), LEVELS, CONFIG, seed=0)
    assert ratings != simulate_study(_labels(), LEVELS, CONFIG, seed=1)
    assert {r.raters for r in ratings} == {"simulated"}
    frame = pd.DataFrame([vars(o) for o in opinions(ratings)])
    quality = {(x.rendering_id, x.roi_id): x.quality for x in _labels()}
    true = [quality[key] for key in zip(frame.rendering_id, frame.roi_id, strict=True)]
    assert frame.quality.corr(pd.Series(true), method="spearman") > 0.85
    clean = frame[[t > 0.9 for t in true]]
    assert all(s is None for row in clean.severities for s in row.values())
    seen = frame[[s["noise"] is not None for s in frame.severities]]
    grades = pd.Series([s["noise"] for s in seen.severities])
    levels = pd.Series([LEVELS[key]["noise"] for key in seen.rendering_id])
    assert grades.corr(levels, method="spearman") < -0.85  # levels grow, grades fall
