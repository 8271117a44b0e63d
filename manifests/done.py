"""The record that a stage writes last for a scene, after all its files are in place.

It holds the fingerprint of all that made the output, and the sha256 and size of every file, so that
a stage can tell what is done, what is stale, what is gone or cut, and (`verify`) what was changed
since. Its last entry is the checksum of all that stands before it: a damaged record is no record.
Records of older versions have neither sizes nor checksum; they are read as they are.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manifests.files import sha256_of, sha256_of_file, write_atomic
from manifests.mirrors import mirror_of

_CHECKSUM = ',\n "checksum": "'
_WORTH_A_LISTING = 8  # as many files of one folder are looked up in one listing of it


def fingerprint(**parts: Any) -> str:
    """32 hex digits of the sha256 of `parts` as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Done:
    """`files` and `sizes` map paths, relative to the workspace, to sha256 and bytes."""

    stage: str
    key: str
    fingerprint: str
    files: Mapping[str, str]
    counts: Mapping[str, int]
    sizes: Mapping[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the record; call it after every file it names is in place."""
        write_atomic(path, self.text())

    def text(self) -> str:
        """Return the record's content."""
        body = json.dumps(vars(self), indent=1, sort_keys=True).removesuffix("\n}")
        return f'{body}{_CHECKSUM}{sha256_of(body.encode())}"\n}}\n'

    def first_change(self, root: Path) -> str | None:
        """The first file of the record that is missing or has another size, cheaply; or None."""
        there = _sizes(root, self.files)
        for name in self.files:
            if name not in there or there[name] != self.sizes.get(name, there[name]):
                return name
        return None


def describe(
    stage: str,
    key: str,
    made_by: str,
    root: Path,
    paths: Iterable[Path],
    counts: Mapping[str, int] | None = None,
) -> Done:
    """The record of files that lie below `root`: their sha256 and sizes as they are now."""
    files, sizes = {}, {}
    for path in paths:
        name = path.relative_to(root).as_posix()
        files[name], sizes[name] = sha256_of_file(path), path.stat().st_size
    return Done(stage, key, made_by, files, dict(counts or {}), sizes)


def read_done(path: Path) -> Done | None:
    """Read the record at `path`; None when there is none, or it is not as it was written."""
    try:
        text = path.read_text()
        body, mark, checksum = text.rpartition(_CHECKSUM)
        if mark and checksum != f'{sha256_of(body.encode())}"\n}}\n':
            return None
        values = json.loads(text)
        values.pop("checksum", None)
        return Done(**values)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _sizes(root: Path, names: Iterable[str]) -> dict[str, int]:
    if mirror := mirror_of(root):
        return mirror.sizes(root, names)
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    sizes: dict[str, int] = {}
    for folder, inside in folders.items():
        listed = len(inside) >= _WORTH_A_LISTING
        sizes |= _listed(root, folder) if listed else _one_by_one(root, inside)
    return sizes


def _listed(root: Path, folder: str) -> dict[str, int]:
    try:
        with os.scandir(root / folder) as entries:
            return {f"{folder}/{entry.name}": entry.stat().st_size for entry in entries}
    except OSError:
        return {}


def _one_by_one(root: Path, names: Iterable[str]) -> dict[str, int]:
    sizes = {}
    for name in names:
        try:
            sizes[name] = os.stat(f"{root}/{name}").st_size  # noqa: PTH116 - a million of them
        except OSError:
            continue
    return sizes
