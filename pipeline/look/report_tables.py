"""Tables 1 and 2 of the paper for our networks: each beside the majority answer.

The paper's own rows are of the test split of its SEAGULL-3k, another dataset: marked so, they show
the form and the range, not a comparison.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.paper_numbers import ASSESSMENT, CORRELATIONS, SEAGULL, TYPES, paper_rows

PAPER = "SEAGULL-7B, the paper's dataset"
MAJORITY = "the commonest answer"
_NONE = "–"  # a metric the row cannot have


@dataclass(frozen=True)
class Row:
    """One row: whose, cells as text, and what it is (ours, majority, paper)."""

    name: str
    cells: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Table:
    """Columns, in groups as the paper has them, and rows."""

    groups: tuple[tuple[str, int], ...]  # heading and how many columns it spans
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


_SETS = ("precision", "recall", "f1")


def assessment_table(evaluations: Mapping[str, Mapping[str, Any]]) -> Table:
    """Table 1: scores by correlation, severities and types by sample averages, in percent."""
    rows: list[Row] = []
    for name, found in evaluations.items():
        ours = [_number(found, key) for key in CORRELATIONS]
        ours += _percents(found.get("severity"), _SETS) + _percents(found, _SETS)
        common = [_NONE] * len(CORRELATIONS)
        common += _percents(found.get("majority_severity"), _SETS)
        common += _percents(found.get("majority"), _SETS)
        rows += [Row(name, tuple(ours), "ours"), Row(MAJORITY, tuple(common), "majority")]
    printed = paper_rows(1)[SEAGULL]
    paper = [_number(printed, key) for key in CORRELATIONS]
    paper += _percents(printed, ASSESSMENT[len(CORRELATIONS) :])
    rows.append(Row(PAPER, tuple(paper), "paper"))
    groups = (("Quality", 2), ("Importance", 2), ("Severity, %", 3), ("Type, %", 3))
    columns = (*("SROCC", "PLCC") * 2, *("precision", "recall", "F1") * 2)
    return Table(groups, columns, tuple(rows))


def type_table(evaluations: Mapping[str, Mapping[str, Any]]) -> Table:
    """Table 2: F1 of every type, in percent, and their mean; further types after the paper's."""
    more = sorted(
        {t for found in evaluations.values() for t in found.get("type_f1", {})} - set(TYPES)
    )
    rows: list[Row] = []
    for name, found in evaluations.items():
        for whose, key, kind in (
            (name, "type_f1", "ours"),
            (MAJORITY, "majority_type_f1", "majority"),
        ):
            rows.append(Row(whose, _with_mean(found.get(key, {}), (*TYPES, *more)), kind))
    printed = paper_rows(2)[SEAGULL]
    paper = _percents(printed, (*TYPES, *more, "mean"))
    rows.append(Row(PAPER, tuple(paper), "paper"))
    columns = (*TYPES, *more, "mean")
    return Table((("F1 of the type, %", len(columns)),), columns, tuple(rows))


def word_table(evaluations: Mapping[str, Mapping[str, Any]]) -> Table:
    """How often the word itself is right, in percent; the paper does not say."""
    keys = ("quality_grade", "importance_grade", "type")
    rows: list[Row] = []
    for name, found in evaluations.items():
        for whose, end, kind in ((name, "accuracy", "ours"), (MAJORITY, "majority", "majority")):
            cells = tuple(_percent(found.get(f"{key}_{end}")) for key in keys)
            rows.append(Row(whose, cells, kind))
    columns = ("quality word", "importance word", "exactly the types")
    return Table((("Right, %", 3),), columns, tuple(rows))


def _number(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return f"{value:.3f}" if isinstance(value, float) and math.isfinite(value) else _NONE


def _percent(value: Any) -> str:
    return f"{100 * value:.1f}" if isinstance(value, int | float) else _NONE


def _percents(found: Mapping[str, Any] | None, keys: Sequence[str]) -> list[str]:
    return [_percent((found or {}).get(key)) for key in keys]


def _with_mean(found: Mapping[str, float], types: Sequence[str]) -> tuple[str, ...]:
    there = [found[t] for t in types if t in found]
    mean = sum(there) / len(there) if there else None
    return (*(_percent(found.get(t)) for t in types), _percent(mean))
