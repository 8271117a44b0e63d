"""The metrics of section 5.1: correlations, and sample-average precision, recall and F1 of sets.

A ROI's answer is a set: of types, or of (type, severity). None stands for an answer that could not
be parsed: it scores 0 even where the truth is empty. Correlations are SciPy's.
"""

from collections.abc import Hashable, Sequence, Set
from typing import Any

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
    """Average precision, recall and F1 over ROIs; F1 is the mean of the ROIs' F1.

    scikit-learn's average="samples", with a label `clean` where a set is empty: the mean of
    `sample_scores`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    if not truths:
        return {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    answered, true, _ = _binary(answers, truths)
    means = precision_recall_fscore_support(true, answered, average="samples", zero_division=0)[:3]
    return dict(zip(("precision", "recall", "f1"), map(float, means), strict=True))


def pooled_f1(
    answers: Sequence[Answer], truths: Sequence[Set[Hashable]], labels: Sequence[Hashable]
) -> dict[str, float]:
    """Binary F1 of each label pooled over ROIs (table 2); `clean` counts where a set is empty."""
    from sklearn.metrics import f1_score

    wanted = [*map(str, labels), "clean"]
    if not truths:
        return dict.fromkeys(wanted, 0.0)
    answered, true, names = _binary(answers, truths, wanted)
    scores = f1_score(true, answered, average=None, zero_division=0)
    by_name = dict(zip(names, map(float, scores), strict=True))
    return {name: by_name[name] for name in wanted}


def _binary(
    answers: Sequence[Answer], truths: Sequence[Set[Hashable]], labels: Sequence[str] = ()
) -> tuple[Any, Any, list[str]]:
    """Indicator matrices of answers and truths, and their columns' names."""
    from sklearn.preprocessing import MultiLabelBinarizer

    answered, true = ([{*map(str, _with_clean(s))} for s in sets] for sets in (answers, truths))
    names = sorted({*labels, "clean", *(name for row in (*answered, *true) for name in row)})
    binarizer = MultiLabelBinarizer(classes=names)
    return binarizer.fit_transform(answered), binarizer.transform(true), names


def _with_clean(answer: Answer) -> Set[Hashable]:
    return set() if answer is None else answer or {"clean"}


def confusion(
    answers: Sequence[str | None], truths: Sequence[str], labels: Sequence[str]
) -> list[list[int]]:
    """Count rows of the truth by columns of the answer; answers of no label are left out."""
    from sklearn.metrics import confusion_matrix

    if not set(truths) & set(labels):
        return [[0] * len(labels) for _ in labels]
    given = [answer or "" for answer in answers]
    rows: list[list[int]] = confusion_matrix(truths, given, labels=list(labels)).tolist()
    return rows


def majority(truths: Sequence[frozenset[Hashable]]) -> frozenset[Hashable]:
    """Return the most frequent set; of equally frequent ones, the first in order of their names."""
    counts = {t: truths.count(t) for t in set(truths)}
    return min(counts, key=lambda t: (-counts[t], sorted(map(str, t))))
