"""The tars of a dataset against what its tables and the configuration make.

Every shard that should be there is, and no other; tar and index have the bytes of their record;
sample by sample, the tar holds the image and the JSON that would be packed now, and the index says
where; so every rendering lies in exactly one tar. The card is what would be written now.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from manifests.config import Config
from manifests.done import read_done
from manifests.errors import SeagullError
from manifests.files import remove_file, sha256_of_file
from manifests.tables import read_records
from manifests.workspace import SPLITS
from pipeline.dataset.card import card_record, card_text, make_card, sharded_scenes
from pipeline.dataset.pack import PackTask, Plan, scene_at_hand, shard_files
from pipeline.dataset.samples import Dataset, IndexRow, samples_of
from pipeline.dataset.shards import Ready, find_ready, pack_task, plan_shards
from pipeline.dataset.verify_scene import Checked, guarded
from pipeline.intake.sources import Source
from pipeline.run.scatter import Start, scatter
from pipeline.store.scratch import Scratch
from pipeline.workers.worker import Outcome, Task, nearby


@dataclass
class DatasetChecked:
    """What was seen of a dataset's shards; `claimed` are the files that belong to it."""

    tally: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    claimed: list[str] = field(default_factory=list)


def check_dataset(dataset: Dataset, config: Config, start: Start | None) -> DatasetChecked:
    """Check the shards and the card of a dataset."""
    checked = DatasetChecked()
    try:
        ready = _ready(dataset, config)
    except SeagullError:  # no scene is ready: no shard should be there
        plans = []
    else:
        checked.problems += ready.damaged.values()
        plans = plan_shards(dataset, ready, config)
        checked.problems += guarded(_card(dataset, config), str(dataset.space.dataset_card))
    tasks = [pack_task(dataset, plan, config) for plan in plans]
    for outcome in scatter(tasks, check_shard, start):
        if isinstance(outcome, Checked):
            checked.tally.update(outcome.tally)
            checked.problems += outcome.problems
        else:
            checked.problems.append(f"{outcome.task.source.path}: {outcome.message}")
    wanted = {shard_files(dataset, plan)[2] for plan in plans}
    for record in _records(dataset):
        if record not in wanted:
            checked.problems += [*_bytes(record), f"{record}: no shard of these scenes"]
    checked.claimed += _claimed(dataset)
    return checked


def _records(dataset: Dataset) -> list[Path]:
    folders = [dataset.space.shards(split) for split in SPLITS]
    return [record for folder in folders for record in sorted(folder.glob("*.done.json"))]


def _claimed(dataset: Dataset) -> list[str]:
    """Every file of the shards that a record names, and the records."""
    files = [dataset.space.dataset_card, card_record(dataset)]
    for record in _records(dataset):
        done = read_done(record)
        files += [record, *(record.parent / name for name in (done.files if done else ()))]
    root = dataset.ledger_space.root
    return [path.relative_to(root).as_posix() for path in files]


def _ready(dataset: Dataset, config: Config) -> Ready:
    """Find what should be sharded: scenes whose RAW is gone too, where they were asked for."""
    without = find_ready(dataset, config, write=False)
    gone = {one.source.scene_id for one in without.missing}
    try:
        sharded = {key for split in SPLITS for key in sharded_scenes(dataset, split)}
    except (OSError, ValueError):  # a damaged index: check_shard names it
        sharded = set()
    return (
        find_ready(dataset, config, with_missing=True, write=False) if gone & sharded else without
    )


def check_shard(task: Task) -> Outcome:
    """Check the shard of a PackTask."""
    return nearby(task, _check, _fetch)


def _fetch(task: Task, here: Scratch) -> None:
    assert isinstance(task, PackTask)
    for path in shard_files(task.dataset, task.plan):
        here.fetch(path)


def _check(task: Task) -> Outcome:
    assert isinstance(task, PackTask)
    tally: Counter[str] = Counter()
    tar, _, _ = shard_files(task.dataset, task.plan)
    problems = guarded(_shard(task.dataset, task.plan, tally), str(tar))
    return Checked(task, None, tally=tally, problems=tuple(problems))


