"""Eq. 1 of the paper: a continuous score falls into one of five words, its grade 0..4.

K(s) = k_i where M i / 5 < s <= M (i + 1) / 5. The paper leaves s = 0 outside every interval; here
the edges are clamped: i = clamp(ceil(5 s / M) - 1, 0, 4).
"""

import math
from typing import Final

QUALITY_WORDS: Final = ("bad", "poor", "fair", "good", "excellent")
IMPORTANCE_WORDS: Final = ("unimportant", "minor", "normal", "important", "essential")
SEVERITY_WORDS: Final = ("extreme", "severe", "moderate", "minor", "trivial")
NONEXISTENT: Final = 5  # the sixth severity a rater may give: the distortion is not there
RATING_TOP: Final = 4.0  # M of SEAGULL-3k's averaged ratings
QUALITY_TOP: Final = 1.0  # M of SEAGULL-100w's quality scores


def grade(score: float, top: float) -> int:
    """Return the grade, the word's index 0..4 of eq. 1.

    >>> [grade(s, 4.0) for s in (0.0, 0.8, 0.81, 4.0)]
    [0, 0, 1, 4]
    """
    if not (math.isfinite(score) and top > 0):
        raise ValueError(f"eq. 1 needs a finite score and top > 0, got score={score}, top={top}")
    # 1e-9 keeps a score on a boundary (0.2 of 1.0 is 1.0000000000000002 fifths) in its interval.
    return min(max(math.ceil(5.0 * score / top - 1e-9) - 1, 0), 4)


def on_scale(score: float, top: float, scale: str) -> float:
    """`score` on a quality scale: as it is (`linear`), or in `decibel`, -10 log10(1 - score).

    Structural similarity crowds near 1, where eq. 1 calls nearly all "excellent"; its decibels (as
    x264 and libvpx report them) spread. What is beyond `top` decibels, as 1 is, stays at `top`.

    >>> on_scale(0.99, 25.0, "decibel"), on_scale(1.0, 25.0, "decibel")
    (20.0, 25.0)
    """
    if scale == "linear":
        return score
    return top if score >= 1 else min(max(-10 * math.log10(1 - score), 0.0), top)


def soft_grade(score: float, top: float) -> tuple[float, ...]:
    """Shares of the five words whose expected level is the score's place among their middles.

    >>> soft_grade(0.6, 1.0)
    (0.0, 0.0, 0.5, 0.5, 0.0)
    """
    place = min(max(5.0 * score / top - 0.5, 0.0), 4.0)
    return tuple(round(max(0.0, 1 - abs(place - i)), 9) for i in range(5))


def expected_grade(probabilities: list[float]) -> float:
    """Q-Align's closed-set score: sum of p_i i over the five words, p normalised; in [0, 4]."""
    total = sum(probabilities)
    return sum(i * p for i, p in enumerate(probabilities)) / total
