"""Both executors: the same outcomes, and a crash or a hang costs its own task."""

from pathlib import Path

import fake_work
import pytest

from manifests.config import WorkConfig
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.executors import make_executor
from pipeline.run.worker import Task


def _task(what: str, number: int) -> Task:
    source = Source(what, f"{number:064x}", 1, f"s{number}-00000000")
    return Task("render", source, Workspace(Path("unused")), PRESETS["demo"], "f")


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_good_bad_crash_and_hang_each_cost_their_own_task(kind, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(fake_work.__file__).parent))  # for the workers
    wanted = ["good", "crash", "good", "hang", "bad", "good"]
    tasks = [_task(what, number) for number, what in enumerate(wanted)]
    executor = make_executor(kind, 2, WorkConfig(timeout_s=6), fake_work.work)
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
    assert reasons == ["", "died", "", "timeout", "unreadable", ""]
    assert [outcomes[f"s{n}-00000000"].done is not None for n in (0, 2, 5)] == [True] * 3
