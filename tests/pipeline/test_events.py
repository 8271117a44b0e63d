"""The event log: what a run leaves, what a reader makes of a cut one, and its figure."""

import numpy as np
from PIL import Image

from manifests.config import Config
from manifests.done import Done
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.look.run_figure import run_figure
from pipeline.run.events import EventLog, events_folder, read_events
from pipeline.workers.worker import Outcome, Spent, Task


def _outcome(space, stage="render", key="a-00000000", seconds=2.0, reason=""):
    task = Task(stage, Source("x", "0" * 64, 1, key), space, Config(), "f")
    done = None if reason else Done(stage, key, "f", {"a": "0"}, {}, {"a": 30, "b": 12})
    return Outcome(task, done, reason, spent=Spent(seconds, seconds / 2, "host:1"))


def test_a_build_logs_every_scene_and_stage(tiny):
    events = read_events(Workspace(tiny))
    assert sorted({event.stage for event in events}) == ["labels", "masks", "render"]
    assert len(events) == 9
    for event in events:
        assert event.status == "done"
        assert event.cpu_seconds > 0
        assert event.seconds > 0
        assert event.worker.rpartition(":")[2].isdigit()
    rendered = sum(event.bytes for event in events if event.stage == "render")
    images = sum(path.stat().st_size for path in (tiny / "renderings").rglob("*.*"))
    assert images < rendered < images + 300_000  # and two tables


def test_a_cut_line_is_left_out_and_two_runs_are_one_history(tmp_path):
    space = Workspace(tmp_path)
    log = EventLog(space)
    assert not log.path.exists()
    log.write(_outcome(space))
    log.write(_outcome(space, key="b-00000000", reason="timeout"))
    log.close()
    with log.path.open("a") as file:
        file.write('{"ended": 17')
    (events_folder(space) / "earlier.jsonl").write_text(log.path.read_text().splitlines()[0])
    events = read_events(space)
    assert [event.status for event in events] == ["done", "done", "timeout"]
    assert [event.bytes for event in events] == [42, 42, 0]


def test_the_figure_is_a_picture_with_something_on_it(tmp_path):
    space = Workspace(tmp_path)
    log = EventLog(space)
    for number in range(30):
        log.write(_outcome(space, "render", f"s{number}-00000000", seconds=1 + number % 5))
        log.write(_outcome(space, "labels", f"s{number}-00000000", reason="" if number else "died"))
    log.close()
    (tmp_path / "run.png").write_bytes(run_figure(read_events(space)))
    picture = np.asarray(Image.open(tmp_path / "run.png").convert("RGB"))
    assert picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
