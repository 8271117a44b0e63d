"""What is sharded, and what one sample of it holds.

A sample is one rendering with all its ROIs: `{rendering_id}.{jpg|png}` and `{rendering_id}.json`.
Every sample has the same fields of the same types. Which samples lie in which tar: shards.py.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from manifests.done import read_done
from manifests.errors import SceneError
from manifests.files import sha256_of
from manifests.ratings import Estimate, Opinion, questions
from manifests.records import Label, Rendering, Roi, Scene
from manifests.sample import without_nulls
from manifests.tables import parse_records
from manifests.words import RATING_TOP
from manifests.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Dataset:
    """What is sharded: `name` is also the tars' stem; `stage` is the last that made its scenes."""

    name: str
    stage: str
    space: Workspace  # of the tables, renderings and shards
    ledger_space: Workspace  # of the done records

    @property
    def of_photographs(self) -> bool:
        """Whether it is a study in a folder of its own, of photographs and not of RAW files."""
        return self.stage == "study" and self.space == self.ledger_space

    def moved(self, workspace: Workspace) -> "Dataset":
        """Return the same dataset of a workspace that lies elsewhere now."""
        inside = self.space.root.relative_to(self.ledger_space.root)
        space = workspace if self.space == self.ledger_space else Workspace(workspace.root / inside)
        return replace(self, space=space, ledger_space=workspace)


SYNTHETIC = "seagull-100w"


def seagull_100w(workspace: Workspace) -> Dataset:
    """Describe the synthetic dataset of the workspace."""
    return Dataset(SYNTHETIC, "labels", workspace, workspace)


def seagull_3k(workspace: Workspace) -> Dataset:
    """Describe the rated dataset: a study's own folder, or the workspace's `study` folder."""
    if is_study(workspace):
        return Dataset("seagull-3k", "study", workspace, workspace)
    return Dataset("seagull-3k", "study", Workspace(workspace.study), workspace)


def is_study(workspace: Workspace) -> bool:
    """Say whether this is a study of photographs, a folder of its own."""
    return (workspace.root / "plan" / "items.parquet").is_file()


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


class RecordedFiles:
    """The files of one scene, read only as the records of its stages say they are."""

    def __init__(self, dataset: Dataset, key: str) -> None:
        self.dataset = dataset
        rated = dataset.stage == "study"
        stages = ("intake", "study", "export") if rated else ("render", "masks", "labels")
        dones = [read_done(dataset.ledger_space.done(stage, key)) for stage in stages]
        self.sha256 = {name: sha for done in dones if done for name, sha in done.files.items()}

    def read(self, path: Path, sha256: str = "") -> bytes:
        """Read a file and compare it with its record, and with `sha256` where that is given.

        Raises:
            SceneError: missing_input, when it is not there or not the same.
        """
        name = path.relative_to(self.dataset.ledger_space.root).as_posix()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise SceneError("missing_input", f"{name}: {error.strerror}") from error
        expected = {sha256, self.sha256.get(name, "")} - {""}
        if expected and expected != {sha256_of(content)}:
            raise SceneError("missing_input", f"{name} is not what was recorded of it")
        return content

    def records(self, table: str, key: str, record: type[T]) -> list[T]:
        """Read one scene's rows of a table; raises as `read`, and for a table that is none."""
        path = self.dataset.space.table_file(table, key)
        return parse_records(self.read(path), record, str(path))


def samples_of(dataset: Dataset, scene: Scene) -> Iterator[tuple[IndexRow, dict[str, Any]]]:
    """Yield a scene's samples as webdataset writes them, each with its row, not yet in a tar.

    Raises:
        SceneError: missing_input, when a table or an image is not what was recorded of it.
    """
    key, files = scene.scene_id, RecordedFiles(dataset, scene.scene_id)
    rois = [without_nulls(roi) for roi in files.records("rois", key, Roi)]
    labels = _by_rendering(_judgments(files, key))
    scores = _by_rendering(_scores(files, key))
    for rendering in files.records("renderings", key, Rendering):
        image = files.read(dataset.space.file(rendering.path), rendering.sha256)
        judged = labels.get(rendering.rendering_id, [])
        if dataset.stage == "study" and not judged:
            continue  # nobody has rated it yet
        scored = scores.get(rendering.rendering_id, [])
        yield _sample(dataset, rendering, image, rois, judged, scored)


