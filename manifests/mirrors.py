"""Local folders whose files lie in an object store: what is written there goes to the store, too.

Nothing is registered for a workspace that is a folder, and nothing asked. What a mirror is and does
is the pipeline's (pipeline/store): here stands only whom the writers and readers of files tell.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Mirror(Protocol):
    """A folder that stands for a place in a store."""

    root: Path

    def writing(self, temporary: Path, path: Path) -> None:
        """Put the content of `temporary`, about to become `path`, into the store."""

    def removing(self, path: Path) -> None:
        """Remove the file from the store."""

    def removing_folder(self, folder: Path) -> None:
        """Remove all below the folder from the store."""

    def reading(self, path: Path) -> None:
        """Have the file's content here, where the store has it."""

    def sizes(self, folder: Path, names: Iterable[str]) -> dict[str, int]:
        """Return the bytes of those of the names, relative to the folder, that are there."""

    def shown(self, text: str) -> str:
        """Return a message with the place in the store for the folder's."""


_MIRRORS: list[Mirror] = []


@contextmanager
def mirrored(mirror: Mirror) -> Iterator[None]:
    """Tell `mirror` of files below its root, within the block."""
    _MIRRORS.append(mirror)
    try:
        yield
    finally:
        _MIRRORS.remove(mirror)


def mirror_of(path: Path) -> Mirror | None:
    """Return the mirror in which the path lies, if any."""
    for mirror in reversed(_MIRRORS):
        if path.is_relative_to(mirror.root):
            return mirror
    return None


def have_content(path: Path) -> None:
    """Have the file's content here before it is read, where it lies in a store."""
    mirror = mirror_of(path) if _MIRRORS else None
    if mirror:
        mirror.reading(path)
