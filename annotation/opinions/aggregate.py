"""Ratings to opinions, as in section 3.2 of the paper.

Quality and importance are means. A distortion is "without" where a strict majority of the raters
said nonexistent; else its severity is the mean over those who did not.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import fmean

from manifests.ratings import Opinion, Rating
from manifests.words import NONEXISTENT


def opinions(ratings: Iterable[Rating]) -> list[Opinion]:
    """One opinion for each ROI of each rendering, by their ids, from its valid ratings."""
    counted = (rating for rating in ratings if rating.valid and not rating.repeat)
    ordered = sorted(counted, key=lambda r: (r.rendering_id, r.roi_id, r.rater))
    groups = groupby(ordered, key=lambda r: (r.rendering_id, r.roi_id))
    return [_opinion(list(group)) for _, group in groups]


def _opinion(group: Sequence[Rating]) -> Opinion:
    first = group[0]
    return Opinion(
        rendering_id=first.rendering_id,
        roi_id=first.roi_id,
        scene_id=first.scene_id,
        quality=fmean(r.quality for r in group),
        importance=fmean(r.importance for r in group),
        severities={n: severity([r.severities[n] for r in group]) for n in first.severities},
        ratings=len(group),
        raters="simulated" if any(r.raters == "simulated" for r in group) else "people",
    )


def severity(ratings: Sequence[int]) -> float | None:
    """Mean severity 0..4 over the raters who saw the distortion; None for "without".

    >>> severity([5, 5, 5, 2]), severity([5, 5, 2, 4])
    (None, 3.0)
    """
    seen = [rating for rating in ratings if rating != NONEXISTENT]
    absent = len(ratings) - len(seen)
    return None if 2 * absent > len(ratings) else fmean(seen)
