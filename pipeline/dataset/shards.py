"""WebDataset tars and their Parquet index: whole scenes, split by scene, the same bytes each time.

A shard is written under a temporary name with its index beside it, and its done record last. What
is stale or no longer wanted is removed. What a sample holds is said in samples.py.

Scenes go into a split's shards in scene_id order; a shard closes before the scene that would make
it larger than `shards.megabytes`.
"""

import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import webdataset

from manifests.config import Config
from manifests.done import Done, fingerprint, read_done
from manifests.errors import SeagullError
from manifests.files import TEMPORARY_PREFIX, atomic_file, sha256_of_file
from manifests.progress import progress
from manifests.records import Rendering, Roi, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import SPLITS, Workspace
from pipeline.dataset.samples import Dataset, IndexRow, samples_of
from pipeline.intake.sources import known_sources, split_of
from pipeline.run.ledger import Ledger

VERSION = 2


@dataclass(frozen=True)
class Plan:
    """One shard to be: its name within the split and its scenes."""

    split: str
    name: str
    scenes: tuple[Scene, ...]
    fingerprint: str


@dataclass(frozen=True)
class Sharded:
    """What came of it: shards written and kept, samples by split, scenes left out."""

    written: int
    kept: int
    samples: Mapping[str, int]
    left_out: int


def write_shards(dataset: Dataset, config: Config) -> Sharded:
    """Bring the dataset's shards up to date with its tables.

    Raises:
        SeagullError: no scene is ready to be sharded.
    """
    scenes, dones, left_out = _ready(dataset, config)
    plans = list(_plan(dataset, scenes, dones, config))
    stale = [plan for plan in plans if not _is_done(dataset, plan)]
    if stale:
        with progress(len(stale), f"shards {dataset.name}", "shards") as bar:
            for plan in stale:
                _write_shard(dataset, plan)
                bar.update()
    _remove_others(dataset, plans)
    samples = {split: _samples(dataset, plans, split) for split in SPLITS}
    return Sharded(len(stale), len(plans) - len(stale), samples, left_out)


def _ready(dataset: Dataset, config: Config) -> tuple[list[Scene], dict[str, Done], int]:
    ledger = Ledger(dataset.ledger_space, config, [dataset.stage])
    dones: dict[str, Done] = {}
    sources = known_sources(dataset.ledger_space)
    for source in sources:
        state = ledger.states(source)[dataset.stage]
        if state.done:
            dones[source.scene_id] = state.done
    if not dones:
        raise SeagullError(
            f"{dataset.space.root} has no scene whose {dataset.stage} are done with this"
            f" configuration; run `seagull {'build' if dataset.stage == 'labels' else 'study'}`"
        )
    scenes = [_scene(dataset.space, key, config) for key in sorted(dones)]
    return scenes, dones, len(sources) - len(dones)


def _scene(space: Workspace, key: str, config: Config) -> Scene:
    """Return the scene's row, with the split that the configuration now gives."""
    path = space.table_file("scenes", key)
    (scene,) = read_records(path, Scene)
    split = split_of(scene.sha256, config.shards)
    if scene.split != split:
        scene = replace(scene, split=split)
        write_records(path, [scene], Scene)
    return scene


def _plan(
    dataset: Dataset, scenes: Sequence[Scene], dones: Mapping[str, Done], config: Config
) -> Iterator[Plan]:
    for split in SPLITS:
        mine = [scene for scene in scenes if scene.split == split]
        for number, group in enumerate(_fill(dataset, mine, config.shards.megabytes * 10**6)):
            made = [dones[scene.scene_id].fingerprint for scene in group]
            yield Plan(
                split,
                f"{dataset.name}-{split}-{number:06d}",
                tuple(group),
                fingerprint(version=VERSION, scenes=[s.scene_id for s in group], made=made),
            )


def _fill(dataset: Dataset, scenes: Iterable[Scene], limit: int) -> Iterator[list[Scene]]:
    group: list[Scene] = []
    filled = 0
    for scene in scenes:
        rows = read_records(dataset.space.table_file("renderings", scene.scene_id), Rendering)
        size = sum(row.bytes for row in rows)
        if group and filled + size > limit:
            yield group
            group, filled = [], 0
        group.append(scene)
        filled += size
    if group:
        yield group


def _paths(dataset: Dataset, plan: Plan) -> tuple[Path, Path, Path]:
    folder = dataset.space.shards(plan.split)
    return tuple(folder / f"{plan.name}.{end}" for end in ("tar", "parquet", "done.json"))  # type: ignore[return-value]


def _is_done(dataset: Dataset, plan: Plan) -> bool:
    tar, index, record = _paths(dataset, plan)
    done = read_done(record)
    return bool(done and done.fingerprint == plan.fingerprint and tar.exists() and index.exists())


def _write_shard(dataset: Dataset, plan: Plan) -> None:
    tar, index, record = _paths(dataset, plan)
    record.unlink(missing_ok=True)
    rows: list[IndexRow] = []
    with atomic_file(tar) as file:
        # mtime 0: the bytes depend on the samples alone.
        writer = webdataset.TarWriter(file, mtime=0, encoder=False)
        for scene in plan.scenes:
            for row, sample in samples_of(dataset, scene):
                writer.write(sample)
                rows.append(row)
        writer.close()
    write_records(index, _located(rows, tar), IndexRow)
    files = {path.name: sha256_of_file(path) for path in (tar, index)}
    counts = {
        "scenes": len(plan.scenes),
        "samples": len(rows),
        "rois": sum(_rois(dataset, scene) for scene in plan.scenes),
        "labels": sum(row.labels for row in rows),
    }
    Done("shards", plan.name, plan.fingerprint, files, counts).write(record)


def _located(rows: Sequence[IndexRow], tar: Path) -> list[IndexRow]:
    """Fill in where each row's image lies, read back from the finished tar."""
    with tarfile.open(tar) as archive:
        images = [m for m in archive.getmembers() if not m.name.endswith(".json")]
    offsets = {member.name.rpartition(".")[0]: member.offset_data for member in images}
    return [replace(row, shard=tar.name, offset=offsets[row.rendering_id]) for row in rows]


def _rois(dataset: Dataset, scene: Scene) -> int:
    return len(read_records(dataset.space.table_file("rois", scene.scene_id), Roi))


def _remove_others(dataset: Dataset, plans: Sequence[Plan]) -> None:
    wanted = {path for plan in plans for path in _paths(dataset, plan)}
    for split in SPLITS:
        for path in dataset.space.shards(split).glob("*"):
            if path not in wanted or path.name.startswith(TEMPORARY_PREFIX):
                path.unlink()


def _samples(dataset: Dataset, plans: Sequence[Plan], split: str) -> int:
    records = [read_done(_paths(dataset, plan)[2]) for plan in plans if plan.split == split]
    return sum(done.counts["samples"] for done in records if done)
