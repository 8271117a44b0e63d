"""Work for executor tests: what a task does is decided by its source's path."""

import os
import time

from manifests.done import Done
from pipeline.run.worker import Outcome, Task


def work(task: Task) -> Outcome:
    what = task.source.path
    if what == "crash":
        os._exit(139)
    if what == "hang":
        time.sleep(600)
    if what == "bad":
        return Outcome(task, None, "unreadable", "bad: ends early")
    return Outcome(task, Done(task.stage, task.source.scene_id, task.fingerprint, {}, {"made": 1}))
