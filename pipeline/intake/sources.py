"""RAW files found, hashed and named.

What counts as RAW is decided by the file's name; whether it really is one, by LibRaw at rendering.
Hashes are kept with size and time of change, so that a second run does not read every file again.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from manifests.chance import unit_interval
from manifests.config import ShardsConfig
from manifests.errors import SeagullError
from manifests.keys import scene_id
from manifests.paths import path_of, text_of
from manifests.records import Scene
from manifests.store_url import StoreUrl, is_url
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import read_memory, write_memory
from pipeline.intake.raw_place import Place, RawPlace, Stamp, absolute, raw_place
from pipeline.intake.walk import Aside
from pipeline.store.scratch import scratch

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
    fetched: Path | None = None  # where it is at hand, of one that lies in a store

    @property
    def file(self) -> Path:
        """Where it lies."""
        return self.fetched or path_of(self.path)

    @property
    def place(self) -> Place:
        """Where it was found."""
        return StoreUrl(self.path) if self.in_store else path_of(self.path)

    @property
    def in_store(self) -> bool:
        """Whether it is an object of a store, at hand or not."""
        return is_url(self.path)


@dataclass(frozen=True)
class RawFolder:
    """What a folder holds: sources in scene_id order, copies of them, and what was left aside.

    ignored: files not named as RAW. unreadable: RAW files, and folders that may hold some, that
    could not be read. aside: links to folders, and what is no file; for the user to know.
    """

    sources: tuple[Source, ...]
    duplicates: tuple[tuple[Place, Source], ...]
    ignored: tuple[Place, ...]
    unreadable: tuple[Aside, ...] = ()
    aside: tuple[Aside, ...] = ()


def find_sources(folder: Place, workspace: Workspace) -> RawFolder:
    """All RAW files in `folder` (or the one file), by name, hidden files left out.

    Raises:
        SeagullError: no such folder, or no RAW in it that can be read.
        MachineError: the store that `folder` is in cannot be reached.
    """
    place = raw_place(folder)
    files, aside = place.walk()
    raws = [file for file in files if _is_raw(file)]
    lost = [one for one in aside if one.lost and (one.folder or _is_raw(one.path))]
    if not raws and not lost:
        raise SeagullError(
            f"--raw {folder}: no RAW file in it ({len(files)} other files); expected names"
            " such as r0001.NEF or r0001.dng"
        )
    sources, unread = _identify(place, raws, workspace)
    lost += unread
    if not sources:
        raise SeagullError(f"--raw {folder}: no RAW file in it could be read; {lost[0]}")
    ignored = tuple(sorted(set(files) - set(raws)))
    others = tuple(one for one in aside if one not in lost)
    return RawFolder(*_without_copies(sources), ignored, tuple(lost), others)


def _is_raw(path: Place) -> bool:
    return path.suffix.lower() in RAW_SUFFIXES


def _identify(
    place: RawPlace, raws: list[Place], workspace: Workspace
) -> tuple[list[Source], list[Aside]]:
    known = read_memory(workspace)
    stamps, unread = _stamps(place, raws)
    fresh = [path for path, stamp in stamps.items() if known.get(_key(path), ())[:2] != stamp]
    hashed = place.sha256(fresh) if fresh else {}
    entries, sources = {}, []
    for path, stamp in stamps.items():
        sha = hashed[path] if path in hashed else known[_key(path)][2]
        if isinstance(sha, OSError):
            unread.append(_unread(path, sha))
            continue
        entries[_key(path)] = (*stamp, sha)
        sources.append(Source(text_of(absolute(path)), sha, stamp[0], scene_id(path, sha)))
    others = {k: entry for k, entry in known.items() if k not in entries and not place.gone(k)}
    if others | entries != known:
        write_memory(workspace, others | entries)
    return sources, unread


def _key(path: Place) -> str:
    return os.fspath(absolute(path))


def _stamps(place: RawPlace, raws: list[Place]) -> tuple[dict[Place, Stamp], list[Aside]]:
    stamps: dict[Place, Stamp] = {}
    unread = []
    for path in raws:
        try:
            stamps[path] = place.stamp(path)
        except OSError as error:
            unread.append(_unread(path, error))
    return stamps, unread


def _unread(path: Place, error: OSError) -> Aside:
    return Aside(path, error.strerror or "cannot be read", lost=True)


def _without_copies(
    sources: list[Source],
) -> tuple[tuple[Source, ...], tuple[tuple[Place, Source], ...]]:
    first: dict[str, Source] = {}
    copies = []
    for source in sources:
        if source.scene_id in first:
            copies.append((source.place, first[source.scene_id]))
        first.setdefault(source.scene_id, source)
    return tuple(first[key] for key in sorted(first)), tuple(copies)


def known_sources(workspace: Workspace) -> tuple[Source, ...]:
    """List the sources of the scenes already in the workspace, in scene_id order."""
    scenes = read_records(workspace.table("scenes"), Scene)
    return tuple(Source(s.path, s.sha256, s.bytes, s.scene_id) for s in scenes)


@contextmanager
def at_hand(sources: Sequence[Source]) -> Iterator[tuple[Source, ...]]:
    """Have the RAW files that lie in a store on this machine's disk within the block.

    Raises:
        SceneError: one is gone, or not what it was.
    """
    with ExitStack() as ending:
        near = []
        for one in sources:
            if one.in_store:
                room = scratch(Workspace(Path()), one.path, one.sha256, one.bytes)
                near.append(replace(one, fetched=ending.enter_context(room).raw))
            else:
                near.append(one)
        yield tuple(near)


def split_of(sha256: str, config: ShardsConfig) -> str:
    """train, val or test: decided by the hash of the RAW's sha256 and the salt, never by order."""
    place = unit_interval("split", config.salt, sha256)
    if place < config.train:
        return "train"
    return "val" if place < config.train + config.val else "test"
