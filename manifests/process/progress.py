"""How far a long run is, its rate and the time left, on standard error."""

import sys
from typing import Any, TextIO

from tqdm import tqdm


class _Lines:
    """A log is no terminal: each state on a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        self.stream.flush()


def progress(total: int, what: str, unit: str, done: int = 0, shown: bool = True) -> tqdm:
    """A tqdm bar from `done` to `total`; where standard error is no terminal, a line at a time."""
    bar: dict[str, Any] = {"desc": what, "unit": f" {unit}", "initial": done, "smoothing": 0.1}
    bar["disable"] = not shown
    if sys.stderr.isatty():
        return tqdm(total=total, dynamic_ncols=True, **bar)
    # Numbers alone, every ten seconds.
    return tqdm(total=total, file=_Lines(sys.stderr), mininterval=10, ncols=0, **bar)
