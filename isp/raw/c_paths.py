"""File names for libraries in C that take them as UTF-8 only: a name may be any bytes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def c_path(path: Path) -> Iterator[str]:
    """A name in UTF-8 under which the file can be opened as long as the block lasts.

    Raises:
        OSError: a name that is no UTF-8, of a file that cannot be opened.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
        return
    yield os.fspath(path)