def _judgments(files: RecordedFiles, key: str) -> Sequence[Any]:
    """Read a scene's labels, or what its people's ratings come to."""
    if files.dataset.stage == "study":
        return said_by_people(files.records("estimates", key, Estimate))
    return files.records("labels", key, Label)


def said_by_people(estimates: Sequence[Estimate]) -> list[Opinion]:
    """Return one opinion for each ROI, from its estimates of all questions."""
    groups: dict[tuple[str, str], dict[str, Estimate]] = {}
    for row in estimates:
        groups.setdefault((row.rendering_id, row.roi_id), {})[row.question] = row
    return [_opinion(rows) for rows in groups.values()]


def _opinion(rows: dict[str, Estimate]) -> Opinion:
    quality = rows["quality"]
    return Opinion(
        rendering_id=quality.rendering_id,
        roi_id=quality.roi_id,
        scene_id=quality.scene_id,
        quality=_value(quality) or 0.0,
        importance=_value(rows["importance"]) or 0.0,
        severities={n: _value(row) for n, row in rows.items() if n not in questions(())},
        ratings=quality.ratings,
        raters=quality.raters,
    )


def _value(row: Estimate) -> float | None:
    """The mean, or the model's estimate on the same scale; None for "without" by either."""
    if row.label == "mean" or row.mean is None:
        return row.mean
    return min(max(row.estimate, 0.0), RATING_TOP)


def _scores(files: RecordedFiles, key: str) -> Sequence[Label]:
    """Read the other scorers' scores, where there are any."""
    there = files.dataset.space.table_file("scores", key).exists()
    return files.records("scores", key, Label) if there else []


def _by_rendering(records: Iterable[Any]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        rows.setdefault(record.rendering_id, []).append(without_nulls(record))
    return rows


def _sample(
    dataset: Dataset,
    rendering: Rendering,
    image: bytes,
    rois: list[dict[str, Any]],
    labels: list[dict[str, Any]],
    scores: list[dict[str, Any]],
) -> tuple[IndexRow, dict[str, Any]]:
    text, shown = sample_text(dataset.name, rendering, rois, labels, scores)
    row = IndexRow(
        rendering_id=rendering.rendering_id,
        scene_id=rendering.scene_id,
        distortion=rendering.distortion,
        level=rendering.level,
        shard="",
        offset=0,
        bytes=len(image),
        sha256=rendering.sha256,
        rois=shown,
        labels=len(labels),
    )
    extension = PurePosixPath(rendering.path).suffix[1:]
    return row, {"__key__": rendering.rendering_id, extension: image, "json": text}


def sample_text(
    dataset: str,
    rendering: Rendering,
    rois: Sequence[Mapping[str, Any]],
    labels: Sequence[Mapping[str, Any]],
    scores: Sequence[Mapping[str, Any]],
) -> tuple[bytes, int]:
    """Return a sample's JSON, and how many of `rois` are labelled: these alone are in it.

    Rows are plain values without nulls.
    """
    labelled = {label["roi_id"] for label in labels}
    shown = [roi for roi in rois if roi["roi_id"] in labelled]
    content = {
        "rendering_id": rendering.rendering_id,
        "scene_id": rendering.scene_id,
        "dataset": dataset,
        "rendering": without_nulls(rendering),
        "rois": shown,
        "labels": labels,
        "scores": scores,
    }
    return json.dumps(content, sort_keys=True).encode(), len(shown)
