"""Random numbers that depend on what is being made, never on who makes it or when.

Philox is counter-based (Salmon et al., SC 2011): its key is the sha256 of the parts that name the
thing (RAW sha256, distortion, level, seed), so one worker or fifty draw the same numbers.
"""

import hashlib

import numpy as np


def generator(*parts: str | int) -> np.random.Generator:
    """Make a Philox generator keyed by `parts`, in order; the same parts give the same stream."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], np.uint64)))


def unit_interval(*parts: str | int) -> float:
    """Draw a number in [0, 1) from the hash of `parts` alone."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
