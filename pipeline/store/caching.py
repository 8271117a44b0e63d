"""Where mirrors and scratch folders lie on this machine, and who may use or remove them.

Every folder has a lock of the operating system's (flock), which ends with its process: what a
killed one left is known by it and removed.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from manifests.errors import MachineError
from manifests.files import machine_faults
from manifests.store_url import StoreUrl

_LOCK = ".lock"


def scratch_home() -> Path:
    """Return where tasks have their files: SEAGULL_SCRATCH, or the machine's temporary folder."""
    given = os.environ.get("SEAGULL_SCRATCH")
    return Path(given) if given else Path(tempfile.gettempdir()) / f"seagull-scratch-{_user()}"


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def cache_home() -> Path:
    """Return where mirrors are kept between commands: SEAGULL_CACHE, or the user's cache folder."""
    if given := os.environ.get("SEAGULL_CACHE"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "seagull"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder of this process, removed afterwards; those of processes that are gone, too.

    Raises:
        MachineError: it cannot be made.
    """
    home = scratch_home()
    with machine_faults(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if "SEAGULL_SCRATCH" not in os.environ and home.stat().st_uid != _user():
            raise MachineError(f"{home} is another user's; name a folder by SEAGULL_SCRATCH")
        _sweep(home)
        folder = Path(tempfile.mkdtemp(prefix="task-", dir=home))
        lock = filelock.FileLock(folder / _LOCK, timeout=0)
        lock.acquire()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _sweep(home: Path) -> None:
    for folder in home.glob("task-*"):
        lock = filelock.FileLock(folder / _LOCK, timeout=0)
        with suppress(OSError, filelock.Timeout):
            if not (folder / _LOCK).exists():
                continue  # being made
            lock.acquire()
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()


@contextmanager
def mirror_folder(url: StoreUrl) -> Iterator[Path]:
    """The folder of a store's mirror, this process's alone; kept for the next command.

    Where another process of this machine has it, one that is removed afterwards.
    """
    home = cache_home() / "stores"
    folder = home / hashlib.sha256(str(url).encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(folder / _LOCK, timeout=0)
        lock.acquire()
    except (filelock.Timeout, OSError):
        with scratch_folder() as own:
            yield own
        return
    try:
        yield folder
    finally:
        lock.release()
