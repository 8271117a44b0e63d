"""Which raters rate which ROI: the same number a ROI, the same load a rater, every pair together.

ROIs in a drawn order each take the least loaded raters; among equals, those who have shared fewest
ROIs with the ones already taken. Loads then never differ by more than one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from manifests.chance import generator


def assign(rois: int, raters: int, ratings: int, seed: int) -> list[list[int]]:
    """Raters 0..raters-1 of each ROI 0..rois-1, `ratings` of them each.

    Every pair of raters shares a ROI where the numbers allow it.
    """
    draw = generator("study assignment", rois, raters, ratings, seed)
    load = np.zeros(raters)
    shared = np.zeros((raters, raters))
    chosen: list[list[int]] = [[] for _ in range(rois)]
    for roi in draw.permutation(rois):
        mine = _team(load, shared, ratings, draw)
        load[mine] += 1
        shared[np.ix_(mine, mine)] += 1
        chosen[roi] = sorted(mine)
    return chosen


def _team(
    load: NDArray[np.float64], shared: NDArray[np.float64], size: int, draw: np.random.Generator
) -> list[int]:
    team: list[int] = []
    free = np.ones(len(load), bool)
    while len(team) < size:
        least = free & (load == load[free].min())
        together = np.where(least, shared[team].sum(axis=0), np.inf)
        equal = np.flatnonzero(together == together.min())
        rater = int(equal[draw.integers(len(equal))])
        team.append(rater)
        free[rater] = False
    return team


def reassign(
    missing: Mapping[int, int],
    seen: Mapping[int, set[int]],
    load: Mapping[int, int],
    seed: int,
) -> dict[int, list[int]]:
    """Give missing ratings to raters who have not seen the ROI, the least loaded first.

    Args:
        missing: how many ratings each ROI lacks.
        seen: the ROIs that each rater at hand has rated or will.
        load: how many items each of them still has before them.
        seed: what equals are drawn from.

    Returns:
        Further ROIs of each rater. What nobody at hand can take is left out.
    """
    draw = generator("study reassignment", seed, *sorted(missing))
    loads, has = dict(load), {rater: set(rois) for rater, rois in seen.items()}
    given: dict[int, list[int]] = {rater: [] for rater in loads}
    for roi in draw.permutation(sorted(missing)).tolist():
        for _ in range(missing[roi]):
            able = [rater for rater in loads if roi not in has[rater]]
            if not able:
                break
            least = min(loads[rater] for rater in able)
            rater = _drawn([r for r in able if loads[r] == least], draw)
            has[rater].add(roi)
            loads[rater] += 1
            given[rater].append(roi)
    return {rater: rois for rater, rois in given.items() if rois}


def _drawn(equals: Sequence[int], draw: np.random.Generator) -> int:
    return sorted(equals)[int(draw.integers(len(equals)))]
