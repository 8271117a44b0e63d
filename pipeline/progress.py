"""How far a long run is, its rate and the time left, on standard error."""

import sys
from typing import TextIO

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


def progress(total: int, what: str, unit: str) -> tqdm:
    """A tqdm bar; where standard error is no terminal, a line every ten seconds."""
    if sys.stderr.isatty():
        return tqdm(total=total, desc=what, unit=f" {unit}", dynamic_ncols=True, smoothing=0.1)
    return tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        file=_Lines(sys.stderr),
        mininterval=10,
        ncols=0,  # numbers alone, no bar
        smoothing=0.1,
    )
