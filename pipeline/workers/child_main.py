"""The child's end of a worker process: takes tasks until its driver is gone."""

import ctypes
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection

from pipeline.workers.worker import cap_threads

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal this process gets when its parent ends


def serve(file: int, driver: int) -> None:
    """Do what comes through the socket `file`, until it ends; `driver` is the parent's pid."""
    _end_with(driver)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the driver decides: it gets them as well
        signal.signal(getattr(signal, name), lambda *_: None)
    signal.pthread_sigmask(
        signal.SIG_SETMASK, ()
    )  # Ray's processes block them: not ours, nor theirs
    connection = Connection(file)
    try:
        work = connection.recv()
        cap_threads()
        connection.send("ready")
        while True:
            connection.send(work(connection.recv()))
    except (EOFError, OSError):
        os._exit(0)  # the driver is gone


def _end_with(driver: int) -> None:
    """Die when the driver does, whatever ended it and whatever this process is doing then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch, args=(driver,), daemon=True).start()
    if os.getppid() != driver:  # it ended before this was arranged
        os._exit(1)


def _watch(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(1)
    os._exit(1)
