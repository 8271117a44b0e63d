"""A workspace's tables and renderings, read as they are asked for.

The list of scenes is the names of files, so that thousands open at once; splits and cameras, a file
a scene, are read by a thread meanwhile.
"""

import json
from collections.abc import Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from annotation.aggregate import opinions
from manifests.errors import SeagullError
from manifests.keys import check_key
from manifests.ratings import Rating
from manifests.records import Failure, Label, Rendering, Roi
from manifests.tables import read_records, schema
from manifests.words import QUALITY_TOP, RATING_TOP
from manifests.workspace import Workspace
from pipeline.pages.ask_regions import in_background
from pipeline.pages.scene_records import (
    Said,
    SceneContent,
    SceneEntry,
    said_by_label,
    said_by_people,
)
from pipeline.run.failures import read_failures

_KEPT = 32  # scenes in memory


class WorkspaceSource:
    """The dataset in a workspace, or SEAGULL-3k in its `study`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.name = str(workspace.root)
        self.root = workspace.root.resolve()
        self._names = sorted(path.stem for path in workspace.table("scenes").glob("*.parquet"))
        if not self._names:
            raise SeagullError(f"{workspace.root} holds no scene; run `seagull build`")
        self._known = frozenset(self._names)
        self._rows: Future[list[SceneEntry]] = in_background(self._read_entries)
        self.content = lru_cache(_KEPT)(self._content)

    def _read_entries(self) -> list[SceneEntry]:
        folder = self.workspace.table("scenes")
        table = ds.dataset(
            [folder / f"{name}.parquet" for name in self._names],
            schema=pq.read_schema(folder / f"{self._names[0]}.parquet"),
            format="parquet",
        ).to_table(columns=["scene_id", "split", "camera_model"])
        rows = sorted(table.to_pylist(), key=lambda row: str(row["scene_id"]))
        return [SceneEntry(r["scene_id"], r["split"], r["camera_model"]) for r in rows]

    def scenes(self, complete: bool) -> Sequence[SceneEntry]:
        """See `Source`."""
        if complete or self._rows.done():
            return self._rows.result()
        return [SceneEntry(name) for name in self._names]

    def _content(self, scene_id: str) -> SceneContent:
        rois = self._file("rois", scene_id)
        (about,) = pq.read_table(self._file("scenes", scene_id)).to_pylist()
        return SceneContent(
            SceneEntry(scene_id, about["split"], about["camera_model"]),
            self._renderings(scene_id),
            read_records(rois, Roi) if rois.exists() else [],
            self._said(scene_id),
            about,
        )

    def _renderings(self, scene_id: str) -> list[Rendering]:
        path = self._file("renderings", scene_id)
        return read_records(path, Rendering) if path.exists() else []

    def _file(self, table: str, scene_id: str) -> Path:
        if scene_id not in self._known:
            raise SeagullError(f"there is no scene '{scene_id}' in {self.name}")
        return self.workspace.table_file(table, scene_id)

    def _said(self, scene_id: str) -> list[Said]:
        labels, ratings = self._file("labels", scene_id), self._file("ratings", scene_id)
        if labels.exists():
            return [said_by_label(label) for label in read_records(labels, Label)]
        if ratings.exists():
            return [said_by_people(o) for o in opinions(read_records(ratings, Rating))]
        return []

    def said_of(self, scene_id: str, rendering_id: str) -> Sequence[Said]:
        """See `Source`."""
        path = self._file("labels", scene_id)
        if not path.exists():
            return [one for one in self._said(scene_id) if one.rendering_id == rendering_id]
        mine = [("rendering_id", "=", rendering_id)]
        rows = pq.read_table(path, schema=schema(Label), filters=mine).to_pylist()
        return [said_by_label(Label(**row)) for row in rows]

    def image(self, scene_id: str, rendering_id: str) -> bytes:
        """See `Source`; nothing outside the workspace is read, whatever its tables say."""
        for row in self._renderings(scene_id):
            if row.rendering_id == check_key(rendering_id):
                path = (self.root / row.path).resolve()
                if not path.is_relative_to(self.root):
                    raise SeagullError(f"{row.path} lies outside the workspace and is not shown")
                return _read(path)
        raise SeagullError(f"scene {scene_id} has no rendering '{rendering_id}'")

    def failures(self) -> Sequence[Failure]:
        """See `Source`."""
        return read_failures(self.workspace)

    def tops(self) -> tuple[float, float]:
        """See `Source`; without a card, the scales' own."""
        return read_tops(self.workspace.dataset_card, self.workspace.table("labels").is_dir())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SeagullError(f"{path}: {error.strerror}; render it again") from error


def read_tops(card: Path, by_scorer: bool) -> tuple[float, float]:
    """M of eq. 1 for quality and importance, from the dataset's card where there is one."""
    try:
        values: dict[str, Any] = json.loads(card.read_text())
        return float(values["quality_top"]), float(values["importance_top"])
    except (OSError, ValueError, KeyError, TypeError):
        top = QUALITY_TOP if by_scorer else RATING_TOP
        return top, top
