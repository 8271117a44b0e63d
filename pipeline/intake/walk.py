"""Every file below a folder, and what is left aside there and why: nothing is passed in silence."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifests.errors import SeagullError
from manifests.paths import text_of
from manifests.store_url import StoreUrl


@dataclass(frozen=True)
class Aside:
    """What was not read, and why. `lost`: it could have been; `folder`: it is one."""

    path: Path | StoreUrl
    why: str
    lost: bool = False
    folder: bool = False

    def __str__(self) -> str:
        return f"{text_of(self.path)}: {self.why}"


def walk(folder: Path) -> tuple[list[Path], list[Aside]]:
    """The files below a folder in order, or the one file; hidden ones are left out.

    Links to files are followed, links to folders are not: they are left aside, and said.

    Raises:
        SeagullError: no such file or folder, or one that cannot be read.
    """
    try:
        kind = folder.stat().st_mode
    except OSError as error:
        why = "no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror
        raise SeagullError(f"--raw {folder}: {why}") from error
    if not stat.S_ISDIR(kind):
        return [folder], []
    files: list[Path] = []
    aside: list[Aside] = []
    for found in _walk(folder, aside):
        problem = _problem(found)
        if problem:
            aside.append(problem)
        else:
            files.append(found)
    if any(one.path == folder for one in aside):
        raise SeagullError(f"--raw {folder}: {aside[0].why}")
    return sorted(files), sorted(aside, key=lambda one: one.path)


def _walk(folder: Path, aside: list[Aside]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        why = error.strerror or "cannot be read"
        aside.append(Aside(Path(error.filename), why, lost=True, folder=True))

    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            path = Path(parent, name)
            if _is_link(path):
                aside.append(Aside(path, "a link to a folder is not followed: name it with --raw"))
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _problem(path: Path) -> Aside | None:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return None
        return Aside(path, "no regular file")
    except OSError as error:
        broken = "a link to nothing" if _is_link(path) else error.strerror or "cannot be read"
        return Aside(path, broken, lost=True)


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - pathlib's raises in a folder that is closed
