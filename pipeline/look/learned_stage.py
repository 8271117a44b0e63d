"""What a stage of training left, as the report shows it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.workspace import Workspace


@dataclass(frozen=True)
class Learned:
    """A stage's evaluation, its curve and that of the val split; each may be empty."""

    name: str
    evaluation: dict[str, Any]
    curve: list[dict[str, Any]]
    validation: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """Which stage on which data; that raters are simulated is always said."""
        count = self.evaluation.get("counts", {}).get("rois", 0)
        raters = ", simulated raters" if self.evaluation.get("raters") == "simulated" else ""
        return f"{self.name} on {self.evaluation.get('dataset', '?')}, {count:,} ROIs{raters}"

    @property
    def course(self) -> str:
        """One line on how the training went."""
        if not self.curve:
            return ""
        last, parts = self.curve[-1], [f"{len(self.curve):,} steps"]
        if "data_wait" in last:
            parts.append(f"{last['samples_per_s']:.3g} ROIs a second")
            parts.append(f"{last['data_wait']:.1%} of the time waiting for data")
        if self.validation:
            best = min(self.validation, key=lambda row: row["val_loss"])
            parts.append(f"least loss on val {best['val_loss']:.3f}, at step {best['step']:,}")
        return "; ".join(parts)

    @property
    def scores(self) -> dict[str, Any]:
        """Numbers and words of the evaluation, those in nested tables under `table: name`."""
        return _flat(self.evaluation)


def read_learned(workspace: Workspace, name: str) -> Learned | None:
    """The stage `name` of a workspace; None where nothing of it is there."""
    folder = workspace.models / name
    evaluation = read_json(folder / "evaluation.json")
    curve, validation = _rows(folder / "curve.jsonl"), _rows(folder / "validation.jsonl")
    return Learned(name, evaluation, curve, validation) if evaluation or curve else None


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file holds; empty where there is none."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def _flat(evaluation: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for key, value in evaluation.items():
        if isinstance(value, int | float | str):
            rows[f"{prefix}{key}"] = value
        elif isinstance(value, dict) and key != "confusion":
            rows |= _flat(value, f"{prefix}{key}: ")
    return rows
