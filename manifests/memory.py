"""Keep freed arrays in the process: glibc gives every large one back, and each new one is paid for
with a page fault every 4 KiB. No more is held than was in use at once; elsewhere nothing is done.
"""

import ctypes
import sys
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h
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
