"""What is sharded, and what one sample of it holds.

A sample is one rendering with all its ROIs: `{rendering_id}.{jpg|png}` and `{rendering_id}.json`.
Every sample has the same fields of the same types. Which samples lie in which tar: shards.py.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_args, get_type_hints

from annotation.aggregate import opinions
from manifests.done import read_done
from manifests.errors import SceneError
from manifests.files import sha256_of
from manifests.ratings import Rating
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import parse_records
from manifests.workspace import Workspace

T = TypeVar("T")
NO_NUMBER = -1.0  # scores, IoU, stability and severities are 0 or more


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


class RecordedFiles:
    """The files of one scene, read only as the records of its stages say they are."""

    def __init__(self, dataset: Dataset, key: str) -> None:
        self.dataset = dataset
        stages = ("study",) if dataset.stage == "study" else ("render", "masks", "labels")
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
        image = files.read(dataset.space.root / rendering.path, rendering.sha256)
        said = labels.get(rendering.rendering_id, [])
        scored = scores.get(rendering.rendering_id, [])
        yield _sample(dataset, rendering, image, rois, said, scored)


def without_nulls(record: Any) -> dict[str, Any]:
    """Return a record as plain values of the same types in every sample.

    JSON's null has no type, and readers that infer types from the first samples (Hugging Face
    `datasets`) break at the first value that is none: an unknown text is "", an unknown number -1.
    """
    hints = get_type_hints(type(record))
    return {name: _typed(value, hints[name]) for name, value in asdict(record).items()}


def _typed(value: Any, hint: Any) -> Any:
    if value is None:
        return "" if str in get_args(hint) else NO_NUMBER
    if isinstance(value, dict) and get_args(hint):
        return {key: _typed(inside, get_args(hint)[1]) for key, inside in value.items()}
    return value


def _judgments(files: RecordedFiles, key: str) -> Sequence[Any]:
    """Read a scene's labels, or what its people's ratings come to."""
    if files.dataset.stage == "study":
        return opinions(files.records("ratings", key, Rating))
    return files.records("labels", key, Label)


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
    said = {label["roi_id"] for label in labels}
    shown = [roi for roi in rois if roi["roi_id"] in said]
    content = {
        "rendering_id": rendering.rendering_id,
        "scene_id": rendering.scene_id,
        "dataset": dataset.name,
        "rendering": without_nulls(rendering),
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
    extension = PurePosixPath(rendering.path).suffix[1:]
    return row, {"__key__": rendering.rendering_id, extension: image, "json": text}
