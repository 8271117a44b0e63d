"""Files that are whole or not there: temporary name, fsync, os.replace.

What the machine refuses while something is written (a full or read-only disk, a quota, a
permission) is a MachineError: it ends the run in a line and is never held against a scene.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from manifests.errors import MachineError
from manifests.mirrors import have_content, mirror_of

TEMPORARY_PREFIX = ".tmp-"
_NO_FSYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


@contextmanager
def machine_faults(path: Path) -> Iterator[None]:
    """Turn the OSError of writing or removing `path` into a MachineError that says what to do."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if mirror_of(path) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            why += " (here, for the copy: SEAGULL_SCRATCH, SEAGULL_CACHE)"
        raise MachineError(
            f"cannot write {path}: {why}; what is done stays done: make it possible (room,"
            " permission) and run the same again"
        ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that appears under `path` when the block ends well, else not at all.

    Raises:
        MachineError: the file cannot be written; any OSError inside the block counts as that.
    """
    with machine_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield cast(BinaryIO, file)
                file.flush()
                _fsync(file.fileno())
            with suppress(OSError):  # exFAT and CIFS have no modes and may refuse
                Path(temporary).chmod(0o644)
            if mirror := mirror_of(path):
                mirror.writing(Path(temporary), path)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
            raise


def _fsync(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:  # some file systems of the network have none
        if error.errno not in _NO_FSYNC:
            raise


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path`, whole or not at all; raises MachineError."""
    with atomic_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def tell_of(path: Path) -> None:
    """Let the store, if the path lies in one, have a file that was not written in one go."""
    if mirror := mirror_of(path):
        with machine_faults(path):
            mirror.writing(path, path)


def remove_file(path: Path) -> None:
    """Remove a file, if it is there; raises MachineError where the machine refuses."""
    with machine_faults(path):
        if mirror := mirror_of(path):
            mirror.removing(path)
        path.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, if it is there; raises MachineError."""
    with machine_faults(folder), suppress(FileNotFoundError):
        if mirror := mirror_of(folder):
            mirror.removing_folder(folder)
        shutil.rmtree(folder)


def fresh_folder(folder: Path) -> Path:
    """Empty the folder, making it where there is none; raises MachineError."""
    remove_folder(folder)
    with machine_faults(folder):
        folder.mkdir(parents=True)
    return folder


def sweep_temporary(folder: Path) -> int:
    """Remove what killed writers left under temporary names, at any depth; returns how many.

    Only for who holds the folder's lock: another writer's files look the same.
    """
    swept = 0
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            swept += sweep_temporary(Path(entry.path))
        elif entry.name.startswith(TEMPORARY_PREFIX):
            remove_file(Path(entry.path))
            swept += 1
    return swept


def sha256_of(content: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of a file, read in pieces."""
    have_content(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
