"""Votes on one question as a matrix: float64 (raters, ROIs), NaN where nobody voted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


def score_matrix(
    raters: Sequence[int], rois: Sequence[int], scores: Sequence[float], shape: tuple[int, int]
) -> Scores:
    """The matrix of votes (rater index, ROI index, score); of two in one cell the first stays."""
    matrix = np.full(shape, np.nan)
    for rater, roi, score in zip(raters, rois, scores, strict=True):
        if np.isnan(matrix[rater, roi]):
            matrix[rater, roi] = score
    return matrix


def mean_over(scores: Scores, axis: int) -> Scores:
    """Mean of what is there along `axis`; NaN where nothing is."""
    there = ~np.isnan(scores)
    count = there.sum(axis=axis)
    total = np.where(there, scores, 0.0).sum(axis=axis)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
