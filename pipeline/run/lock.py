"""One writer a workspace: whoever comes second is told who holds it.

The lock is the operating system's (flock, by `filelock`): it ends with the process that holds it,
whatever ended that, so a dead run's lock never blocks. Beside it lies who holds it, for the message
alone. Where the file system has no flock, filelock's lock by existence stands in, which knows a
dead process of this host by its pid. Of a workspace in a store: pipeline/store/store_lock.py.
"""

import errno
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

import filelock

from manifests.errors import SeagullError
from manifests.files import machine_faults
from pipeline.run.pulling import pull, workspace_mirror
from pipeline.store.object_store import store_faults
from pipeline.store.store_lock import StoreLock
from pipeline.store.store_mirror import StoreMirror

LOCK, HOLDER = ".lock", ".lock.json"
_NO_FLOCK = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold `folder` (made where it is not there) for this process alone.

    Raises:
        SeagullError: another process holds it; the message says which.
        MachineError: the folder cannot be written.
    """
    if mirror := workspace_mirror(folder):
        with _lease(mirror):
            yield
        return
    was_there = folder.exists()
    with machine_faults(folder / LOCK):
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquired(folder)
    try:
        with machine_faults(folder / HOLDER):
            (folder / HOLDER).write_text(json.dumps(_me()) + "\n")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
            if isinstance(lock, filelock.UnixFileLock):  # a waiter notices that its file is gone
                (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        if not was_there:
            with suppress(OSError):  # not empty: the command has made something
                folder.rmdir()


@contextmanager
def no_other_writer(folder: Path) -> Iterator[None]:
    """As `only_writer`, for who only reads: a folder that cannot be written is read unlocked."""
    if mirror := workspace_mirror(folder):
        with _lease(mirror, read_only=True):
            yield
        return
    try:
        (folder / LOCK).touch()
    except OSError as error:
        if error.errno in _READ_ONLY or not folder.exists():
            yield
            return
        raise
    with only_writer(folder):
        yield


@contextmanager
def _lease(mirror: StoreMirror, read_only: bool = False) -> Iterator[None]:
    """Hold a workspace in a store, whose mirror is brought up to date once it is held."""
    lease = StoreLock(mirror.store, _me())
    try:
        with store_faults(str(mirror.store.url)) if not read_only else nullcontext():
            lease.take()
    except PermissionError:  # as of a folder that cannot be written
        pull(mirror)
        yield
        return
    with lease.kept():
        mirror.guard = lease.check
        pull(mirror)
        yield


def _acquired(folder: Path) -> filelock.BaseFileLock:
    path = str(folder / LOCK)
    try:
        lock: filelock.BaseFileLock = filelock.FileLock(path, timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise SeagullError(_held(folder)) from None
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        lock = filelock.SoftFileLock(path, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise SeagullError(_held(folder)) from None
    return lock


def _me() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
        "command": shlex.join(["seagull", *sys.argv[1:]]),
    }


def _held(folder: Path) -> str:
    try:
        holder = json.loads((folder / HOLDER).read_text())
        who = "process {pid} on {host} since {since}: {command}".format(**holder)
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process, which has not yet said who it is"
    return f"{folder} is in use by {who}; wait for it to end, or stop it, and run the same again"
