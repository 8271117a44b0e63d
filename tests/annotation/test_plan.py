"""Who rates what: counts, loads, pairs, order, sessions; and who takes over."""

import itertools
from collections import Counter

import numpy as np
import pytest

from annotation.plan.assignment import assign, reassign
from annotation.plan.order import apart
from annotation.plan.schedule import Item, schedule
from annotation.plan.stratified import choose_rois, image_order, rois_wanted
from annotation.simulation.opinion_proofs import rois
from manifests.config import StudyConfig
from manifests.records import Roi
from manifests.tables import to_parquet


@pytest.mark.parametrize(("rois", "raters", "ratings"), [(200, 24, 7), (31, 5, 3), (15, 7, 6)])
def test_ratings_are_balanced_and_every_pair_of_raters_shares_rois(rois, raters, ratings):
    teams = assign(rois, raters, ratings, seed=0)
    assert all(len(set(team)) == ratings for team in teams)
    load = Counter(rater for team in teams for rater in team)
    assert max(load.values()) - min(load.values()) <= 1
    pairs = Counter(pair for team in teams for pair in itertools.combinations(team, 2))
    assert len(pairs) == raters * (raters - 1) // 2
    assert teams == assign(rois, raters, ratings, seed=0) != assign(rois, raters, ratings, seed=1)


def _lessons(first: int) -> list[Item]:
    kinds = ["training"] * 3 + ["golden"] * 5
    return [
        Item(first + n, kind, f"lesson_{n}", "lesson_obj000", "lesson", "", "{}")
        for n, kind in enumerate(kinds)
    ]


def test_the_papers_plan_in_sessions():
    config = StudyConfig(rois=500)
    items = [*rois(500), *_lessons(500)]
    plan = schedule(items, config, seed=3)
    assert to_parquet(plan, type(plan[0])) == to_parquet(schedule(items, config, 3), type(plan[0]))
    rated = Counter(row.item for row in plan if row.purpose == "rating")
    assert set(rated.values()) == {7} and len(rated) == 500
    image = {item.item: item.rendering_id for item in items}
    for rater, rows in itertools.groupby(plan, key=lambda row: row.rater):
        mine = list(rows)
        assert [row.position for row in mine] == list(range(len(mine))), rater
        assert [row.purpose for row in mine[:3]] == ["training"] * 3
        assert all(image[a.item] != image[b.item] for a, b in itertools.pairwise(mine[3:]))
        sizes = Counter(row.session for row in mine if row.session)
        assert max(sizes.values()) <= 60
        full = [row for row in mine if row.session == 1]
        assert Counter(row.purpose for row in full) == {"rating": 54, "golden": 3, "repeat": 3}
        for place, row in enumerate(full):
            if row.purpose == "repeat":
                first = next(n for n, r in enumerate(full) if r.item == row.item)
                assert first < len(full) / 2 < place + 1


def test_neighbours_are_of_two_images_whenever_any_order_allows_it():
    draw = np.random.default_rng(0)
    for images in ("aabbcc", "aaab", "aaabb", "abcabcabcaaa", "ab" * 20 + "b"):
        for _ in range(20):
            order = apart(images, draw)
            assert sorted(order) == list(range(len(images)))
            seen = [images[i] for i in order]
            beside = sum(a == b for a, b in itertools.pairwise(seen))
            most = Counter(images).most_common(1)[0][1]
            assert beside == max(0, 2 * most - len(images) - 1)


def test_missing_ratings_go_to_the_least_loaded_who_have_not_seen_the_roi():
    seen = {1: {10, 11}, 2: {11}, 3: set()}
    given = reassign({10: 2, 11: 1, 12: 4}, seen, {1: 5, 2: 0, 3: 0}, seed=0)
    assert {rater for rater, rois in given.items() if 10 in rois} == {2, 3}
    assert [rater for rater, rois in given.items() if 11 in rois] == [3]
    assert sum(rois.count(12) for rois in given.values()) == 3  # nobody is left for the fourth


def test_images_are_even_over_sources_and_fifths_of_their_opinion():
    keys = [f"a{n}" for n in range(1000)] + [f"b{n}" for n in range(100)]
    mos = [n / 10 for n in range(1000)] + [None] * 100
    sources = ["koniq"] * 1000 + ["folder"] * 100
    order = image_order(keys, sources, mos, seed=0)
    assert sorted(order) == list(range(1100))
    chosen = order[:120]
    fifths = Counter(int(mos[i] // 20) for i in chosen if mos[i] is not None)
    assert fifths == dict.fromkeys(range(5), 20) and sum(mos[i] is None for i in chosen) == 20
    assert order != image_order(keys, sources, mos, seed=1)


def test_rois_an_image_add_up_and_are_of_both_kinds_and_apart():
    wanted = rois_wanted(["a", "b", "c"], [9, 2, 9], 11, seed=0)
    assert sum(wanted) == 11 and wanted[1] == 2 and abs(wanted[0] - wanted[2]) <= 1
    assert rois_wanted(["a", "b"], [1, 1], 10, seed=0) == [1, 1]

    def roi(n: int, kind: str, x: int, area: int) -> Roi:
        return Roi(f"s_{kind[:3]}{n:03d}", "s", kind, None, None, None, None, (x, 0, 50, 50), area,
                   1000, 500, "", "")  # fmt: skip

    near = [roi(n, "object", 400 + n, 2500) for n in range(6)]
    there = [*near, roi(0, "component", 405, 2500), roi(1, "component", 900, 90000)]
    for seed in range(5):
        chosen = choose_rois(there, 3, seed)
        assert {r.kind for r in chosen} == {"object", "component"}
        assert choose_rois(there, 3, seed) == chosen
