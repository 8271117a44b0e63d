"""Which scene does what next, with an executor that works in this process."""

from collections import Counter
from dataclasses import replace

import pytest

from manifests.done import Done
from manifests.errors import SeagullError
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.failures import forget_all, read_failures
from pipeline.run.flow import Flow
from pipeline.stages.all_stages import BUILD
from pipeline.workers.worker import Outcome, Task

SOURCES = [Source(f"s{n}.NEF", f"{n:064x}", 1, f"s{n}-00000000") for n in range(4)]
CONFIG = PRESETS["demo"]


class Here:
    """One worker, in this process; `verdict(task)` is a reason, or empty when all is well."""

    def __init__(self, verdict):
        self.verdict, self.waiting, self.order = verdict, [], []

    def free(self, pool):
        return 1 - len(self.waiting)

    def submit(self, pool, task):
        self.waiting.append(task)

    def next_outcome(self) -> Outcome:
        task: Task = self.waiting.pop()
        self.order.append((task.source.scene_id[:2], task.stage))
        reason = self.verdict(task)
        if reason:
            return Outcome(task, None, reason, f"{task.source.path}: {reason}")
        done = Done(task.stage, task.source.scene_id, task.fingerprint, {}, {task.stage: 1})
        done.write(task.workspace.done(task.stage, task.source.scene_id))
        return Outcome(task, done)

    def close(self):
        pass


def _run(tmp_path, verdict=lambda task: "", names=BUILD, config=CONFIG):
    executor = Here(verdict)
    flow = Flow(SOURCES, names, Workspace(tmp_path), config)
    return flow.run(lambda: executor), executor


def test_a_scene_is_finished_before_the_next_is_begun(tmp_path):
    tally, executor = _run(tmp_path)
    assert executor.order == [(s.scene_id[:2], name) for s in SOURCES for name in BUILD]
    assert tally.made == Counter(dict.fromkeys(BUILD, 4))


def test_what_is_done_is_not_done_again_and_what_changed_is(tmp_path):
    _run(tmp_path)
    tally, executor = _run(tmp_path)
    assert executor.order == []
    assert tally.kept == Counter(dict.fromkeys(BUILD, 4))
    labels = replace(CONFIG, labels=replace(CONFIG.labels, without_above=0.5))
    _, executor = _run(tmp_path, config=labels)
    assert {stage for _, stage in executor.order} == {"labels"}
    work = replace(CONFIG, work=replace(CONFIG.work, timeout_s=1))
    assert _run(tmp_path, config=work)[1].order[:1] == [("s0", "labels")]  # back to the first


def test_a_failure_ends_its_scene_alone_and_is_tried_again_only_when_forgotten(tmp_path):
    def verdict(task):
        return "no_rois" if (task.stage, task.source.scene_id[:2]) == ("masks", "s1") else ""

    tally, executor = _run(tmp_path, verdict)
    assert ("s1", "labels") not in executor.order
    assert (tally.made["labels"], tally.failures) == (3, 1)
    (failure,) = read_failures(Workspace(tmp_path))
    assert (failure.stage, failure.reason, failure.attempts) == ("masks", "no_rois", 1)
    tally, executor = _run(tmp_path)
    assert executor.order == []
    assert tally.failures == 1
    assert forget_all(Workspace(tmp_path)) == 1
    tally, executor = _run(tmp_path)
    assert executor.order == [("s1", "masks"), ("s1", "labels")]
    assert read_failures(Workspace(tmp_path)) == []


def test_a_stage_alone_goes_past_scenes_that_failed_before_it(tmp_path):
    def verdict(task):
        return "no_rois" if (task.stage, task.source.scene_id[:2]) == ("masks", "s1") else ""

    _run(tmp_path, verdict, names=("render", "masks"))
    tally, _ = _run(tmp_path, names=("labels",))
    assert tally.made == Counter(labels=3)


def test_a_stage_alone_says_what_must_come_first(tmp_path):
    with pytest.raises(SeagullError, match="run `seagull render`"):
        _run(tmp_path, names=("masks",))


@pytest.mark.parametrize(("reason", "attempts"), [("died", 2), ("timeout", 2), ("unreadable", 1)])
def test_what_may_pass_is_tried_again_up_to_the_cap(tmp_path, reason, attempts):
    _, executor = _run(tmp_path, lambda task: reason, names=("render",))
    assert len(executor.order) == 4 * attempts
    assert {f.attempts for f in read_failures(Workspace(tmp_path))} == {attempts}


def test_what_passes_the_second_time_is_no_failure(tmp_path):
    seen = Counter()

    def verdict(task):
        seen[task.source.scene_id] += 1
        return "died" if seen[task.source.scene_id] == 1 else ""

    tally, _ = _run(tmp_path, verdict, names=("render",))
    assert (tally.made["render"], tally.failures) == (4, 0)
