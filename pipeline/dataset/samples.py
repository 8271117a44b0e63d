"""What is sharded, and what one sample of it holds.

A sample is one rendering with all its ROIs: `{rendering_id}.{jpg|png}` and `{rendering_id}.json`.
Which samples lie in which tar is said in shards.py.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from annotation.aggregate import opinions
from manifests.ratings import Rating
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.workspace import Workspace


@dataclass(frozen=True)
class Dataset:
    """What is sharded: `name` is also the tars' stem; `stage` is the last that made its scenes."""

    name: str
    stage: str
    space: Workspace  # of the tables, renderings and shards
    ledger_space: Workspace  # of the done records


def seagull_100w(workspace: Workspace) -> Dataset:
    """Describe the synthetic dataset of the workspace."""
    return Dataset("seagull-100w", "labels", workspace, workspace)


def seagull_3k(workspace: Workspace) -> Dataset:
    """Describe the rated dataset in the workspace's `study` folder."""
    return Dataset("seagull-3k", "study", Workspace(workspace.study), workspace)


@dataclass(frozen=True)
class IndexRow:
    """Where one sample lies: `offset` and `bytes` are the image's, inside the tar."""

    rendering_id: str
    scene_id: str
    distortion: str
    level: int
    shard: str
    offset: int
    bytes: int
    sha256: str  # of the image
    rois: int
    labels: int


def samples_of(dataset: Dataset, scene: Scene) -> Iterator[tuple[IndexRow, dict[str, Any]]]:
    """Yield a scene's samples as webdataset writes them, each with its row, not yet in a tar."""
    space, key = dataset.space, scene.scene_id
    rois = [asdict(roi) for roi in read_records(space.table_file("rois", key), Roi)]
    labels = _by_rendering(_judgments(dataset, key))
    scores = _by_rendering(_scores(dataset, key))
    for rendering in read_records(space.table_file("renderings", key), Rendering):
        said = labels.get(rendering.rendering_id, [])
        yield _sample(dataset, rendering, rois, said, scores.get(rendering.rendering_id, []))


def _judgments(dataset: Dataset, key: str) -> Sequence[Any]:
    """Read a scene's labels, or what its people's ratings come to."""
    if dataset.stage == "study":
        return opinions(read_records(dataset.space.table_file("ratings", key), Rating))
    return read_records(dataset.space.table_file("labels", key), Label)


def _scores(dataset: Dataset, key: str) -> Sequence[Label]:
    """Read the other scorers' scores, where there are any."""
    path = dataset.space.table_file("scores", key)
    return read_records(path, Label) if path.exists() else []


def _by_rendering(records: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        rows.setdefault(record.rendering_id, []).append(asdict(record))
    return rows


def _sample(
    dataset: Dataset,
    rendering: Rendering,
    rois: list[dict[str, Any]],
    labels: list[dict[str, Any]],
    scores: list[dict[str, Any]],
) -> tuple[IndexRow, dict[str, Any]]:
    path = dataset.space.root / rendering.path
    image = path.read_bytes()
    said = {label["roi_id"] for label in labels}
    shown = [roi for roi in rois if roi["roi_id"] in said]
    content = {
        "rendering_id": rendering.rendering_id,
        "scene_id": rendering.scene_id,
        "dataset": dataset.name,
        "rendering": asdict(rendering),
        "rois": shown,
        "labels": labels,
        "scores": scores,
    }
    row = IndexRow(
        rendering_id=rendering.rendering_id,
        scene_id=rendering.scene_id,
        distortion=rendering.distortion,
        level=rendering.level,
        shard="",
        offset=0,
        bytes=len(image),
        sha256=rendering.sha256,
        rois=len(shown),
        labels=len(labels),
    )
    text = json.dumps(content, sort_keys=True).encode()
    return row, {"__key__": rendering.rendering_id, path.suffix[1:]: image, "json": text}
