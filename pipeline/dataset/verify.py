"""Re-opens everything in a workspace and compares it with what should be there, both ways.

Every file is named by a record and has the sha256 that it says, or is named as belonging to
nothing; every record is of this configuration, or a failure says why there is none; tables, images
and masks hold together (verify_scene.py); every rendering lies in one tar, and tars, indices and
cards are what the tables and the configuration make (verify_shards.py). What is not checked:
whether the scores are right, and files beside the dataset (trained networks, the report) that
have no record; those are listed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from manifests.config import Config
from manifests.done import Done, read_done
from manifests.errors import SeagullError
from manifests.process.progress import progress
from manifests.workspace import Workspace
from pipeline.dataset.samples import is_study, seagull_3k, seagull_100w
from pipeline.dataset.scene_rows import read_rows
from pipeline.dataset.verify_files import all_files, is_beside, record_problems
from pipeline.dataset.verify_scene import Checked, check_scene, guarded
from pipeline.dataset.verify_shards import check_dataset
from pipeline.dataset.verify_study import PRIVATE, check_whole
from pipeline.intake.memory_of_sources import memory_file, read_memory
from pipeline.intake.sources import Source
from pipeline.run.ledger import Ledger
from pipeline.run.lock import HOLDER, LOCK
from pipeline.run.pulling import names_apart
from pipeline.run.scatter import Start, scatter
from pipeline.stages.all_stages import BUILD, STAGES
from pipeline.workers.worker import Task


class Verified(NamedTuple):
    """Counts of what was checked; problems, each naming its file or key; files beside it all."""

    tally: Counter[str]
    problems: list[str]
    unrecorded: list[str]


@dataclass
class _Walk:
    """What is still to be claimed by a record, and what was found so far."""

    workspace: Workspace
    config: Config
    start: Start | None
    unclaimed: set[str]
    tally: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def verify(workspace: Workspace, config: Config, start: Start | None = None) -> Verified:
    """Check everything; `start` makes the executor that does it (None: this process does).

    Raises:
        SeagullError: there is nothing to verify.
    """
    there = {*all_files(workspace.root), *names_apart(workspace)} - {LOCK, HOLDER}
    walk = _Walk(workspace, config, start, there)
    records = _claim_records(walk)
    rows, damaged = read_rows(workspace)
    if not (rows or damaged or records):
        raise SeagullError(f"{workspace.root} holds no scene; nothing to verify")
    walk.problems += damaged.values()
    sources = [row.source for row in rows.values()]
    if is_study(workspace):  # its photographs are no RAW files, and no stage made them
        walk.problems += guarded(check_whole(workspace), "study")
        walk.unclaimed -= {name for name in walk.unclaimed if name.startswith(PRIVATE)}
    else:
        _check_memory(walk)
        _check_states(walk, sources)
    keys = {done.key for done in records if done.stage in {stage.name for stage in STAGES}}
    others = [Source("", "", 0, key) for key in sorted(keys - rows.keys())]
    _check_scenes(walk, [*sources, *others])
    _check_shards(walk)
    beside = sorted(name for name in walk.unclaimed if is_beside(name))
    strangers = sorted(walk.unclaimed - set(beside))
    walk.problems += [f"{name}: belongs to no record" for name in strangers]
    return Verified(walk.tally, walk.problems, beside)


def _claim_records(walk: _Walk) -> list[Done]:
    """Read every record below done/ and models/; what it names is claimed."""
    root = walk.workspace.root
    dones = sorted((root / "done").glob("*/*.json")) + sorted(
        walk.workspace.models.glob("*/*.json")
    )
    records = []
    for path in dones:
        name, done = path.relative_to(root).as_posix(), read_done(path)
        if done is None and name.startswith("models/"):
            continue  # the network's own files
        walk.unclaimed.discard(name)
        if done is None or (
            name.startswith("done/") and path != walk.workspace.done(done.stage, done.key)
        ):
            walk.problems.append(f"{name}: a damaged record, or another's")
            continue
        records.append(done)
        walk.unclaimed.difference_update(done.files)  # `-= keys()` would copy the whole set
        if done.stage not in {stage.name for stage in STAGES}:
            walk.problems += record_problems(root, done, name)
    return records


def _check_memory(walk: _Walk) -> None:
    """The hashes of RAW files: one of a damaged or lost memory is read again at the next build."""
    path = memory_file(walk.workspace)
    name = path.relative_to(walk.workspace.root).as_posix()
    walk.unclaimed.discard(name)
    if not read_memory(walk.workspace):
        walk.problems.append(f"{name}: missing or damaged; a build with --raw writes it anew")


def _check_states(walk: _Walk, sources: Sequence[Source]) -> None:
    """Every scene is done with this configuration, or a failure says why not."""
    names = [stage.name for stage in STAGES]
    ledger = Ledger(walk.workspace, walk.config, names)
    for source in sources:
        failed = False
        for name, state in ledger.states(source).items():
            there = walk.workspace.done(name, source.scene_id).exists()
            failed = failed or state.status == "failed"
            walk.tally["failed"] += state.status == "failed"
            if state.status == "ready" and there:
                walk.problems.append(
                    f"{source.scene_id}: {name} is not what this configuration makes, or not whole"
                )
            elif not there and name in BUILD and not failed:
                walk.problems.append(f"{source.scene_id}: {name} is not done")
    if not walk.tally["failed"]:
        del walk.tally["failed"]


def _check_scenes(walk: _Walk, sources: Sequence[Source]) -> None:
    tasks = [Task("verify", source, walk.workspace, walk.config, "") for source in sources]
    with progress(len(tasks), "verify", "scenes") as bar:
        for outcome in scatter(tasks, check_scene, walk.start):
            if isinstance(outcome, Checked):
                walk.tally.update(outcome.tally)
                walk.problems += outcome.problems
            else:
                walk.problems.append(f"{outcome.task.source.scene_id}: {outcome.message}")
            bar.update()


def _check_shards(walk: _Walk) -> None:
    datasets = [] if is_study(walk.workspace) else [seagull_100w(walk.workspace)]
    if walk.workspace.study.is_dir() or is_study(walk.workspace):
        datasets.append(seagull_3k(walk.workspace))
    for dataset in datasets:
        checked = check_dataset(dataset, walk.config, walk.start)
        walk.tally.update(checked.tally)
        walk.problems += checked.problems
        walk.unclaimed -= set(checked.claimed)
