"""Which scene does what next: the DAG of stages over scenes, driven from one process.

A scene goes on to its next stage as soon as what that stage comes after is done, later stages
first, so that scenes are finished before new ones are begun. What is done with the same fingerprint
is not done again; what failed with the same fingerprint is not tried again (`seagull retry` does).
"""

import heapq
import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from tqdm import tqdm

from manifests.config import Config
from manifests.errors import SeagullError
from manifests.files import TEMPORARY_PREFIX, remove_file, sweep_temporary
from manifests.process.progress import progress
from manifests.records import Failure
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.events import EventLog
from pipeline.run.failures import MAY_PASS, forget_failure, mend_failures, write_failure
from pipeline.run.ledger import Ledger
from pipeline.run.pulling import adopt
from pipeline.stages.all_stages import stage_by_name
from pipeline.workers.executors import Executor
from pipeline.workers.worker import Outcome, Task


@dataclass
class Tally:
    """What a run came to, scenes by stage."""

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def failures(self) -> int:
        """Scenes that failed, in this run or before it."""
        return self.failed.total()


class Flow:
    """One run of some stages over some scenes."""

    def __init__(
        self,
        sources: Sequence[Source],
        names: Sequence[str],
        workspace: Workspace,
        config: Config,
        retry: bool = False,
        damaged: Collection[tuple[str, str]] = (),
    ) -> None:
        self.sources = {source.scene_id: source for source in sources}
        self.names, self.workspace, self.config = tuple(names), workspace, config
        self.ledger = Ledger(workspace, config, names, retry, damaged)
        self.tally = Tally()
        self.queues: dict[str, list[tuple[int, str, Task]]] = {"cpu": [], "gpu": []}
        self.counted: set[tuple[str, str]] = set()
        self.events = EventLog(workspace)

    def run(self, start: Callable[[], Executor]) -> Tally:
        """Do all that is not done; `start` makes the executor when there is anything to do.

        Raises:
            SeagullError: a stage's models cannot be loaded, or what comes before is not done.
        """
        for source in self.sources.values():
            self._advance(source)
        self._check_upstream()
        if not any(self.queues.values()):
            return self.tally
        total = len(self.sources) * len(self.names)
        settled = self.tally.kept.total() + self.tally.failed.total()
        with progress(total - settled, "+".join(self.names), "scene-stages") as bar:
            executor = start()
            try:
                self._drain(executor, bar)
            finally:
                executor.close()
                self.events.close()
        return self.tally

    def _advance(self, source: Source) -> None:
        """Queue what the scene is newly ready for; count what stands already."""
        for name, state in self.ledger.states(source).items():
            if name not in self.names or (name, source.scene_id) in self.counted:
                continue
            if state.status == "ready":
                self._queue(Task(name, source, self.workspace, self.config, state.fingerprint))
            elif state.status == "done" and state.done:
                self.tally.kept[name] += 1
                self.tally.counts.update(state.done.counts)
            elif state.status == "failed":
                self.tally.failed[name] += 1
            if state.status != "waiting":
                self.counted.add((name, source.scene_id))

    def _queue(self, task: Task) -> None:
        gpu = self.config.work.gpus > 0 and stage_by_name(task.stage).on_gpu
        later_first = -self.names.index(task.stage)
        entry = (later_first, task.source.scene_id, task)
        heapq.heappush(self.queues["gpu" if gpu else "cpu"], entry)

    def _check_upstream(self) -> None:
        """Asked for a stage alone: what it comes after must be done, or have failed, before it."""
        if all(stage.name in self.names for stage in self.ledger.stages):
            return  # nothing comes before: the records need not be read a second time
        for key, source in self.sources.items():
            states = self.ledger.states(source)
            undone = [n for n, s in states.items() if n not in self.names and s.status == "ready"]
            if undone and any(states[name].status == "waiting" for name in self.names):
                raise SeagullError(
                    f"{self.names[0]}: scene {key} has no {undone[0]} of this configuration;"
                    f" run `seagull {undone[0]}` with the same --config and --set first"
                )

    def _drain(self, executor: Executor, bar: tqdm) -> None:
        running = 0
        while running or any(self.queues.values()):
            for pool, queue in self.queues.items():
                while queue and executor.free(pool) > 0:
                    executor.submit(pool, heapq.heappop(queue)[2])
                    running += 1
            outcome = executor.next_outcome()
            if outcome:
                running -= 1
                self._settle(outcome, bar)

    def _settle(self, outcome: Outcome, bar: tqdm) -> None:
        task = outcome.task
        self.events.write(outcome)
        if outcome.ends_run:
            raise SeagullError(f"{task.stage}: {outcome.message}")
        if outcome.done:
            key, space = task.source.scene_id, self.workspace
            adopt(space, outcome.done, space.done(task.stage, key), space.root)
            self.tally.made[task.stage] += 1
            self.tally.counts.update(outcome.done.counts)
            self.ledger.made(task.stage, key)
            forget_failure(self.workspace, task.stage, key)
            self._advance(task.source)
        elif outcome.reason in MAY_PASS and task.attempt < self.config.work.attempts:
            self._queue(replace(task, attempt=task.attempt + 1))
            return
        else:
            self._fail(outcome, bar)
        bar.update()
        bar.set_postfix_str(self._standing(), refresh=False)

    def _fail(self, outcome: Outcome, bar: tqdm) -> None:
        task = outcome.task
        self.tally.failed[task.stage] += 1
        # Stages that would have followed will not run: they leave the count of what is to do.
        later = self.names[self.names.index(task.stage) + 1 :]
        bar.total = (bar.total or 0) - len(later)
        row = Failure(
            stage=task.stage,
            key=task.source.scene_id,
            reason=outcome.reason,
            message=outcome.message,
            attempts=task.attempt,
            fingerprint=task.fingerprint,
        )
        write_failure(self.workspace, row)
        bar.write(f"failed {task.stage} {row.key}: {row.reason}: {row.message}", file=sys.stderr)

    def _standing(self) -> str:
        parts = [f"{name} {self.tally.made[name]}" for name in self.names]
        return ", ".join([*parts, f"{self.tally.failures} failed"])


def tidy(workspace: Workspace) -> None:
    """Put away what a killed run left: files under temporary names, failures half written.

    Only for who holds the workspace's lock. Trained networks and the report have writers of their
    own and are left alone.
    """
    for path in workspace.root.iterdir():
        if path.is_file() and path.name.startswith(TEMPORARY_PREFIX):
            remove_file(path)
        elif path not in (workspace.models, workspace.report):
            sweep_temporary(path)
    mend_failures(workspace)
