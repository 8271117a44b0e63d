"""Keep freed arrays in the process: glibc gives every large one back, and each new one is paid for
with a page fault every 4 KiB. No more is held than was in use at once; elsewhere nothing is done.
And find out what depends on memory that nobody wrote.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _PERTURB = -1, -3, -6  # malloc.h
_KEPT = 2**30  # bytes: blocks up to here, and as much of them when all are free


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """Tell glibc, once a process."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _KEPT)
        mallopt(_TRIM_THRESHOLD, _KEPT)


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Look for no garbage within the block: for a command that loads large libraries and ends.

    Their modules make a million objects that stay; Python looks through them again and again, a
    fifth of the time until a photograph is answered.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()


@contextmanager
def filled_memory(byte: int) -> Iterator[None]:
    """Within the block, glibc fills what it gives out (malloc, beyond the smallest blocks).

    A result that depends on `byte` was read from memory that nobody wrote. Elsewhere nothing is
    done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    mallopt(_PERTURB, byte)
    try:
        yield
    finally:
        mallopt(_PERTURB, 0)


def peak_mib() -> int:
    """Peak resident memory of this program; ru_maxrss keeps that of who started it."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 2**20 if sys.platform == "darwin" else peak / 1024)
