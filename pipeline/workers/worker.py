"""One stage of one scene, in a worker process.

Whatever goes wrong inside comes back as an `Outcome` with a reason; only the death of the process
or its time limit is the executor's to notice. Models load once a process and stage.
"""

import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from manifests.config import Config
from manifests.done import Done, fingerprint
from manifests.errors import MachineError, SceneError, SeagullError
from manifests.files import remove_file
from manifests.process.memory import keep_freed_memory
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.store.scratch import Scratch, scratch

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do. Plain values: it travels between processes."""

    stage: str
    source: Source
    workspace: Workspace
    config: Config
    fingerprint: str
    attempt: int = 1

    def moved(self, workspace: Workspace, raw: Path | None) -> Self:
        """Return the same task, of files that lie elsewhere now."""
        return replace(self, workspace=workspace, source=replace(self.source, fetched=raw))


@dataclass(frozen=True)
class Spent:
    """What a task took of a worker (host:pid); `cpu_seconds` is of its process."""

    seconds: float
    cpu_seconds: float
    worker: str


@dataclass(frozen=True)
class Outcome:
    """What came of a task: `done`, or a reason of `errors.REASONS` and a message.

    `ends_run`: no scene would come about, because the stage's models cannot be loaded (`model`) or
    the machine refuses (`machine`); it is held against no scene.
    """

    task: Task
    done: Done | None
    reason: str = ""
    message: str = ""
    ends_run: bool = False
    spent: Spent | None = None  # None: the worker did not live to tell


def lost(task: Task, reason: str, why: str) -> Outcome:
    """The outcome of a task whose worker did not live to tell it."""
    return Outcome(task, None, reason, f"{task.source.path}: {why}")


def run_task(task: Task) -> Outcome:
    """Do the task; every exception becomes a reason."""
    began, cpu_began = time.perf_counter(), time.process_time()
    outcome = nearby(task, _outcome, _fetch, _opens_raw(task))
    seconds = round(time.perf_counter() - began, 4)
    cpu_seconds = round(time.process_time() - cpu_began, 4)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return replace(outcome, spent=Spent(seconds, cpu_seconds, worker))


def nearby(
    task: Task,
    work: Callable[[Task], Outcome],
    fetch: Callable[[Task, Scratch], None] | None = None,
    raw: bool = False,
) -> Outcome:
    """Do the task where its files are; where they lie in a store, here, for as long as it takes.

    Args:
        task: of a workspace, or a RAW file, that may lie in a store.
        work: does it on local files.
        fetch: has here what it reads of the workspace.
        raw: whether it reads the RAW.
    """
    source = task.source
    if not (task.workspace.url or (raw and source.in_store)):
        return work(task)
    wanted = (source.path, source.sha256, source.bytes) if raw and source.in_store else ()
    try:
        with scratch(task.workspace, *wanted) as here:
            near = task.moved(here.workspace, here.raw)
            if fetch:
                fetch(near, here)
            return _told(work(near), task, here)
    except MachineError as error:
        return Outcome(task, None, "machine", str(error), ends_run=True)
    except SceneError as error:
        return Outcome(task, None, error.reason, error.message)


def fetch_scene(task: Task, here: Scratch) -> None:
    """Have all here that the records of the task's scene name."""
    from pipeline.stages.all_stages import STAGES

    names = [stage.name for stage in STAGES]
    here.fetch_recorded(task.workspace.done(name, task.source.scene_id) for name in names)


def _opens_raw(task: Task) -> bool:
    from pipeline.stages.all_stages import stage_by_name

    return stage_by_name(task.stage).opens_raw


def _fetch(task: Task, here: Scratch) -> None:
    """Have here what the task's stage opens of what came before it."""
    from pipeline.stages.all_stages import stage_by_name

    stage = stage_by_name(task.stage)
    records = (task.workspace.done(name, task.source.scene_id) for name in stage.after)
    here.fetch_recorded(records, stage.opens)


def _told(outcome: Outcome, task: Task, here: Scratch) -> Outcome:
    """Return the outcome with the task as it was given, and places in the store in messages."""
    values = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    told = {name: here.shown_in(value) for name, value in values.items() if name != "done"}
    return replace(outcome, **(told | {"task": task}))


def _outcome(task: Task) -> Outcome:
    try:
        models = _models(task)
    except SeagullError as error:
        return Outcome(task, None, "model", str(error), ends_run=True)
    except MemoryError:
        return Outcome(task, None, "memory", f"{task.stage}: out of memory while its models load")
    except Exception as error:
        return Outcome(task, None, "internal", where(error))
    return reasoned(task, lambda: Outcome(task, _work(task, models)))


def reasoned(task: Task, work: Callable[[], Outcome]) -> Outcome:
    """Do what a task needs once its models are loaded; every exception becomes a reason."""
    try:
        return work()
    except MachineError as error:
        return Outcome(task, None, "machine", str(error), ends_run=True)
    except SceneError as error:
        return Outcome(task, None, error.reason, error.message)
    except MemoryError:
        return Outcome(task, None, "memory", f"{task.source.path}: out of memory")
    except SeagullError as error:
        return Outcome(task, None, "model", str(error))
    except Exception as error:
        return Outcome(task, None, "internal", where(error))


def _work(task: Task, models: Any) -> Done:
    from pipeline.stages.all_stages import stage_by_name
    from pipeline.stages.stage import Unit, record_done

    stage = stage_by_name(task.stage)
    unit = Unit(task.source, task.workspace, task.config)
    remove_file(task.workspace.done(task.stage, unit.key))
    made = stage.work(unit, models)
    return record_done(task.stage, unit, task.fingerprint, made)


_LOADED: dict[str, Any] = {}


def _models(task: Task) -> Any:
    from pipeline.stages.all_stages import stage_by_name

    stage = stage_by_name(task.stage)
    device, inputs = task.config.work.device, stage.inputs(task.config)
    key = fingerprint(stage=task.stage, device=device, inputs=inputs)
    if key not in _LOADED:
        _LOADED[key] = stage.load(task.config)
    return _LOADED[key]


def where(error: Exception) -> str:
    """Name an unforeseen error and the line it comes from."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text} ({Path(frame.filename).name}:{frame.lineno})"


def cap_threads() -> None:
    """One thread a worker: the workers are the parallelism, and OpenCV ignores Ray's cap.

    Freed memory stays with the worker. LibRaw, BLAS and torch read the environment when they load:
    the executors set it before their workers start; here it is too late for what is loaded already.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    keep_freed_memory()
    import cv2

    cv2.setNumThreads(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
