"""The files of a workspace: all there are, and those of a record against it."""

import os
from collections.abc import Iterator
from pathlib import Path

from manifests.done import Done
from manifests.files import sha256_of_file

BESIDE = ("models/", "report/")  # made of the dataset, no part of it


def all_files(root: Path, inside: str = "") -> Iterator[str]:
    """Yield every file, at any depth, by its path below `root` with forward slashes."""
    try:
        entries = list(os.scandir(root / inside))
    except FileNotFoundError:
        return
    for entry in entries:
        name = f"{inside}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from all_files(root, f"{name}/")
        else:
            yield name


def is_beside(name: str) -> bool:
    """Say whether a file is beside the dataset: a trained network's, the report's."""
    return name.startswith(BESIDE)


def record_problems(root: Path, done: Done, record: str) -> Iterator[str]:
    """Yield what is wrong with the files that a record names."""
    for name, sha256 in done.files.items():
        path = root / name
        try:
            if sha256_of_file(path) != sha256:
                yield f"{name}: its sha256 is not the one in {record}"
        except FileNotFoundError:
            yield f"{name}: missing"
        except OSError as error:
            yield f"{name}: {error.strerror}"
