"""Every file of a scene's records read again: what was changed since is found, and by stage.

A record of an older version, without sizes, is written anew when all it names is whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from manifests.config import Config
from manifests.done import Done, describe, read_done
from manifests.errors import MachineError, SceneError, SeagullError
from manifests.files import sha256_of_file
from manifests.process.progress import progress
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.scatter import Start, scatter
from pipeline.stages.all_stages import STAGES
from pipeline.workers.worker import Outcome, Task, fetch_scene, nearby


@dataclass(frozen=True, kw_only=True)
class Rehashed(Outcome):
    """The stages whose output is damaged, with what is wrong, one each."""

    damaged: tuple[tuple[str, str], ...] = ()


def find_damage(
    workspace: Workspace, sources: Sequence[Source], config: Config, start: Start | None
) -> dict[tuple[str, str], str]:
    """Rehash all that the records of `sources` name; what is wrong by (stage, scene_id).

    Raises:
        MachineError: a record of an older version cannot be written anew.
    """
    tasks = [Task("check", source, workspace, config, "") for source in sources]
    damage: dict[tuple[str, str], str] = {}
    with progress(len(tasks), "check", "scenes") as bar:
        for outcome in scatter(tasks, rehash, start):
            if outcome.ends_run or not isinstance(outcome, Rehashed):
                raise SeagullError(f"check: {outcome.message}")
            key = outcome.task.source.scene_id
            damage |= {(stage, key): what for stage, what in outcome.damaged}
            bar.update()
    return damage


def rehash(task: Task) -> Outcome:
    """Rehash one scene."""
    return nearby(task, _rehash, fetch_scene)


def _rehash(task: Task) -> Outcome:
    try:
        return Rehashed(task, None, damaged=tuple(_damaged(task.workspace, task.source.scene_id)))
    except MachineError as error:
        return Outcome(task, None, "machine", str(error), ends_run=True)


def _damaged(workspace: Workspace, key: str) -> Iterator[tuple[str, str]]:
    for stage in STAGES:
        path = workspace.done(stage.name, key)
        done = read_done(path)
        if done is None:
            if path.exists():
                yield stage.name, f"done/{stage.name}/{key}.json is damaged"
            continue
        wrong = first_wrong(workspace, done)
        if wrong:
            yield stage.name, wrong
        elif not done.sizes:
            _completed(workspace, done).write(path)


def first_wrong(workspace: Workspace, done: Done) -> str:
    """Name the first file that is not what the record says; empty when all are."""
    for name, sha256 in done.files.items():
        try:
            if sha256_of_file(workspace.file(name)) != sha256:
                return f"{name} is not what was recorded of it"
        except OSError as error:
            return f"{name}: {error.strerror}"
        except SceneError as error:
            return error.message
    return ""


def _completed(workspace: Workspace, done: Done) -> Done:
    files = [workspace.file(name) for name in done.files]
    row = workspace.table_file("scenes", done.key)
    if done.stage == "render" and row not in files and row.exists():
        files.insert(0, row)
    fresh = describe(done.stage, done.key, done.fingerprint, workspace.root, files)
    return replace(fresh, counts=done.counts)
