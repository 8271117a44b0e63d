"""The outliers that the standards name: ITU-R BT.500-14, annex 1, 2.3.1; ITU-T P.913, 11.4."""

import numpy as np
from numpy.typing import NDArray

from annotation.opinions.score_matrix import Scores, mean_over

_NORMAL_KURTOSIS = (2.0, 4.0)
BT500_SHARE, BT500_ONE_SIDED = 0.05, 0.3
P913_CORRELATION = 0.75


def bt500_figures(scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each rater's share of votes out of bounds, and how one-sided these are, 0 to 1.

    Bounds are two standard deviations of a ROI's votes about their mean, or root 20 where their
    kurtosis is not that of a normal distribution (2 to 4). scores: (raters, ROIs), NaN where nobody
    voted. A rater is an outlier by BT.500 with a share over 0.05 and a one-sidedness under 0.3.
    """
    centred = scores - mean_over(scores, 0)
    moment2, moment4 = mean_over(centred**2, 0), mean_over(centred**4, 0)
    votes = (~np.isnan(scores)).sum(axis=0)
    deviation = np.sqrt(moment2 * votes / np.maximum(votes - 1, 1))
    kurtosis = moment4 / np.where(moment2 > 0, moment2, 1.0) ** 2
    low, high = _NORMAL_KURTOSIS
    normal = (kurtosis >= low) & (kurtosis <= high)
    bound = np.where(normal, 2.0, np.sqrt(20.0)) * deviation
    there = ~np.isnan(scores)
    above = np.sum(there & (centred >= bound) & (deviation > 0), axis=1)
    below = np.sum(there & (centred <= -bound) & (deviation > 0), axis=1)
    outside = above + below
    share = outside / np.maximum(there.sum(axis=1), 1)
    one_sided = np.abs(above - below) / np.maximum(outside, 1)
    return share, np.where(outside > 0, one_sided, 1.0)


def correlations(scores: Scores, leave_out: bool) -> NDArray[np.float64]:
    """Pearson correlation of each rater with the mean of all (P.913), or of all others.

    0 where a rater says always the same; NaN where fewer than three ROIs can be compared.
    """
    there = ~np.isnan(scores)
    total, votes = np.where(there, scores, 0.0).sum(axis=0), there.sum(axis=0)
    found = np.full(len(scores), np.nan)
    for rater, mine in enumerate(scores):
        left = there[rater].astype(int) if leave_out else np.zeros_like(votes)
        count = votes - left
        both = there[rater] & (count > 0)
        if both.sum() >= 3:
            others = (total - np.where(left, np.nan_to_num(mine), 0.0))[both] / count[both]
            found[rater] = _pearson(mine[both], others)
    return found


def _pearson(first: Scores, second: Scores) -> float:
    a, b = first - first.mean(), second - second.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 1e-12 else 0.0


def p913_figures(scores: Scores, least: float = P913_CORRELATION) -> NDArray[np.float64]:
    """Correlation of each rater with the mean, the worst under `least` taken away one at a time.

    The figure of a rater taken away is that of the round in which it went.
    """
    left = scores.copy()
    figures = correlations(left, leave_out=False)
    final = figures.copy()
    while True:
        figures = correlations(left, leave_out=False)
        if np.isnan(figures).all():
            return final
        final = np.where(np.isnan(figures), final, figures)
        worst = int(np.nanargmin(figures))
        if figures[worst] >= least:
            return final
        left[worst] = np.nan
