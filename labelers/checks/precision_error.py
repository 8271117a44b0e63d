"""What less precise arithmetic does to a workspace's labels: a sample of them again in fp32.

    python -m labelers.checks.precision_error OUT

for labels made with labels.precision=bf16 or tf32. Writes OUT/report/precision.json, which the next
`seagull shards` takes into the dataset's card. The words are those of eq. 1, importance's by M of
the card that is there. Scenes, renderings and ROIs of the sample are evenly spaced.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from labelers.engine.label_engine import described, load_labeler
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.images import read_image
from manifests.presets import load_config
from manifests.records import Label, Rendering, Roi
from manifests.tables import read_records
from manifests.words import QUALITY_TOP, grade
from manifests.workspace import Workspace

_SCENES, _RENDERINGS, _ROIS = 4, 6, 4
Pair = tuple[Label, Label]  # as stored, and in fp32
T = TypeVar("T")


def measure(space: Workspace, config: Config) -> dict[str, Any]:
    """Compare a sample of stored labels with fp32's.

    Raises:
        SeagullError: the labels are of fp32, of another scorer, or there are none.
    """
    if config.labels.precision == "fp32":
        raise SeagullError(f"{space.root}: labels.precision is fp32, there is nothing to compare")
    keys = sorted(path.stem for path in space.table("labels").glob("*.parquet"))
    if not keys:
        raise SeagullError(f"{space.root} has no labels yet; run `seagull labels` first")
    exact = load_labeler(replace(config.labels, precision="fp32"), config.work.device)
    version = described(config.labels)["scorer_version"]
    pairs = [pair for key in _spread(keys, _SCENES) for pair in _pairs(space, key, exact)]
    foreign = {stored.scorer_version for stored, _ in pairs} - {version}
    if foreign:
        raise SeagullError(f"labels of {', '.join(sorted(foreign))}, not of {version}: label again")
    top = _importance_top(space)
    return {
        "scorer_version": version,
        "labels": len(pairs),
        "quality": _compared(pairs, "quality", QUALITY_TOP),
        "importance": _compared(pairs, "importance", top),
        "without_changed": sum(a.distortion_label != b.distortion_label for a, b in pairs),
    }


def _spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many, evenly spaced, the first and the last among them."""
    places = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(int)
    return [items[i] for i in places]


def _pairs(space: Workspace, key: str, exact: Any) -> list[Pair]:
    rois = _spread(read_records(space.table_file("rois", key), Roi), _ROIS)
    reference, *rows = read_records(space.table_file("renderings", key), Rendering)
    some = _spread(rows, _RENDERINGS)
    images = [(row, read_image(space.file(row.path))) for row in some]
    again = exact.label(read_image(space.file(reference.path)), rois, images)
    stored = {
        (label.rendering_id, label.roi_id): label
        for label in read_records(space.table_file("labels", key), Label)
    }
    return [(stored[one.rendering_id, one.roi_id], one) for one in again]


def _importance_top(space: Workspace) -> float | None:
    path = space.dataset_card
    return json.loads(path.read_text())["importance_top"] if path.exists() else None


def _compared(pairs: Sequence[Pair], name: str, top: float | None) -> dict[str, Any]:
    """Mean and largest difference of a score, and how many change their word of eq. 1."""
    scores = np.array([[getattr(label, name) for label in pair] for pair in pairs])
    apart = np.abs(scores[:, 0] - scores[:, 1])
    words = None if top is None else sum(grade(a, top) != grade(b, top) for a, b in scores.tolist())
    return {
        "mean_difference": round(float(apart.mean()), 6),
        "largest_difference": round(float(apart.max()), 6),
        "words_changed": words,
    }


def main() -> None:
    """Measure, write and print."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m labelers.checks.precision_error OUT")
    space = Workspace(Path(sys.argv[1]))
    try:
        found = measure(space, load_config(str(space.config)))
    except SeagullError as error:
        sys.exit(f"error: {error}")
    text = json.dumps(found, indent=1, sort_keys=True) + "\n"
    write_atomic(space.precision_error, text)
    print(text, end="")


if __name__ == "__main__":
    main()
