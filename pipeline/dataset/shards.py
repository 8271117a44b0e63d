"""WebDataset tars and their Parquet index: whole scenes, split by scene, the same bytes each time.

A shard is written under a temporary name with its index beside it, and its done record last. What
is stale or no longer wanted is removed. What a sample holds is said in samples.py, how a tar is
written in pack.py.

Scenes go into a split's shards in scene_id order; a shard closes before the scene that would make
it larger than `shards.megabytes`. Scenes whose RAW is gone are left out unless asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from manifests.config import Config
from manifests.done import Done, fingerprint, read_done
from manifests.errors import SceneError, SeagullError
from manifests.files import TEMPORARY_PREFIX, remove_file
from manifests.process.progress import progress
from manifests.records import Rendering, Scene
from manifests.tables import read_records
from manifests.workspace import SPLITS
from pipeline.dataset.card import card_record
from pipeline.dataset.pack import PackTask, Plan, Refused, pack, shard_files
from pipeline.dataset.samples import Dataset
from pipeline.dataset.scene_rows import Row, current_row, read_row, read_rows
from pipeline.intake.missing import Missing, locate
from pipeline.intake.sources import Source
from pipeline.run.ledger import Ledger, State
from pipeline.run.pulling import adopt, bring_tables
from pipeline.run.scatter import Start, scatter

VERSION = 3  # 3: a sample's JSON holds no null


@dataclass(frozen=True)
class Sharded:
    """What came of it.

    Attributes:
        written: shards written.
        kept: shards that were there.
        samples: by split.
        left_out: scenes that are not labelled.
        missing: scenes left out because their RAW is gone.
        damaged: by scene_id, what is wrong with a scene that could not be packed.
    """

    written: int
    kept: int
    samples: Mapping[str, int]
    left_out: int
    missing: Sequence[Missing] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """The scenes that can be sharded, in scene_id order, and those that cannot."""

    scenes: Sequence[Scene]
    made: Mapping[str, str]  # fingerprint of the last stage, by scene_id
    sizes: Mapping[str, int]  # bytes of a scene's images
    left_out: int
    missing: Sequence[Missing]
    damaged: Mapping[str, str]


def write_shards(
    dataset: Dataset, config: Config, start: Start | None = None, with_missing: bool = False
) -> Sharded:
    """Bring the dataset's shards up to date with its tables.

    Args:
        dataset: what to shard.
        config: size of shards, shares of splits, and what the scenes must be made with.
        start: makes the executor that writes them; None: this process does.
        with_missing: whether scenes whose RAW is gone go in too.

    Raises:
        SeagullError: no scene is ready to be sharded.
        MachineError: they cannot be written.
    """
    ready = find_ready(dataset, config, with_missing)
    if ready.damaged:  # a scene less would move others to other shards
        return Sharded(0, 0, {}, ready.left_out, ready.missing, ready.damaged)
    plans = plan_shards(dataset, ready, config)
    stale = [plan for plan in plans if not is_done(dataset, plan)]
    damaged = _write(dataset, stale, config, start) if stale else {}
    _remove_others(dataset, plans)
    samples = {split: _samples(dataset, plans, split) for split in SPLITS}
    kept, left_out = len(plans) - len(stale), ready.left_out
    return Sharded(len(stale), kept, samples, left_out, ready.missing, damaged)


def _write(
    dataset: Dataset, plans: Sequence[Plan], config: Config, start: Start | None
) -> dict[str, str]:
    damaged: dict[str, str] = {}
    tasks = [pack_task(dataset, plan, config) for plan in plans]
    plans_by_name = {plan.name: plan for plan in plans}
    with progress(len(plans), f"shards {dataset.name}", "shards") as bar:
        for outcome in scatter(tasks, pack, start):
            if outcome.ends_run:
                raise SeagullError(f"shards: {outcome.message}")
            if isinstance(outcome, Refused):
                damaged[outcome.scene_id] = outcome.message
            elif not outcome.done:
                raise SeagullError(f"shards: {outcome.reason}: {outcome.message}")
            else:
                record = shard_files(dataset, plans_by_name[outcome.done.key])[2]
                adopt(dataset.ledger_space, outcome.done, record, record.parent)
            bar.update()
    return damaged


def pack_task(dataset: Dataset, plan: Plan, config: Config) -> PackTask:
    """Return the task that writes, or checks, a shard."""
    tar, _, _ = shard_files(dataset, plan)
    source = Source(str(tar), plan.fingerprint, 0, plan.name)
    return PackTask(
        "shards",
        source,
        dataset.ledger_space,
        config,
        plan.fingerprint,
        dataset=dataset,
        plan=plan,
    )


def find_ready(
    dataset: Dataset, config: Config, with_missing: bool = False, write: bool = True
) -> Ready:
    """Find the scenes that can be sharded; raises SeagullError when there is none.

    Where `write` allows it, rows of scenes whose split or path is no longer right are mended.
    """
    bring_tables(dataset.ledger_space)
    rows, damaged = read_rows(dataset.ledger_space)
    sources = [row.source for row in rows.values()]
    own = dataset.of_photographs  # photographs in the study's own folder: no RAW to look for
    there, missing = (sources, []) if own else locate(sources, dataset.ledger_space)
    paths = {source.scene_id: source.path for source in there}
    ledger = Ledger(dataset.ledger_space, config, [dataset.stage])
    scenes: list[Scene] = []
    made: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for source in sources if with_missing else there:
        key = source.scene_id
        states = {} if own else ledger.states(source)
        done = None if not own and states[dataset.stage].done is None else _last(dataset, key)
        if done is None:
            continue
        try:
            scenes.append(_row(dataset, rows[key], config, paths.get(key), write))
        except SceneError as error:
            damaged[key] = error.message
            continue
        made[key], sizes[key] = done.fingerprint, _image_bytes(dataset, key, states)
    left_out = () if with_missing else missing
    if not made and not damaged:
        raise SeagullError(_nothing(dataset, left_out))
    unlabelled = len(sources) - len(made) - len(left_out) - len(damaged.keys() & rows.keys())
    return Ready(scenes, made, sizes, unlabelled, left_out, damaged)


def _last(dataset: Dataset, key: str) -> Done | None:
    """The record of what a scene's samples are made of: labels, or what an export wrote."""
    stage = "export" if dataset.stage == "study" else dataset.stage
    done = read_done(dataset.ledger_space.done(stage, key))
    return None if done and stage == "export" and not done.counts["estimates"] else done


