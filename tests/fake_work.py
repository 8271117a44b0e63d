"""Work for executor tests: what a task does is decided by its source's path."""

import os
import threading
import time
from pathlib import Path

from manifests.done import Done
from pipeline.workers.worker import Outcome, Task


def work(task: Task) -> Outcome:
    what, _, rest = task.source.path.partition(":")
    if what == "crash":
        os._exit(139)
    if what == "hang":
        Path(rest or os.devnull).touch()
        time.sleep(600)
    if what == "bad":
        return Outcome(task, None, "unreadable", "bad: ends early")
    if what == "grow":
        _grow()
    if what == "threads":
        return Outcome(task, _done(task), message=str(_threads_at_work()))
    return Outcome(task, _done(task))


def _done(task: Task) -> Done:
    return Done(task.stage, task.source.scene_id, task.fingerprint, {}, {"made": 1})


def _grow() -> None:
    """Take 4 GiB, then wait to be found."""
    held = [bytearray(b"x") * 2**26 for _ in range(64)]
    time.sleep(600)
    held.clear()


def _threads_at_work() -> int:
    """Threads of this process when BLAS and OpenCV have worked as they like to."""
    import cv2
    import numpy as np

    square = np.ones((500, 500), np.float32)
    cv2.GaussianBlur(square @ square, (0, 0), 9)
    native = Path("/proc/self/task")
    if not native.is_dir():
        return threading.active_count()
    names = [(thread / "comm").read_text().strip() for thread in native.iterdir()]
    return len(names) - names.count("jemalloc_bg_thd")  # pyarrow's, which gives memory back
