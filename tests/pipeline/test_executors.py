"""Both executors: the same outcomes, and what goes wrong with a worker costs its own task."""

from pathlib import Path

import fake_work
import pytest

from manifests.config import WorkConfig
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.workers.executors import make_executor
from pipeline.workers.worker import Task

THREADS = 1  # of a worker at work: its main thread, as no library makes another


def _task(what: str, number: int) -> Task:
    source = Source(what, f"{number:064x}", 1, f"s{number}-00000000")
    return Task("render", source, Workspace(Path("unused")), PRESETS["demo"], "f")


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_good_bad_crash_and_hang_each_cost_their_own_task(kind, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(fake_work.__file__).parent))  # for the workers
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # which no worker may take over
    wanted = ["good", "crash", "good", "hang", "bad", "good", "grow", "threads"]
    tasks = [_task(what, number) for number, what in enumerate(wanted)]
    limits = WorkConfig(timeout_s=10, memory_mb=600)
    executor = make_executor(kind, 2, limits, fake_work.work)
    outcomes = {}
    running = 0
    try:
        while tasks or running:
            while tasks and executor.free("cpu"):
                executor.submit("cpu", tasks.pop())
                running += 1
            outcome = executor.next_outcome()
            if outcome:
                running -= 1
                outcomes[outcome.task.source.scene_id] = outcome
    finally:
        executor.close()
    reasons = [outcomes[f"s{n}-00000000"].reason for n in range(len(wanted))]
    assert reasons == ["", "died", "", "timeout", "unreadable", "", "memory", ""]
    assert [outcomes[f"s{n}-00000000"].done is not None for n in (0, 2, 5)] == [True] * 3
    assert "600 MiB" in outcomes["s6-00000000"].message
    assert int(outcomes["s7-00000000"].message) == THREADS
