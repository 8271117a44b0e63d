"""A process that does one task at a time, watched from outside: its end, its time, its memory.

The child is a fresh interpreter with the thread variables already in its environment, in a process
group of its own, so that a terminal's Ctrl-C is its driver's to handle. What ends the driver ends
the child (child_main.py).
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil

from manifests.errors import SeagullError
from pipeline.workers.worker import THREAD_VARIABLES, Outcome, Task, lost

Work = Callable[[Task], Outcome]

_MIB = 2**20
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from pipeline.workers.child_main import serve; serve(int(sys.argv[2]), int(sys.argv[3]))"
)


@dataclass(frozen=True)
class Limits:
    """Of one task: wall-clock seconds, MiB of its process (0: none). Of a process: its start."""

    timeout_s: float
    memory_mb: int = 0
    start_s: float = 60.0


class NotStartedError(SeagullError):
    """A worker ended before it was ready for a task."""


class WorkerProcess:
    """The driver's end of one child."""

    def __init__(self, work: Work, limits: Limits) -> None:
        self.limits = limits
        self.task: Task | None = None
        self.ready = False
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _CHILD, json.dumps(sys.path)]
            self.process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(os.getpid())],
                env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )
        self.connection = Connection(ours.detach())
        self.watched = psutil.Process(self.process.pid)
        self.since = time.monotonic()
        self._send(work)

    def _send(self, message: object) -> None:
        with suppress(OSError):  # it is dead: the end of the connection says so to `outcome`
            self.connection.send(message)

    def give(self, task: Task) -> None:
        """Hand over a task; one at a time."""
        self.task = task
        if self.ready:
            self.since = time.monotonic()
        self._send(task)

    def outcome(self) -> Outcome | None:
        """What came of the task, where its connection has something to read; None: got ready.

        Raises:
            NotStartedError: the child ended before it was ready.
        """
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._died()
        if not self.ready:
            self.ready, self.since = True, time.monotonic()
            return None
        self.task = None
        outcome: Outcome = message
        return outcome

    def _died(self) -> Outcome:
        self.process.wait(10)
        code = self.process.returncode
        if not self.ready or self.task is None:
            raise NotStartedError(f"workers end with code {code} before they are ready")
        return lost(self.task, "died", f"its worker ended with code {code}")

    def exceeded(self) -> Outcome | None:
        """An outcome, once the task has passed a limit; the worker must be stopped then.

        Raises:
            SeagullError: the child does not get ready.
        """
        age = time.monotonic() - self.since
        if not self.ready:
            if age > self.limits.start_s:
                raise SeagullError(
                    f"a worker was not ready {self.limits.start_s:g} s after its start"
                    " (work.wait_s); is the machine or its disk overloaded?"
                )
            return None
        if self.task and age > self.limits.timeout_s:
            return lost(self.task, "timeout", f"stopped after {self.limits.timeout_s:g} s")
        if self.task and self.limits.memory_mb and self.memory_mb() > self.limits.memory_mb:
            why = f"stopped, it took more than {self.limits.memory_mb} MiB (work.memory_mb)"
            return lost(self.task, "memory", why)
        return None

    def memory_mb(self) -> float:
        """Resident MiB that are the child's own; pages of mapped files can be given back."""
        try:
            info = self.watched.memory_info()
        except psutil.Error:
            return 0.0
        return float(info.rss - getattr(info, "shared", 0)) / _MIB

    def stop(self) -> None:
        """End it at once: what it left half done has a temporary name."""
        self.process.kill()
        self.process.wait()
        self.connection.close()


def memory_share(workers: int) -> int:
    """MiB a task where the configuration gives none: the machine's memory, less a tenth, shared.

    Not less than 2 GiB, which is what the paper's settings need: with many cores and little memory
    the answer is fewer workers, not scenes that fail.
    """
    return max(2048, int(0.9 * _machine_bytes() / max(workers, 1) / _MIB))


def _machine_bytes() -> int:
    """Memory of the machine, or of the container that this process is in."""
    total: int = psutil.virtual_memory().total
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(name, encoding="ascii") as file:  # noqa: PTH123 - not a file of ours
                total = min(total, int(file.read()))
        except (OSError, ValueError):
            continue  # another system, or "max"
    return total
