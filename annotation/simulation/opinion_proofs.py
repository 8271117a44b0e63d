"""What screening, the opinion model and the next best ROI are worth, on raters that do not exist.

    python -m annotation.simulation.opinion_proofs        # 20 seeds of each

Careless raters: 24, of whom two answer at random and one always "fair"; they are to be found, and
the opinions recovered (screened, missing ratings given to others, the model) are compared with the
plain mean over all raters. Next best ROI: four votes a ROI, then three more each, or the same
number where the votes lie furthest apart; ROIs differ in how far people disagree about them. The
second is not found to be better: four votes say too little.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotation.opinions.bias_model import fit
from annotation.opinions.next_best import roi_spread, spend
from annotation.opinions.score_matrix import Flags, Scores, mean_over
from annotation.plan.assignment import assign, reassign
from annotation.plan.schedule import Item, schedule
from annotation.simulation.votes_by_model import (
    SimulatedRater,
    Truth,
    answers,
    seconds,
    simulated_rater,
)
from annotation.votes.results import quality_matrix, results
from annotation.votes.vote_store import Cast, RaterRow
from manifests.chance import generator
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS


@dataclass(frozen=True)
class Screened:
    """One study with careless raters; errors are root mean squares in categories."""

    found: int  # careless raters left out
    lost: int  # honest raters left out
    plain: float  # error of the mean over all raters
    recovered: float  # error of the model over those left, missing ratings given to them


def lessons(first: int) -> list[Item]:
    """Golden items: each distortion done to a picture, and none."""
    known = [*(f'{{"{name}": 1}}' for name in DISTORTIONS), "{}"]
    return [
        Item(first + n, "golden", f"lesson_{n}", "lesson_obj000", "lesson", "", text)
        for n, text in enumerate(known)
    ]


def rois(count: int, per_image: int = 3) -> list[Item]:
    """ROIs of the study, `per_image` of each image."""
    return [
        Item(n, "roi", f"s{n // per_image}_ref", f"s{n // per_image}_obj{n % per_image:03d}",
             f"s{n // per_image}", "image.png", "")
        for n in range(count)
    ]  # fmt: skip


def truths(items: Sequence[Item], seed: int) -> dict[int, Truth]:
    """A truth of each item: uniform opinions, up to two distortions; lessons as they are known."""
    found = {}
    for item in items:
        draw = generator("truth", item.item, seed)
        quality, importance = draw.uniform(0, 4, 2).tolist()
        if item.kind == "roi":
            names = draw.permutation(list(DISTORTIONS))[: draw.integers(0, 3)].tolist()
            severities = {name: float(4 * draw.random()) for name in names}
        else:
            severities = {name: 1.0 for name in DISTORTIONS if f'"{name}"' in item.known}
            quality = 1.0 if severities else 3.7
        found[item.item] = Truth(quality, importance, severities)
    return found


def casts(
    items: Sequence[Item],
    said: Mapping[int, Truth],
    raters: Sequence[SimulatedRater],
    config: StudyConfig,
    seed: int,
) -> list[Cast]:
    """All votes of the whole plan."""
    return [
        Cast(row.rater, row.position, row.item, row.session, row.purpose,
             answers(raters[row.rater - 1], said[row.item], f"{row.item} {row.position}"),
             seconds(raters[row.rater - 1], f"{row.item} {row.position}"), 1920, 1080, 1.0)
        for row in schedule(items, config, seed)
    ]  # fmt: skip


def rater_rows(config: StudyConfig) -> list[RaterRow]:
    """The raters as the store knows them, none with a word of the leader's."""
    return [RaterRow(n, "active", "", True, None, None) for n in range(1, config.raters + 1)]


def careless_raters(config: StudyConfig, seed: int) -> tuple[list[SimulatedRater], set[int]]:
    """Two at random and one always fair among honest ones, and their numbers."""
    bad = (generator("careless", seed).permutation(config.raters)[:3] + 1).tolist()
    manner = dict(zip(bad, ("random", "random", "fair"), strict=True))
    numbers = range(1, config.raters + 1)
    return [simulated_rater(n, seed, manner.get(n, "honest")) for n in numbers], set(bad)


