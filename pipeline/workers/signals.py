"""SIGTERM and SIGHUP end a command as Ctrl-C does: workers stopped, one line, 128 + the signal."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP"))


class StoppedError(BaseException):
    """A signal asked for the end; like KeyboardInterrupt, it is no Exception."""

    def __init__(self, signum: int) -> None:
        self.name = signal.Signals(signum).name
        self.status = 128 + signum
        super().__init__(self.name)


def stop_as_by_ctrl_c() -> None:
    """Raise `StoppedError` on either signal; one that is ignored (nohup) stays ignored."""
    for signum in STOPPING[1:]:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _stop)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise StoppedError(signum)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Let what asks for the end wait for the end of the block, which must be short.

    Ray's compiled code loses or trips over an exception that a handler raises inside it, and
    ray.init puts a handler of its own in the place of SIGTERM's.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    noted: list[int] = []
    handlers = {signum: signal.getsignal(signum) for signum in STOPPING}
    try:
        for signum, handler in handlers.items():
            if callable(handler):
                signal.signal(signum, lambda signum, _: noted.append(signum))
        yield
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
    for signum in noted[:1]:
        signal.raise_signal(signum)
