"""One shard written, in a worker: a tar of whole scenes, its index, and its record last."""

import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from manifests.done import Done, describe
from manifests.errors import MachineError, SceneError, SeagullError
from manifests.files import atomic_file, remove_file
from manifests.mirrors import mirror_of
from manifests.records import Roi, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.dataset.samples import Dataset, IndexRow, samples_of
from pipeline.store.scratch import ScratchMirror
from pipeline.workers.worker import Outcome, Task, nearby


@dataclass(frozen=True)
class Plan:
    """One shard to be: its name within the split and its scenes."""

    split: str
    name: str
    scenes: tuple[Scene, ...]
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class PackTask(Task):
    """A shard to write."""

    dataset: Dataset
    plan: Plan

    def moved(self, workspace: Workspace, raw: Path | None) -> Self:
        """Return the same task, of files that lie elsewhere now."""
        dataset = self.dataset.moved(workspace)
        return replace(super().moved(workspace, raw), dataset=dataset)


@dataclass(frozen=True, kw_only=True)
class Refused(Outcome):
    """The shard was not written: a scene's files are not what was recorded of them."""

    scene_id: str


class _DamagedError(SeagullError):
    def __init__(self, scene_id: str, message: str) -> None:
        super().__init__(message)
        self.scene_id = scene_id


def shard_files(dataset: Dataset, plan: Plan) -> tuple[Path, Path, Path]:
    """Return where the shard's tar, index and record lie."""
    stem = dataset.space.shards(plan.split) / plan.name
    return stem.with_suffix(".tar"), stem.with_suffix(".parquet"), stem.with_suffix(".done.json")


def pack(task: Task) -> Outcome:
    """Write the shard of a PackTask; a damaged scene refuses it."""
    return nearby(task, _pack)


def _pack(task: Task) -> Outcome:
    assert isinstance(task, PackTask)
    try:
        return Outcome(task, _write(task.dataset, task.plan))
    except MachineError as error:
        return Outcome(task, None, "machine", str(error), ends_run=True)
    except _DamagedError as error:
        return Refused(task, None, "missing_input", str(error), scene_id=error.scene_id)


def _write(dataset: Dataset, plan: Plan) -> Done:
    import webdataset  # and with it torch, which the driver of a run has no need of

    tar, index, record = shard_files(dataset, plan)
    remove_file(record)
    rows: list[IndexRow] = []
    rois = 0
    with (
        atomic_file(tar) as file,
        # mtime 0: the bytes depend on the samples alone.
        webdataset.TarWriter(file, mtime=0, encoder=False) as writer,
    ):
        for scene in plan.scenes:
            with scene_at_hand(dataset, scene.scene_id):
                rows += _pack_scene(writer, dataset, scene)
                rois += len(read_records(dataset.space.table_file("rois", scene.scene_id), Roi))
    write_records(index, _located(rows, tar), IndexRow)
    counts = {
        "scenes": len(plan.scenes),
        "samples": len(rows),
        "rois": rois,
        "labels": sum(row.labels for row in rows),
    }
    done = describe("shards", plan.name, plan.fingerprint, tar.parent, [tar, index], counts)
    done.write(record)
    return done


@contextmanager
def scene_at_hand(dataset: Dataset, key: str) -> Iterator[None]:
    """Have a scene's files here within the block, where the dataset lies in a store."""
    mirror = mirror_of(dataset.space.root)
    if not isinstance(mirror, ScratchMirror):
        yield
        return
    stages = ("render", "masks", "labels", "study", "export")
    mirror.bring_recorded(dataset.ledger_space.done(stage, key) for stage in stages)
    yield
    for one in (dataset.space.renderings(key), dataset.ledger_space.renderings(key)):
        mirror.forget(one)


def _pack_scene(writer: Any, dataset: Dataset, scene: Scene) -> list[IndexRow]:
    rows: list[IndexRow] = []
    samples = samples_of(dataset, scene)
    while True:
        try:
            row, sample = next(samples)
        except StopIteration:
            return rows
        except (SceneError, SeagullError) as error:
            raise _DamagedError(scene.scene_id, str(error)) from error
        writer.write(sample)
        rows.append(row)


def _located(rows: Sequence[IndexRow], tar: Path) -> list[IndexRow]:
    """Fill in where each row's image lies, read back from the finished tar."""
    offsets = image_offsets(tar)
    return [replace(row, shard=tar.name, offset=offsets[row.rendering_id]) for row in rows]


def image_offsets(tar: Path) -> dict[str, int]:
    """Return where each sample's image begins in the tar, by its key."""
    with tarfile.open(tar) as archive:
        images = [m for m in archive.getmembers() if not m.name.endswith(".json")]
    return {member.name.rpartition(".")[0]: member.offset_data for member in images}
