"""What a rater's own answers say: golden items, repeats, straight-lining, haste.

Each returns one figure, NaN where there is nothing to judge by. Thresholds are the study file's.
"""

from collections.abc import Mapping

import numpy as np

from annotation.screening.answers import Answers
from manifests.words import NONEXISTENT

_SEEN_AT_MOST = 3  # minor or worse: a strong distortion that is only "trivial" was not seen
_CLEAN_AT_LEAST = 4  # trivial or nonexistent: nothing was done to the picture


def golden_share(answers: Answers) -> float:
    """Share of golden items answered as known."""
    return float(np.mean(answers.golden)) if answers.golden else float("nan")


def is_golden_right(known: Mapping[str, int], severities: Mapping[str, int], quality: int) -> bool:
    """Does an answer fit a golden item? `known` holds the distortions done to it, none if clean.

    A strong distortion must be seen for what it is (minor or worse). In a clean picture at most one
    distortion may be more than trivial, and quality is fair or better.
    """
    if known:
        return all(severities[name] <= _SEEN_AT_MOST for name in known)
    seen = sum(value < _CLEAN_AT_LEAST for value in severities.values())
    return seen <= 1 and quality >= 2


def repeat_difference(answers: Answers) -> float:
    """Mean absolute difference of quality between two answers about the same ROI, categories."""
    pairs = answers.repeats
    return float(np.abs(pairs[:, 0] - pairs[:, 1]).mean()) if len(pairs) else float("nan")


def same_share(answers: Answers) -> float:
    """Share of ROIs that got the rater's most frequent quality."""
    if not len(answers.quality):
        return float("nan")
    return float(np.bincount(answers.quality).max() / len(answers.quality))


def median_seconds(answers: Answers) -> float:
    """Median time of an item."""
    return float(np.median(answers.seconds)) if len(answers.seconds) else float("nan")


def all_nonexistent_share(answers: Answers) -> float:
    """Share of ROIs that got "nonexistent" six times; a figure for the leader, no check."""
    if not len(answers.severities):
        return float("nan")
    return float((answers.severities == NONEXISTENT).all(axis=1).mean())
