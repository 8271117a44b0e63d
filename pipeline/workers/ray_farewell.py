"""The end of a Ray of our own, whose processes block SIGTERM (ray_cluster.py says why)."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

_SIGTERM_PENDING = 1 << (signal.SIGTERM - 1)


@contextlib.contextmanager
def hastened() -> Iterator[None]:
    """Kill what is asked to end at once; Ray waits a second for each of its processes first."""
    over = threading.Event()
    children = psutil.Process().children()
    thread = threading.Thread(target=_hasten, args=(children, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _hasten(children: list[psutil.Process], over: threading.Event) -> None:
    while not over.wait(0.02):
        for process in children:
            if _asked_to_end(process.pid):
                with contextlib.suppress(psutil.Error):
                    process.kill()


def _asked_to_end(pid: int) -> bool:
    """Whether SIGTERM waits to be taken; where there is no /proc, Ray's second passes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    pending = [int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd")]
    return any(signals & _SIGTERM_PENDING for signals in pending)


def kill_descendants() -> None:
    """All that this process has started, and what that has."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()
