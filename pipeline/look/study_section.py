"""What the report says of SEAGULL-3k: who rated, how far they agree, what they said."""

from typing import Any

import pandas as pd

from manifests.workspace import Workspace
from pipeline.look import figures

_TABLES = ("agreement", "estimates", "raters", "ratings", "screening")


def study_section(workspace: Workspace) -> dict[str, Any]:
    """Facts, tables and the figure (PNG bytes) of an exported study; empty where there is none.

    `workspace` is the study's own: its tables are those that `seagull study export` writes.
    """
    if not all(workspace.table(name).is_dir() for name in _TABLES):
        return {}
    found = {name: pd.read_parquet(workspace.table(name)) for name in _TABLES}
    return {
        "simulated": "simulated" in set(found["raters"].raters),
        "facts": _facts(found["ratings"], found["raters"]),
        "agreement": list(zip(found["agreement"].question, found["agreement"].value, strict=True)),
        "measure": found["agreement"].measure.iloc[0] if len(found["agreement"]) else "",
        "raters": _raters(found["raters"], found["screening"]),
        "figure": figures.opinions(found["estimates"]),
    }


def _facts(ratings: pd.DataFrame, raters: pd.DataFrame) -> list[tuple[str, str]]:
    counted = ratings[ratings.valid & ~ratings.repeat]
    a_roi = counted.groupby(["rendering_id", "roi_id"]).size()
    return [
        ("raters", f"{len(raters)}, {int(raters.valid.sum())} of them counted"),
        ("answers", f"{len(ratings):,}, {len(counted):,} of them counted"),
        ("images", f"{counted.rendering_id.nunique():,}"),
        ("ROIs", f"{len(a_roi):,}"),
        ("ratings a ROI", f"{a_roi.min()} to {a_roi.max()}" if len(a_roi) else "none"),
        ("seconds an answer, median", f"{ratings.seconds.median():.1f}"),
    ]


def _raters(raters: pd.DataFrame, screening: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a rater, those with most failed checks first."""
    failed = screening[~screening.passed].groupby("rater").check.agg(", ".join)
    count = screening[~screening.passed].groupby("rater").size()
    rows = raters.assign(failed=raters.rater.map(failed).fillna(""))
    rows = rows.assign(count=raters.rater.map(count).fillna(0))
    ordered = rows.sort_values(["count", "rater"], ascending=[False, True])
    return [{str(key): value for key, value in row.items()} for row in ordered.to_dict("records")]
