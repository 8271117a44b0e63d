"""The shards alone: images by their place in the tar, the rest by one pass over its headers."""

import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq

from manifests.errors import SeagullError
from manifests.ratings import Opinion
from manifests.records import Failure, Label, Roi
from manifests.sample import NO_NUMBER, Sample, parse_sample
from manifests.words import QUALITY_TOP, RATING_TOP
from manifests.workspace import SPLITS, Workspace
from pipeline.pages.scene_records import (
    Said,
    SceneContent,
    SceneEntry,
    said_by_label,
    said_by_people,
)

_KEPT = 16  # scenes, and tars' lists of members


class ShardsSource:
    """The tars and their Parquet index below `shards/`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.name = str(workspace.dataset_card.parent)
        indexes = {
            index.with_suffix(".tar").name: (index, split)
            for split in SPLITS
            for index in sorted(workspace.shards(split).glob("*.parquet"))
        }
        if not indexes:
            raise SeagullError(f"{self.name} holds no shards (*.tar with their *.parquet)")
        self._shard_of: dict[str, Path] = {}  # scene -> index of its shard
        self._entries: list[SceneEntry] = []
        for scene, shard in _scenes_of([index for index, _ in indexes.values()]):
            self._shard_of[scene], split = indexes[shard]
            self._entries.append(SceneEntry(scene, split))
        self.content = lru_cache(_KEPT)(self._content)

    def scenes(self, complete: bool) -> Sequence[SceneEntry]:
        """Every scene in order; all is known from the start."""
        return self._entries

    def _rows(self, scene_id: str) -> list[dict[str, Any]]:
        if scene_id not in self._shard_of:
            raise SeagullError(f"there is no scene '{scene_id}' in {self.name}")
        index = self._shard_of[scene_id]
        return list(pq.read_table(index, filters=[("scene_id", "=", scene_id)]).to_pylist())

    def image(self, scene_id: str, rendering_id: str) -> bytes:
        """The stored bytes of one rendering, read at the offset that the index gives."""
        for row in self._rows(scene_id):
            if row["rendering_id"] == rendering_id:
                with self._tar(scene_id).open("rb") as tar:
                    tar.seek(row["offset"])
                    return tar.read(row["bytes"])
        raise SeagullError(f"scene {scene_id} has no rendering '{rendering_id}'")

    def _tar(self, scene_id: str) -> Path:
        path = self._shard_of[scene_id].with_suffix(".tar")
        if not path.is_file():
            raise SeagullError(f"{path} is missing; its index is there")
        return path

    def _samples(self, scene_id: str) -> list[Sample]:
        """Every sample of a scene without its image, in the index's order."""
        rows, tar = self._rows(scene_id), self._tar(scene_id)
        members = _members(tar, tar.stat().st_mtime_ns)
        with tar.open("rb") as file:
            texts = [_at(file, members[f"{row['rendering_id']}.json"]) for row in rows]
        return [parse_sample(text, b"") for text in texts]

    def _content(self, scene_id: str) -> SceneContent:
        samples = self._samples(scene_id)
        rois = {roi.roi_id: _as_in_tables(roi) for sample in samples for roi in sample.rois}
        (entry,) = (e for e in self._entries if e.scene_id == scene_id)
        return SceneContent(
            entry,
            [sample.rendering for sample in samples],
            list(rois.values()),
            [_said(label) for sample in samples for label in sample.labels],
            {},
        )

    def said_of(self, scene_id: str, rendering_id: str) -> Sequence[Said]:
        """What is said of every ROI in one rendering."""
        return [s for s in self.content(scene_id).said if s.rendering_id == rendering_id]

    def failures(self) -> Sequence[Failure]:
        """None: shards hold what came about."""
        return []

    def tops(self) -> tuple[float, float]:
        """M of eq. 1 for quality and importance, from the card."""
        return read_tops(self.workspace.dataset_card, by_scorer=True)


def _scenes_of(indexes: Sequence[Path]) -> list[tuple[str, str]]:
    """Scene and name of its tar, in scene order, out of all indexes at once."""
    rows = ds.dataset(indexes, format="parquet").to_table(columns=["scene_id", "shard"])
    pairs = rows.group_by(["scene_id", "shard"]).aggregate([]).to_pylist()
    return sorted((str(pair["scene_id"]), str(pair["shard"])) for pair in pairs)


@lru_cache(_KEPT)
def _members(tar: Path, changed: int) -> Mapping[str, tuple[int, int]]:
    """Name -> offset and size of every member of a tar last changed at `changed`."""
    try:
        with tarfile.open(tar) as archive:
            return {m.name: (m.offset_data, m.size) for m in archive.getmembers()}
    except (tarfile.TarError, OSError) as error:
        raise SeagullError(f"{tar} is no whole tar: {error}") from error


def _at(file: Any, place: tuple[int, int]) -> bytes:
    file.seek(place[0])
    return bytes(file.read(place[1]))


def _said(label: Label | Opinion) -> Said:
    if isinstance(label, Label):
        return said_by_label(label)
    severities = {name: _number(mean) for name, mean in label.severities.items()}
    return said_by_people(replace(label, severities=severities))


def _as_in_tables(roi: Roi) -> Roi:
    """A ROI with None where a sample, which has no nulls, says otherwise."""
    named = replace(roi, class_name=roi.class_name or None)
    numbers = {key: _number(getattr(roi, key)) for key in ("score", "predicted_iou", "stability")}
    return replace(named, **numbers)  # type: ignore[arg-type]


def _number(value: float | None) -> float | None:
    return None if value == NO_NUMBER else value


def read_tops(card: Path, by_scorer: bool) -> tuple[float, float]:
    """M of eq. 1 for quality and importance, from the dataset's card where there is one."""
    try:
        values: dict[str, Any] = json.loads(card.read_text())
        return float(values["quality_top"]), float(values["importance_top"])
    except (OSError, ValueError, KeyError, TypeError):
        top = QUALITY_TOP if by_scorer else RATING_TOP
        return top, top
