"""The columns of the tables, and their numbers with bootstrap intervals over images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.keys import DISTORTIONS
from manifests.paper_numbers import ASSESSMENT, CORRELATIONS
from training.data.texts import Severities
from training.evaluate import metrics
from training.evaluate.evaluation import Answered

JUDGED = ("judged_quality", "judged_importance", "judged_distortion")
TYPES = (*DISTORTIONS, "clean")
COLUMNS: Mapping[int, tuple[str, ...]] = {
    1: (*ASSESSMENT, *JUDGED),
    2: (*TYPES, "mean"),
    3: (*ASSESSMENT, *JUDGED),
    4: (*ASSESSMENT, *JUDGED),
}
REPLICATES = 200
INTERVAL = (2.5, 97.5)  # percentiles

Numbers = dict[str, float]
Matrix = NDArray[Any]


class Sheet:
    """The answers of one model as arrays, a ROI a row, so that many samples of them are cheap."""

    def __init__(self, answered: Sequence[Answered]) -> None:
        truths = [a.truth for a in answered]
        self.count = len(answered)
        self.scales = {
            name: np.array([[getattr(a, name), getattr(a.truth, name)] for a in answered])
            for name in ("quality", "importance")
        }
        judged = [a.judged for a in answered if a.judged]
        self.judged = np.array(judged, float) if len(judged) == self.count else None
        self.sets: Matrix | None = None
        if any(a.distortions for a in answered):
            answers = [a.severities for a in answered]
            self.sets = np.array(
                [_scores(s, t.severities) for s, t in zip(answers, truths, strict=True)]
            )
            types = [None if s is None else frozenset(s) for s in answers]
            self.said, self.true = (
                _present(types),
                _present([frozenset(t.severities) for t in truths]),
            )

    def numbers(self, rows: NDArray[np.int64] | slice = slice(None)) -> Numbers:
        """Every column's number over some rows; those that were not asked for are left out."""
        found: Numbers = {}
        for name, pair in self.scales.items():
            if not np.isnan(pair).any():
                both = metrics.correlations(*pair[rows].T)
                found |= dict(zip((f"{name}_srocc", f"{name}_plcc"), both, strict=True))
        if self.sets is not None:
            means = self.sets[rows].mean(0).tolist()
            found |= dict(zip(ASSESSMENT[len(CORRELATIONS) :], means, strict=True))
            hits = (self.said[rows] & self.true[rows]).sum(0)
            named = self.said[rows].sum(0) + self.true[rows].sum(0)
            f1 = 2 * hits / np.maximum(named, 1)
            found |= dict(zip(TYPES, f1.tolist(), strict=True)) | {"mean": float(f1.mean())}
        if self.judged is not None:
            found |= dict(zip(JUDGED, self.judged[rows].mean(0).tolist(), strict=True))
        return found


def _scores(answer: Severities | None, true: Severities) -> tuple[float, ...]:
    """Precision, recall and F1 of one ROI: of severities, then of types."""
    pairs = None if answer is None else frozenset(answer.items())
    types = None if answer is None else frozenset(answer)
    return (
        *metrics.sample_scores(pairs, frozenset(true.items())),
        *metrics.sample_scores(types, frozenset(true)),
    )


def _present(sets: Sequence[frozenset[str] | None]) -> NDArray[np.bool_]:
    """(N, 7): which types a set names; `clean` where it is empty, none where there is none."""
    return np.array(
        [[t in s if s else t == "clean" and s is not None for t in TYPES] for s in sets], bool
    )


def numbers(answered: Sequence[Answered]) -> Numbers:
    """Every column's number; those that a model was not asked for are left out."""
    return Sheet(answered).numbers()


def intervals(answered: Sequence[Answered], seed: int = 0) -> dict[str, tuple[float, float]]:
    """Bootstrap intervals: images are drawn with replacement, each with all its ROIs."""
    images: dict[str, list[int]] = {}
    for n, answer in enumerate(answered):
        images.setdefault(answer.truth.rendering_id, []).append(n)
    groups, rng, sheet = list(images.values()), np.random.default_rng(seed), Sheet(answered)
    drawn = [sheet.numbers(_resampled(groups, rng)) for _ in range(REPLICATES)]
    found = {}
    for name in sheet.numbers():
        low, high = np.percentile([d[name] for d in drawn], INTERVAL)
        found[name] = (float(low), float(high))
    return found


def _resampled(groups: Sequence[Sequence[int]], rng: np.random.Generator) -> NDArray[np.int64]:
    chosen = rng.integers(len(groups), size=len(groups))
    return np.array([n for i in chosen for n in groups[i]])
