"""A workspace's tables and renderings, read as they are asked for.

The list of scenes is the names of files, so that thousands open at once; splits and cameras, a file
a scene, are read by a thread meanwhile.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from annotation.opinions.aggregate import opinions
from manifests.compacted import compacted_files, has_records, scene_files
from manifests.errors import SeagullError
from manifests.ratings import Rating
from manifests.records import Failure, Label, Rendering, Roi, Scene
from manifests.tables import read_records, schema
from manifests.workspace import Workspace
from pipeline.pages.ask_regions import in_background
from pipeline.pages.scene_records import (
    Said,
    SceneContent,
    SceneEntry,
    said_by_label,
    said_by_people,
)
from pipeline.pages.shards_source import ShardsSource, read_tops
from pipeline.run.failures import read_failures

T = TypeVar("T")
_KEPT = 32  # scenes in memory


class WorkspaceSource:
    """The dataset in a workspace, or SEAGULL-3k in its `study`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.name = str(workspace.root)
        self.root = workspace.root.resolve()
        self._names = _scene_names(workspace.table("scenes"))
        if not self._names:
            raise SeagullError(f"{workspace.root} holds no scene; run `seagull build`")
        self._known = frozenset(self._names)
        self._rows: Future[list[SceneEntry]] = in_background(self._read_entries)
        self.content = lru_cache(_KEPT)(self._content)

    def _read_entries(self) -> list[SceneEntry]:
        folder = self.workspace.table("scenes")
        table = ds.dataset(
            [*compacted_files(folder), *scene_files(folder)], schema=schema(Scene), format="parquet"
        ).to_table(columns=["scene_id", "split", "camera_model"])
        rows = {row["scene_id"]: row for row in table.to_pylist() if row["scene_id"] in self._known}
        return [
            SceneEntry(key, rows[key]["split"], rows[key]["camera_model"]) for key in sorted(rows)
        ]

    def scenes(self, complete: bool) -> Sequence[SceneEntry]:
        """Every scene in order; `complete`: wait until splits and cameras are known."""
        if complete or self._rows.done():
            return self._rows.result()
        return [SceneEntry(name) for name in self._names]

    def _content(self, scene_id: str) -> SceneContent:
        (about,) = self._read("scenes", scene_id, Scene)
        return SceneContent(
            SceneEntry(scene_id, about.split, about.camera_model),
            self._read("renderings", scene_id, Rendering),
            self._read("rois", scene_id, Roi),
            self._said(scene_id),
            asdict(about),
        )

    def _read(self, table: str, scene_id: str, record: type[T]) -> list[T]:
        """One scene's part of a table; none where the stage has not been there."""
        if scene_id not in self._known:
            raise SeagullError(f"there is no scene '{scene_id}' in {self.name}")
        path = self.workspace.table_file(table, scene_id)
        return read_records(path, record) if has_records(path) else []

    def _said(self, scene_id: str) -> list[Said]:
        labels = [said_by_label(label) for label in self._read("labels", scene_id, Label)]
        return labels or [
            said_by_people(one) for one in opinions(self._read("ratings", scene_id, Rating))
        ]

    def said_of(self, scene_id: str, rendering_id: str) -> Sequence[Said]:
        """What is said of every ROI in one rendering."""
        path = self.workspace.table_file("labels", scene_id)
        if scene_id not in self._known or not path.exists():
            return [one for one in self._said(scene_id) if one.rendering_id == rendering_id]
        mine = [("rendering_id", "=", rendering_id)]
        rows = pq.read_table(path, schema=schema(Label), filters=mine).to_pylist()
        return [said_by_label(Label(**row)) for row in rows]

    def image(self, scene_id: str, rendering_id: str) -> bytes:
        """The stored bytes of one rendering; nothing outside the workspace is read.

        A published dataset has tables, and its images in shards alone.
        """
        for row in self._read("renderings", scene_id, Rendering):
            if row.rendering_id == rendering_id:
                path = (self.root / row.path).resolve()
                if not path.is_relative_to(self.root):
                    raise SeagullError(f"{row.path} lies outside the workspace and is not shown")
                if path.exists() or self.shards is None:
                    return _bytes_of(path)
                return self.shards.image(scene_id, rendering_id)
        raise SeagullError(f"scene {scene_id} has no rendering '{rendering_id}'")

    @cached_property
    def shards(self) -> ShardsSource | None:
        """The shards beside the tables, where there are any."""
        try:
            return ShardsSource(self.workspace)
        except SeagullError:
            return None

    def failures(self) -> Sequence[Failure]:
        """What did not come about."""
        return read_failures(self.workspace)

    def tops(self) -> tuple[float, float]:
        """M of eq. 1 for quality and importance; without a card, the scales' own."""
        return read_tops(self.workspace.dataset_card, self.workspace.table("labels").is_dir())


def _scene_names(folder: Path) -> list[str]:
    """The scenes of the table, in order, without opening a scene's own file."""
    names = {path.stem for path in scene_files(folder)}
    for path in compacted_files(folder):
        names |= set(pq.read_table(path, columns=["scene_id"])["scene_id"].to_pylist())
    return sorted(names)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SeagullError(f"{path}: {error.strerror}; render it again") from error
