"""Processes that make samples and keep scenes open. One that dies costs the task it had."""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import cast

from labelers.engine.label_engine import load_labelers
from labelers.engine.mask_models import load_mask_models
from manifests.config import Config
from manifests.errors import Reason, SceneError, SeagullError
from manifests.sample import Parts
from manifests.workspace import Workspace
from pipeline.endless.open_scene import Models, OpenScene, open_scene
from pipeline.intake.sources import Source
from pipeline.mixing.placed_recipes import Placed
from pipeline.run.failures import MAY_PASS
from pipeline.workers.child_process import Limits, memory_share
from pipeline.workers.local_executor import LocalExecutor
from pipeline.workers.worker import Outcome, Task, reasoned

STAGE = "endless"  # of the failures table


@dataclass(frozen=True, kw_only=True)
class SampleTask(Task):
    """Some samples of one scene; `kept` scenes at most stay open in a worker."""

    recipes: tuple[Placed, ...]
    kept: int


@dataclass(frozen=True, kw_only=True)
class Made(Outcome):
    """The samples, one a recipe."""

    parts: tuple[Parts, ...]


def make_samples(task: Task) -> Outcome:
    """Do a SampleTask, in a worker; every exception becomes a reason."""
    assert isinstance(task, SampleTask)
    try:
        models = _models(task.config)
    except SeagullError as error:
        return Outcome(task, None, "model", str(error), ends_run=True)
    return reasoned(task, lambda: Made(task, None, parts=_samples(task, models)))


# Of a worker process: it serves one configuration.
_MODELS: list[Models] = []
_OPEN: OrderedDict[str, OpenScene] = OrderedDict()


def _models(config: Config) -> Models:
    if not _MODELS:
        device = config.work.device
        masks = load_mask_models(config.masks, device)
        _MODELS.append(Models(masks, load_labelers(config.labels, device)))
    return _MODELS[0]


def _samples(task: SampleTask, models: Models) -> tuple[Parts, ...]:
    scene = _scene(task, models)
    try:
        return tuple(scene.samples(task.recipes))
    except BaseException:
        _OPEN.pop(task.source.scene_id).close()
        raise


def _scene(task: SampleTask, models: Models) -> OpenScene:
    """The scene, open; the one not asked for longest makes room."""
    key = task.source.scene_id
    if key not in _OPEN:
        while len(_OPEN) >= task.kept:
            _OPEN.popitem(last=False)[1].close()
        _OPEN[key] = open_scene(task.source, task.config, models)
    _OPEN.move_to_end(key)
    return _OPEN[key]


class SampleWorkers:
    """`count` processes, each with a queue of its own; `kept` scenes at most are open in each."""

    def __init__(self, count: int, kept: int, config: Config) -> None:
        self.config, self.kept, self.closing = config, kept, False
        work = config.work
        limits = Limits(work.timeout_s, work.memory_mb or memory_share(count), work.wait_s)
        self._executors = [LocalExecutor(1, limits, make_samples) for _ in range(count)]
        self._threads = [ThreadPoolExecutor(1) for _ in range(count)]
        self._waiting = [0] * count
        self._open: OrderedDict[str, int] = OrderedDict()  # scene_id -> the worker that has it
        self._lock = Lock()

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self._executors)

    def make(self, source: Source, recipes: Sequence[Placed]) -> Future[tuple[Parts, ...]]:
        """Begin samples of a scene, one a recipe.

        The future raises SceneError where the scene fails, SeagullError where none would come
        about.
        """
        config = self.config
        nowhere = Workspace(Path())  # nothing is written
        task = SampleTask(
            STAGE, source, nowhere, config, "", recipes=tuple(recipes), kept=self.kept
        )
        with self._lock:
            worker = self._worker(source.scene_id)
            self._waiting[worker] += 1
        future = self._threads[worker].submit(self._run, self._executors[worker], task)
        future.add_done_callback(lambda _: self._ended(worker))
        return future

    def _worker(self, key: str) -> int:
        """The worker that has the scene open, else the one that has least to do."""
        if key not in self._open:
            self._open[key] = min(range(self.count), key=self._waiting.__getitem__)
        self._open.move_to_end(key)
        while len(self._open) > self.kept * self.count:
            self._open.popitem(last=False)
        return self._open[key]

    def _ended(self, worker: int) -> None:
        with self._lock:
            self._waiting[worker] -= 1

    def _run(self, executor: LocalExecutor, task: SampleTask) -> tuple[Parts, ...]:
        for _ in range(self.config.work.attempts):
            executor.submit("", task)
            outcome = executor.next_outcome()
            if isinstance(outcome, Made):
                return outcome.parts
            if outcome.ends_run or self.closing:
                raise SeagullError(f"{STAGE}: {outcome.message}")
            if outcome.reason not in MAY_PASS:
                break
        raise SceneError(cast(Reason, outcome.reason), outcome.message)

    def close(self) -> None:
        """Stop the processes, whatever they are doing."""
        self.closing = True
        for pool in self._threads:
            pool.shutdown(wait=False, cancel_futures=True)
        for executor in self._executors:
            for busy in list(executor.busy):
                busy.process.kill()
        for pool, executor in zip(self._threads, self._executors, strict=True):
            pool.shutdown()
            executor.close()
