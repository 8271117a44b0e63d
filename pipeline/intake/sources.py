"""RAW files found, hashed and named.

What counts as RAW is decided by the file's name; whether it really is one, by LibRaw at rendering.
Hashes are kept with size and time of change, so that a second run does not read every file again.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from manifests.chance import unit_interval
from manifests.config import ShardsConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.keys import scene_id
from manifests.paths import path_of, text_of
from manifests.records import Scene
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import read_memory, write_memory
from pipeline.intake.walk import Aside, walk

_SUFFIXES = (
    ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .cs1 .dc2 .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq"
    " .k25 .kdc .mdc .mef .mos .mrw .nef .nrw .orf .pef .ptx .pxn .qtk .r3d .raf .raw .rw2 .rwl"
    " .rwz .sr2 .srf .srw .sti .x3f"
)
RAW_SUFFIXES = frozenset(_SUFFIXES.split())


@dataclass(frozen=True)
class Source:
    """One RAW file, known by its content. `path` is text for tables (`manifests.paths.text_of`)."""

    path: str
    sha256: str
    bytes: int
    scene_id: str

    @property
    def file(self) -> Path:
        """Where it lies."""
        return path_of(self.path)


@dataclass(frozen=True)
class RawFolder:
    """What a folder holds: sources in scene_id order, copies of them, and what was left aside.

    ignored: files not named as RAW. unreadable: RAW files, and folders that may hold some, that
    could not be read. aside: links to folders, and what is no file; for the user to know.
    """

    sources: tuple[Source, ...]
    duplicates: tuple[tuple[Path, Source], ...]
    ignored: tuple[Path, ...]
    unreadable: tuple[Aside, ...] = ()
    aside: tuple[Aside, ...] = ()


def find_sources(folder: Path, workspace: Workspace) -> RawFolder:
    """All RAW files in `folder` (or the one file), by name, hidden files left out.

    Raises:
        SeagullError: no such folder, or no RAW in it that can be read.
    """
    files, aside = walk(folder)
    raws = [file for file in files if _is_raw(file)]
    lost = [one for one in aside if one.lost and (one.folder or _is_raw(one.path))]
    if not raws and not lost:
        raise SeagullError(
            f"--raw {folder}: no RAW file in it ({len(files)} other files); expected names"
            " such as r0001.NEF or r0001.dng"
        )
    sources, unread = _identify(raws, workspace)
    lost += unread
    if not sources:
        raise SeagullError(f"--raw {folder}: no RAW file in it could be read; {lost[0]}")
    ignored = tuple(sorted(set(files) - set(raws)))
    others = tuple(one for one in aside if one not in lost)
    return RawFolder(*_without_copies(sources), ignored, tuple(lost), others)


def _is_raw(path: Path) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def _identify(raws: list[Path], workspace: Workspace) -> tuple[list[Source], list[Aside]]:
    known = read_memory(workspace)
    hashed, sources, unread = {}, [], []
    for path in raws:
        key = os.path.abspath(path)  # noqa: PTH100
        try:
            stat = path.stat()
            stamp = (stat.st_size, stat.st_mtime_ns)
            entry = known.get(key)
            sha = entry[2] if entry and entry[:2] == stamp else sha256_of_file(path)
        except OSError as error:
            unread.append(Aside(path, error.strerror or "cannot be read", lost=True))
            continue
        hashed[key] = (*stamp, sha)
        sources.append(Source(text_of(Path(key)), sha, stat.st_size, scene_id(path, sha)))
    others = {key: entry for key, entry in known.items() if key not in hashed and _exists(key)}
    if others | hashed != known:
        write_memory(workspace, others | hashed)
    return sources, unread


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # in a folder that may not be entered: not known to be gone
        return True


def _without_copies(
    sources: list[Source],
) -> tuple[tuple[Source, ...], tuple[tuple[Path, Source], ...]]:
    first: dict[str, Source] = {}
    copies = []
    for source in sources:
        if source.scene_id in first:
            copies.append((source.file, first[source.scene_id]))
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
