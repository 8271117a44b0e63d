"""Damage done to a workspace's files, and undone: a bit flipped, a file deleted, two swapped."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Damage = Callable[[Sequence[Path], random.Random], Iterator[str]]


@contextmanager
def flipped(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Flip one bit of one file."""
    path = numbers.choice([file for file in files if file.stat().st_size])
    content = path.read_bytes()
    place, bit = numbers.randrange(len(content)), numbers.randrange(8)
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        yield f"{path}: bit {bit} of byte {place}"
    finally:
        path.write_bytes(content)


@contextmanager
def deleted(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Delete one file."""
    path = numbers.choice(files)
    content = path.read_bytes()
    path.unlink()
    try:
        yield f"{path}: deleted"
    finally:
        path.write_bytes(content)


@contextmanager
def swapped(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Give two files each other's content."""
    one, other = numbers.sample(files, 2)
    while one.read_bytes() == other.read_bytes():
        one, other = numbers.sample(files, 2)
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    try:
        yield f"{one} and {other}: swapped"
    finally:
        one.write_bytes(first)
        other.write_bytes(second)


KINDS = {"bits flipped": flipped, "files deleted": deleted, "pairs of files swapped": swapped}
