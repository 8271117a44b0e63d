"""The metrics of section 5.1: correlations, and sample-average precision, recall and F1 of sets.

A ROI's answer is a set: of types, or of (type, severity). None stands for an answer that could not
be parsed: it scores 0 even where the truth is empty. Correlations are SciPy's.
"""

from collections.abc import Hashable, Sequence, Set

import numpy as np

Answer = Set[Hashable] | None


def correlations(predicted: Sequence[float], true: Sequence[float]) -> tuple[float, float]:
    """SROCC and PLCC; 0 where one side is constant (or fewer than two), which explains nothing."""
    from scipy.stats import pearsonr, spearmanr

    if len(predicted) < 2 or np.ptp(predicted) == 0 or np.ptp(true) == 0:
        return 0.0, 0.0
    return float(spearmanr(predicted, true)[0]), float(pearsonr(predicted, true)[0])


def sample_scores(answer: Answer, truth: Set[Hashable]) -> tuple[float, float, float]:
    """Precision, recall and F1 of one ROI: both empty 1, one empty 0, unparsable 0."""
    if answer is None:
        return 0.0, 0.0, 0.0
    if not answer and not truth:
        return 1.0, 1.0, 1.0
    hits = len(answer & truth)
    if not hits:
        return 0.0, 0.0, 0.0
    precision, recall = hits / len(answer), hits / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


def sample_average(answers: Sequence[Answer], truths: Sequence[Set[Hashable]]) -> dict[str, float]:
    """Precision, recall and F1 averaged over ROIs; F1 is the mean of the ROIs' F1.

    The same as adding a label `clean` where a set is empty and scikit-learn's average="samples".
    """
    rows = [sample_scores(a, t) for a, t in zip(answers, truths, strict=True)]
    means = np.mean(rows, 0) if rows else np.zeros(3)
    return dict(zip(("precision", "recall", "f1"), map(float, means), strict=True))


def pooled_f1(
    answers: Sequence[Answer], truths: Sequence[Set[Hashable]], labels: Sequence[Hashable]
) -> dict[str, float]:
    """Binary F1 of each label pooled over ROIs (table 2); `clean` counts where a set is empty."""
    said = [_with_clean(a) for a in answers]
    true = [_with_clean(t) for t in truths]
    return {
        str(label): _f1([label in s for s in said], [label in t for t in true])
        for label in (*labels, "clean")
    }


def _with_clean(answer: Answer) -> Set[Hashable]:
    return set() if answer is None else answer or {"clean"}


def _f1(said: Sequence[bool], true: Sequence[bool]) -> float:
    both = sum(s and t for s, t in zip(said, true, strict=True))
    total = sum(said) + sum(true)
    return 2 * both / total if total else 0.0


def confusion(
    answers: Sequence[str | None], truths: Sequence[str], labels: Sequence[str]
) -> list[list[int]]:
    """Count rows of the truth by columns of the answer; answers of no label are left out."""
    matrix = np.zeros((len(labels), len(labels)), int)
    place = {label: i for i, label in enumerate(labels)}
    for answer, truth in zip(answers, truths, strict=True):
        if answer in place:
            matrix[place[truth], place[answer]] += 1
    rows: list[list[int]] = matrix.tolist()
    return rows


def majority(truths: Sequence[frozenset[Hashable]]) -> frozenset[Hashable]:
    """Return the most frequent set; of equally frequent ones, the first in order of their names."""
    counts = {t: truths.count(t) for t in set(truths)}
    return min(counts, key=lambda t: (-counts[t], sorted(map(str, t))))