def _nothing(dataset: Dataset, missing: Sequence[Missing]) -> str:
    if missing:
        return (
            f"the RAW files of all {len(missing)} scenes are gone, such as {missing[0]}; bring them"
            " back, name their folder with --raw, or shard all the same by --with-missing"
        )
    if dataset.of_photographs:
        return f"{dataset.space.root} has no rated ROI yet; run `seagull study export`"
    command = "build" if dataset.stage == "labels" else "study --simulate"
    return (
        f"{dataset.space.root} has no scene whose {dataset.stage} are done with this"
        f" configuration; run `seagull {command}`"
    )


def _row(dataset: Dataset, row: Row, config: Config, raw: str | None, write: bool) -> Scene:
    ledger_space, key = dataset.ledger_space, row.scene.scene_id
    if dataset.stage != "study":
        return current_row(dataset.space, ledger_space, "render", row, config, raw, write)
    copy, maker = read_row(dataset.space, key), "intake" if dataset.of_photographs else "study"
    return current_row(dataset.space, ledger_space, maker, copy, config, raw, write)


def _image_bytes(dataset: Dataset, key: str, states: Mapping[str, State]) -> int:
    folder = dataset.space.renderings(key).relative_to(dataset.ledger_space.root).as_posix()
    dones = [state.done for state in states.values() if state.done]
    sizes = [n for done in dones for f, n in done.sizes.items() if f.startswith(f"{folder}/")]
    if sizes:
        return sum(sizes)
    rows = read_records(dataset.space.table_file("renderings", key), Rendering)
    return sum(row.bytes for row in rows)  # records of older versions hold no sizes


def plan_shards(dataset: Dataset, ready: Ready, config: Config) -> list[Plan]:
    """Say which scenes lie in which shard."""
    plans = []
    for split in SPLITS:
        mine = [scene for scene in ready.scenes if scene.split == split]
        groups = _fill(mine, ready.sizes, config.shards.megabytes * 10**6)
        for number, group in enumerate(groups):
            keys = [scene.scene_id for scene in group]
            made = [ready.made[key] for key in keys]
            name = f"{dataset.name}-{split}-{number:06d}"
            identity = fingerprint(version=VERSION, scenes=keys, made=made)
            plans.append(Plan(split, name, tuple(group), identity))
    return plans


def _fill(scenes: Iterable[Scene], sizes: Mapping[str, int], limit: int) -> Iterator[list[Scene]]:
    group: list[Scene] = []
    filled = 0
    for scene in scenes:
        size = sizes[scene.scene_id]
        if group and filled + size > limit:
            yield group
            group, filled = [], 0
        group.append(scene)
        filled += size
    if group:
        yield group


def is_done(dataset: Dataset, plan: Plan) -> bool:
    """Say whether the shard is there with the sizes its record says, made of what it should be."""
    done = _done(dataset, plan)
    folder = dataset.space.shards(plan.split)
    return bool(done and done.fingerprint == plan.fingerprint and done.first_change(folder) is None)


def _done(dataset: Dataset, plan: Plan) -> Done | None:
    return read_done(shard_files(dataset, plan)[2])


def _remove_others(dataset: Dataset, plans: Sequence[Plan]) -> None:
    wanted = {path for plan in plans for path in shard_files(dataset, plan)}
    for split in SPLITS:
        for path in dataset.space.shards(split).glob("*"):
            if path not in wanted and _is_ours(path, dataset):
                remove_file(path)


def remove_shards(dataset: Dataset) -> None:
    """Remove all shards and the card: no scene is left."""
    _remove_others(dataset, [])
    remove_file(card_record(dataset))
    remove_file(dataset.space.dataset_card)


def _is_ours(path: Path, dataset: Dataset) -> bool:
    """A shard's file; what somebody else put there is named by `verify`, not removed."""
    ends = (".tar", ".parquet", ".done.json")
    shard = path.name.startswith(f"{dataset.name}-") and path.name.endswith(ends)
    return shard or path.name.startswith(TEMPORARY_PREFIX)


def _samples(dataset: Dataset, plans: Sequence[Plan], split: str) -> int:
    records = [_done(dataset, plan) for plan in plans if plan.split == split]
    return sum(done.counts["samples"] for done in records if done)
