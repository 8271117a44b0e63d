"""Where further votes help most: a beyond-the-paper way to spend a budget of ratings.

Every ROI first gets the same few votes. What is left is given one by one where the interval of the
opinion is widest, as far as it is known: a ROI's own spread, shrunk towards the spread of all, for
a handful of votes says little about its own. Were the spreads known, errors would fall by the
factor (mean spread)^2 / mean spread^2 in variance; estimated from four votes they gain nothing on
simulated raters (annotation.simulation.opinion_proofs). Priorities from elsewhere do as well.
"""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.opinions.bias_model import BiasModel
from annotation.opinions.score_matrix import Scores

_PRIOR_VOTES = 4.0  # as many votes' worth of belief that a ROI is like the others


def roi_spread(scores: Scores, model: BiasModel) -> NDArray[np.float64]:
    """How far votes on each ROI lie apart, in categories: its ambiguity and its raters' noise."""
    residual = scores - model.bias[:, None] - model.opinion
    there = ~np.isnan(residual)
    squares = np.where(there, residual, 0.0) ** 2
    votes = there.sum(axis=0)
    common = squares.sum() / max(votes.sum() - (votes > 0).sum(), 1)
    freedom = np.maximum(votes - 1, 0)
    return np.asarray(
        np.sqrt((squares.sum(axis=0) + _PRIOR_VOTES * common) / (freedom + _PRIOR_VOTES))
    )


def spend(
    spread: Sequence[float] | NDArray[np.float64],
    votes: Sequence[int] | NDArray[np.int64],
    budget: int,
    most: int,
) -> list[int]:
    """How many further votes each ROI gets, so that the sum of squared errors falls fastest.

    Args:
        spread: standard deviation of one vote on each ROI; any priority does, such as how far two
            scorers disagree.
        votes: that each ROI has.
        budget: further votes in all.
        most: votes on one ROI, at most (the raters there are).

    Returns:
        Further votes a ROI; fewer than `budget` in all when every ROI is full.
    """
    extra = [0] * len(votes)
    heap = [(-_gain(spread[j], votes[j]), j) for j in range(len(votes)) if votes[j] < most]
    heapq.heapify(heap)
    for _ in range(budget):
        if not heap:
            break
        _, roi = heapq.heappop(heap)
        extra[roi] += 1
        given = votes[roi] + extra[roi]
        if given < most:
            heapq.heappush(heap, (-_gain(spread[roi], given), roi))
    return extra


def _gain(spread: float, votes: int) -> float:
    """By how much one more vote lowers the variance of the mean."""
    return float(spread) ** 2 * (1 / max(votes, 0.5) - 1 / (max(votes, 0.5) + 1))
