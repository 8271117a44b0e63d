"""RAW files found, hashed and named.

What counts as RAW is decided by the file's name; whether it really is one, by LibRaw at rendering.
Hashes are kept with size and time of change, so that a second run does not read every file again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from manifests.chance import unit_interval
from manifests.config import ShardsConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file, write_atomic
from manifests.keys import scene_id
from manifests.records import Scene
from manifests.tables import read_records
from manifests.workspace import Workspace

_SUFFIXES = (
    ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .cs1 .dc2 .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq"
    " .k25 .kdc .mdc .mef .mos .mrw .nef .nrw .orf .pef .ptx .pxn .qtk .r3d .raf .raw .rw2 .rwl"
    " .rwz .sr2 .srf .srw .sti .x3f"
)
RAW_SUFFIXES = frozenset(_SUFFIXES.split())


@dataclass(frozen=True)
class Source:
    """One RAW file, known by its content."""

    path: str
    sha256: str
    bytes: int
    scene_id: str


@dataclass(frozen=True)
class RawFolder:
    """What a folder holds: sources in scene_id order, copies of them, and files left aside."""

    sources: tuple[Source, ...]
    duplicates: tuple[tuple[Path, Source], ...]
    ignored: tuple[Path, ...]


def find_sources(folder: Path, workspace: Workspace) -> RawFolder:
    """All RAW files in `folder` (or the one file), by name, hidden files left out.

    Raises:
        SeagullError: no such folder, or no RAW in it.
    """
    if not folder.exists():
        raise SeagullError(f"--raw {folder}: no such file or folder")
    files = sorted(_visible_files(folder)) if folder.is_dir() else [folder]
    raws = [file for file in files if file.suffix.lower() in RAW_SUFFIXES]
    if not raws:
        raise SeagullError(
            f"--raw {folder}: no RAW file in it ({len(files)} other files); expected names"
            " such as r0001.NEF or r0001.dng"
        )
    ignored = tuple(sorted(set(files) - set(raws)))
    return RawFolder(*_without_copies(_identify(raws, workspace)), ignored)


def _visible_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _identify(raws: list[Path], workspace: Workspace) -> list[Source]:
    memory = workspace.root / "done" / "sources.json"
    known = _read_memory(memory)
    seen, sources = {}, []
    for path in raws:
        stat = path.stat()
        key, stamp = str(path.resolve()), [stat.st_size, stat.st_mtime_ns]
        entry = known.get(key)
        sha = entry[2] if entry and entry[:2] == stamp else sha256_of_file(path)
        seen[key] = [*stamp, sha]
        sources.append(Source(str(path), sha, stat.st_size, scene_id(path, sha)))
    if seen != known:
        write_atomic(memory, json.dumps(seen, indent=0, sort_keys=True))
    return sources


def _read_memory(path: Path) -> dict[str, list]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _without_copies(
    sources: list[Source],
) -> tuple[tuple[Source, ...], tuple[tuple[Path, Source], ...]]:
    first: dict[str, Source] = {}
    copies = []
    for source in sources:
        if source.scene_id in first:
            copies.append((Path(source.path), first[source.scene_id]))
        first.setdefault(source.scene_id, source)
    return tuple(first[key] for key in sorted(first)), tuple(copies)


def known_sources(workspace: Workspace) -> tuple[Source, ...]:
    """List the sources of the scenes already in the workspace, in scene_id order."""
    scenes = read_records(workspace.table("scenes"), Scene)
    return tuple(Source(s.path, s.sha256, s.bytes, s.scene_id) for s in scenes)


def split_of(sha256: str, config: ShardsConfig) -> str:
    """train, val or test: decided by the hash of the RAW's sha256 and the salt, never by order."""
    place = unit_interval("split", config.salt, sha256)
    if place < config.train:
        return "train"
    return "val" if place < config.train + config.val else "test"
