"""Agreement between raters: Krippendorff's alpha, which allows for ROIs that some did not rate.

Krippendorff, Computing Krippendorff's alpha-reliability, 2011. Alpha is 1 for perfect agreement, 0
for what chance would give; 0.667 is the least that he draws tentative conclusions from.
"""

from typing import Literal

import numpy as np

from annotation.opinions.score_matrix import Scores


def krippendorff_alpha(
    scores: Scores, metric: Literal["nominal", "ordinal", "interval"] = "interval"
) -> float:
    """Alpha of scores (raters, ROIs), NaN where nobody voted; NaN when nothing can be compared."""
    values, coincidences = _coincidences(scores)
    if not len(values):
        return float("nan")
    totals = coincidences.sum(axis=0)
    count = totals.sum()
    distance = _distance(values, totals, metric)
    observed = (coincidences * distance).sum() / count
    expected = (np.outer(totals, totals) * distance).sum() / (count * (count - 1))
    return float(1 - observed / expected) if expected > 0 else float("nan")


def _coincidences(scores: Scores) -> tuple[Scores, Scores]:
    """The values given, and how often two of them meet in a ROI, each ROI weighing its votes."""
    values = np.unique(scores[~np.isnan(scores)])
    counts = np.stack([(scores == value).sum(axis=0) for value in values]) if len(values) else None
    if counts is None:
        return values, np.zeros((0, 0))
    votes = counts.sum(axis=0)
    counts, votes = counts[:, votes > 1].astype(float), votes[votes > 1]
    if not len(votes):
        return values[:0], np.zeros((0, 0))
    meetings = np.einsum("ar,br->abr", counts, counts)
    meetings[np.arange(len(values)), np.arange(len(values))] -= counts
    return values, (meetings / (votes - 1)).sum(axis=2)


def _distance(values: Scores, totals: Scores, metric: str) -> Scores:
    """Squared difference of each pair of values."""
    if metric == "nominal":
        return 1.0 - np.eye(len(values))
    if metric == "interval":
        return np.asarray((values[:, None] - values[None]) ** 2)
    reached = np.cumsum(totals) - totals / 2  # the middle rank of each value
    return np.asarray((reached[:, None] - reached[None]) ** 2)
