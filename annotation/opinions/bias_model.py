"""The model of bias and inconsistency: u_ij = psi_j + delta_i + nu_i * N(0, 1).

Li et al., A simple model for subject behavior in subjective experiments, HVEI 2020; ITU-T P.910
(07/2022), annex E, "alternating projection". A rater who is strict shifts nothing (delta), one who
is careless weighs little (1 / nu^2). Where the design is incomplete, raters must be connected
through shared ROIs, or their biases cannot be told from the ROIs' quality.

The annex's intervals take nu as known; estimated from votes that also made the opinions it is
somewhat small: with seven votes a ROI they hold the truth about 88 times in 100, not 95.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotation.opinions.score_matrix import Scores, mean_over

Z95 = 1.959964
_ROUNDING = 1 / np.sqrt(12)  # standard deviation of rounding to whole categories
_CHANGE, _MOST = 1e-8, 1000


@dataclass(frozen=True)
class BiasModel:
    """What the votes on one question come to; NaN for ROIs and raters without votes."""

    opinion: NDArray[np.float64]  # psi, a ROI
    low: NDArray[np.float64]  # of the 95 % interval
    high: NDArray[np.float64]
    bias: NDArray[np.float64]  # delta, a rater; their mean is 0
    inconsistency: NDArray[np.float64]  # nu, a rater


def fit(scores: Scores, least_inconsistency: float = _ROUNDING) -> BiasModel:
    """Fit the model to scores (raters, ROIs), NaN where nobody voted.

    Args:
        scores: on any scale.
        least_inconsistency: floor of nu. Nobody answers in whole categories more exactly than
            rounding does; without a floor a rater of few ROIs could take them over.
    """
    there = ~np.isnan(scores)
    opinion = mean_over(scores, 0)
    bias = mean_over(scores - opinion, 1)
    for _ in range(_MOST):
        spread = _spread(scores - opinion - bias[:, None], least_inconsistency)
        previous, opinion = opinion, _weighted(scores - bias[:, None], spread)
        bias = mean_over(scores - opinion, 1)
        if np.nansum((opinion - previous) ** 2) < _CHANGE**2:
            break
    shift = float(np.nanmean(bias)) if there.any() else 0.0
    precision = np.where(there, _precision(spread)[:, None], 0.0).sum(axis=0)
    half = Z95 / np.sqrt(np.where(precision > 0, precision, np.nan))
    opinion = opinion + shift
    return BiasModel(opinion, opinion - half, opinion + half, bias - shift, spread)


def _spread(residual: Scores, least: float) -> Scores:
    spread = np.sqrt(mean_over((residual - mean_over(residual, 1)[:, None]) ** 2, 1))
    return np.where(np.isnan(spread), np.nan, np.maximum(spread, least))


def _precision(spread: Scores) -> Scores:
    return np.where(np.isnan(spread), 0.0, 1 / np.where(np.isnan(spread), 1.0, spread) ** 2)


def _weighted(scores: Scores, spread: Scores) -> Scores:
    there = ~np.isnan(scores)
    weight = np.where(there, _precision(spread)[:, None], 0.0)
    total = weight.sum(axis=0)
    summed = (np.where(there, scores, 0.0) * weight).sum(axis=0)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)