def _shard(dataset: Dataset, plan: Plan, tally: Counter[str]) -> Iterator[str]:
    tar, index, record = shard_files(dataset, plan)
    done, problems = read_done(record), list(_bytes(record))
    yield from problems
    if done is None or problems:
        return
    if done.fingerprint != plan.fingerprint or done.key != plan.name:
        yield f"{record}: not of these scenes and this configuration; run `seagull shards`"
    elif done.files.keys() != {tar.name, index.name}:
        yield f"{record}: names other files than its tar and index"
    else:
        tally["shards"] += 1
        yield from _samples(dataset, plan, tally)


def _bytes(record: Path) -> Iterator[str]:
    """Yield what is wrong with the files that a shard's record names."""
    done = read_done(record)
    if done is None:
        yield f"{record}: missing or damaged"
        return
    for name, sha256 in done.files.items():
        path = record.parent / name
        if not path.exists():
            yield f"{path}: missing"
        elif sha256_of_file(path) != sha256:
            yield f"{path}: not the bytes of its done record"


def _samples(dataset: Dataset, plan: Plan, tally: Counter[str]) -> Iterator[str]:
    tar, index, _ = shard_files(dataset, plan)
    rows = iter(read_records(index, IndexRow))
    with tarfile.open(tar) as archive:
        packed = _members(archive)
        for scene in plan.scenes:
            with scene_at_hand(dataset, scene.scene_id):
                for row, sample in samples_of(dataset, scene):
                    parts, offset = next(packed, ({}, 0))
                    if parts != sample:
                        yield f"{tar.name}: {row.rendering_id}: not the sample of the tables"
                    if next(rows, None) != replace(row, shard=tar.name, offset=offset):
                        yield f"{index.name}: {row.rendering_id}: not its row"
                    tally["samples"] += 1
        for parts, _ in packed:
            yield f"{tar.name}: {parts['__key__']}: one sample too many"
    for left in rows:
        yield f"{index.name}: {left.rendering_id}: one row too many"


def _members(archive: tarfile.TarFile) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the samples in the tar's order, as webdataset was given them, and their offsets."""
    sample: dict[str, Any] = {}
    offset = 0
    for member in archive:
        key, _, extension = member.name.partition(".")
        if sample and sample["__key__"] != key:
            yield sample, offset
            sample = {}
        file = archive.extractfile(member)
        sample |= {"__key__": key, extension: file.read() if file else b""}
        offset = offset if extension == "json" else member.offset_data
    if sample:
        yield sample, offset


def _card(dataset: Dataset, config: Config) -> Iterator[str]:
    path, record = dataset.space.dataset_card, card_record(dataset)
    done = read_done(record)
    if done is None or not path.exists():
        yield f"{path}: it, or its record, is missing or damaged; run `seagull shards`"
    elif sha256_of_file(path) != done.files.get(path.name):
        yield f"{path}: not the bytes of its done record"
    elif _said(path.read_text()) != _said(card_text(make_card(dataset, config))):
        yield f"{path}: not what these shards and this configuration say; run `seagull shards`"


def _said(text: str) -> dict[str, Any]:
    """What a card says but for `config`: settings of other stages may have changed since."""
    return {key: value for key, value in json.loads(text).items() if key != "config"}


@dataclass(frozen=True, kw_only=True)
class _Found(Outcome):
    wrong: str


def _rehash(task: Task) -> Outcome:
    return nearby(task, _reread, _fetch_recorded)


def _fetch_recorded(task: Task, here: Scratch) -> None:
    record = task.workspace.root / task.source.path
    here.fetch(record)
    done = read_done(record)
    for name in done.files if done else ():
        here.fetch(record.parent / name)


def _reread(task: Task) -> Outcome:
    record = task.workspace.root / task.source.path
    return _Found(task, None, wrong="; ".join(_bytes(record)))


def forget_damaged(
    datasets: Sequence[Dataset], config: Config, start: Start | None
) -> Iterator[str]:
    """Rehash all shards; the record of a damaged one is removed, so that it is written anew."""
    for dataset in datasets:
        space = dataset.ledger_space
        names = [path.relative_to(space.root).as_posix() for path in _records(dataset)]
        tasks = [Task("check", Source(name, "", 0, name), space, config, "") for name in names]
        for outcome in scatter(tasks, _rehash, start):
            if not isinstance(outcome, _Found):
                raise SeagullError(f"check: {outcome.message}")
            if outcome.wrong:
                remove_file(space.root / outcome.task.source.path)
                yield outcome.wrong
