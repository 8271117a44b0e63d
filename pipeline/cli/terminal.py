"""The one place through which the command writes: a terminal obeys what it is shown.

Names of files, tags of RAW files and rows of tables come from others. Whatever prints them, escape
codes and bytes that are no text reach neither a terminal nor a log.
"""

import sys
from typing import Any, TextIO

from manifests.paths import printable


class PrintableStream:
    """A text stream that escapes what does not print; line ends, returns and tabs stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, escaped; returns the length of what was given."""
        self._stream.write(printable(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def print_what_prints() -> None:
    """From now on standard output and standard error are printable streams."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):
            setattr(sys, name, PrintableStream(stream))