def screened(seed: int, count: int = 600, config: StudyConfig | None = None) -> Screened:
    """One study of `count` ROIs with three careless raters."""
    config = config or StudyConfig()
    items = [*rois(count), *lessons(count)]
    said = truths(items, seed)
    raters, bad = careless_raters(config, seed)
    votes = casts(items, said, raters, config, seed)
    found = results(votes, items, rater_rows(config), config, "simulated")
    out = {int(rater.rater[1:]) for rater in found.raters if not rater.valid}
    true = np.array([said[n].quality for n in range(count)])
    scores, _ = quality_matrix(votes, items, range(1, config.raters + 1))
    whole = _replaced(scores, out, raters, said, config, seed)
    return Screened(
        found=len(out & bad),
        lost=len(out - bad),
        plain=_error(mean_over(scores, 0), true),
        recovered=_error(fit(whole).opinion, true),
    )


def _replaced(
    scores: Scores,
    out: set[int],
    raters: Sequence[SimulatedRater],
    said: Mapping[int, Truth],
    config: StudyConfig,
    seed: int,
) -> Scores:
    """The scores without those left out, their ratings given by others."""
    left = scores.copy()
    left[[n - 1 for n in out]] = np.nan
    there = ~np.isnan(left)
    able = [n for n in range(len(raters)) if n + 1 not in out]
    lacking = config.ratings_per_roi - there.sum(axis=0)
    missing = {roi: int(n) for roi, n in enumerate(lacking) if n > 0}
    seen = {n: set(np.flatnonzero(there[n]).tolist()) for n in able}
    for rater, given in reassign(missing, seen, dict.fromkeys(able, 0), seed).items():
        for roi in given:
            left[rater, roi] = answers(raters[rater], said[roi], f"{roi} taken over")["quality"]
    return left


def _error(opinion: Scores, true: Scores) -> float:
    return float(np.sqrt(np.nanmean((opinion - true) ** 2)))


def next_best(
    seed: int, count: int = 600, before: int = 4, further: int = 3
) -> tuple[float, float]:
    """Errors of the same budget spent evenly, and where the interval is widest."""
    raters = [simulated_rater(n, seed) for n in range(24)]
    draw = generator("ambiguity", seed)
    said = [
        Truth(float(q), 2.0, {}, float(a))
        for q, a in zip(draw.uniform(0.5, 3.5, count), draw.gamma(1.0, 0.7, count), strict=True)
    ]
    every = np.array([[answers(r, t, f"{n}")["quality"] for n, t in enumerate(said)]
                      for r in raters], float)  # fmt: skip
    teams = assign(count, len(raters), before, seed)
    first = np.zeros_like(every, bool)
    for roi, team in enumerate(teams):
        first[team, roi] = True
    scores = np.where(first, every, np.nan)
    widest = spend(roi_spread(scores, fit(scores)), first.sum(axis=0), further * count, len(raters))
    true = np.array([t.quality for t in said])
    errors = []
    for extra in ([further] * count, widest):
        asked = _asked(first, dict(enumerate(extra)), seed)
        errors.append(_error(fit(np.where(asked, every, np.nan)).opinion, true))
    return errors[0], errors[1]


def _asked(first: Flags, extra: Mapping[int, int], seed: int) -> Flags:
    asked = first.copy()
    seen = {n: set(np.flatnonzero(row).tolist()) for n, row in enumerate(first)}
    wanted = {roi: n for roi, n in extra.items() if n}
    for rater, given in reassign(wanted, seen, dict.fromkeys(seen, 0), seed).items():
        asked[rater, given] = True
    return asked


def main(seeds: int = 20) -> None:
    """Print both proofs."""
    studies = [screened(seed) for seed in range(seeds)]
    ratio = np.array([s.recovered / s.plain for s in studies])
    print(f"careless found        {[s.found for s in studies]} of 3 each")
    print(f"honest lost           {[s.lost for s in studies]}")
    print(f"RMSE plain            {np.mean([s.plain for s in studies]):.3f}")
    print(f"RMSE recovered        {np.mean([s.recovered for s in studies]):.3f}")
    print(f"ratio                 mean {ratio.mean():.3f}, most {ratio.max():.3f}")
    spent = np.array([next_best(seed) for seed in range(seeds)])
    even, widest = spent.mean(axis=0)
    print(f"next best ROI         RMSE even {even:.3f}, widest interval {widest:.3f},"
          f" ratio {widest / even:.3f}, better in {int((spent[:, 1] < spent[:, 0]).sum())}"
          f" of {seeds}")  # fmt: skip


if __name__ == "__main__":
    main()
