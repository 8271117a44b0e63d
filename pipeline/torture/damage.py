"""Damage done to a workspace's files, and undone: a bit flipped, a file deleted, two swapped."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Damage = Callable[[Sequence[Path], random.Random], Iterator[str]]


@contextmanager
def _put_back(*paths: Path) -> Iterator[list[bytes]]:
    """Yield the files' contents, which they have again after the block."""
    contents = [path.read_bytes() for path in paths]
    try:
        yield contents
    finally:
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content)


@contextmanager
def flipped(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Flip one bit of one file."""
    path = numbers.choice([file for file in files if file.stat().st_size])
    with _put_back(path) as (content,):
        place, bit = numbers.randrange(len(content)), numbers.randrange(8)
        damaged = bytearray(content)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        yield f"{path}: bit {bit} of byte {place}"


@contextmanager
def deleted(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Delete one file."""
    path = numbers.choice(files)
    with _put_back(path):
        path.unlink()
        yield f"{path}: deleted"


@contextmanager
def swapped(files: Sequence[Path], numbers: random.Random) -> Iterator[str]:
    """Give two files each other's content."""
    one, other = numbers.sample(files, 2)
    while one.read_bytes() == other.read_bytes():
        one, other = numbers.sample(files, 2)
    with _put_back(one, other) as (first, second):
        one.write_bytes(second)
        other.write_bytes(first)
        yield f"{one} and {other}: swapped"


KINDS = {"bits flipped": flipped, "files deleted": deleted, "pairs of files swapped": swapped}
