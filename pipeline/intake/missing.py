"""RAW files that are no longer what their scenes were made from: removed, replaced, renamed.

The dataset is its RAW files. A scene whose file is gone stays in the workspace until it is dropped,
but goes into no shard unless that is asked for. Files outside --raw that are where and what they
were are not missing: a dataset may be built from several folders.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from manifests.errors import MachineError, SeagullError
from manifests.keys import scene_id
from manifests.paths import text_of
from manifests.records import Scene
from manifests.store_url import StoreUrl
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import Entry, read_memory
from pipeline.intake.raw_place import RawStore, absolute, place_of_key, raw_place
from pipeline.intake.sources import Source
from pipeline.store.object_store import ObjectStore, store_faults


@dataclass(frozen=True)
class Missing:
    """A scene whose RAW is gone; `why` is for people."""

    source: Source
    why: str

    def __str__(self) -> str:
        return f"{self.source.scene_id} ({self.why}: {self.source.path})"


def locate(
    known: Sequence[Source], workspace: Workspace
) -> tuple[tuple[Source, ...], tuple[Missing, ...]]:
    """Split scenes into those whose RAW is there, with the path it has now, and the others.

    A file is known by its content, so that one that was moved is found where RAW files were last
    looked for. Contents are hashed only where size or time of change are not as remembered.
    """
    memory, remembered = read_memory(workspace), remembered_sources(workspace)
    folders: dict[StoreUrl, RawStore] = {}
    by_sha = {source.sha256: source for source in remembered.values()}
    there, missing = [], []
    for source in known:
        why, last = _why(source, memory, folders), remembered.get(source.scene_id)
        if not why:
            there.append(source)
        elif last and not _why(last, memory, folders):
            there.append(last)
        else:
            other = by_sha.get(source.sha256)
            renamed = other and not _why(other, memory, folders)
            missing.append(
                Missing(source, f"renamed to {other.path}" if other and renamed else why)
            )
    return tuple(there), tuple(missing)


def _why(source: Source, memory: dict[str, Entry], folders: dict[StoreUrl, RawStore]) -> str:
    """Say what became of the file; empty when it is what it was."""
    path = absolute(source.place)
    try:
        place = _listed(path.parent, folders) if isinstance(path, StoreUrl) else raw_place(path)
        stamp = place.stamp(path)
        if stamp[0] != source.bytes:
            return "replaced"
        entry = memory.get(os.fspath(path))
        known = entry and entry[:2] == stamp
        sha = entry[2] if entry and known else place.sha256([path])[path]
    except OSError as error:
        if source.in_store and isinstance(error, PermissionError):
            raise MachineError(f"{source.path}: {error}") from error
        return "removed"
    if isinstance(sha, OSError):
        return "removed"
    return "" if sha == source.sha256 else "replaced"


def _listed(folder: StoreUrl, folders: dict[StoreUrl, RawStore]) -> RawStore:
    """List a store's folder once for all the objects in it."""
    if folder not in folders:
        with store_faults(str(folder)):
            objects, _ = ObjectStore(folder).inside("")
        seen = {folder.below(name): one for name, one in objects.items()}
        folders[folder] = RawStore(folder, seen)
    return folders[folder]


def remembered_sources(workspace: Workspace) -> dict[str, Source]:
    """Return the RAW files that were there when last looked for, by scene_id."""
    sources: dict[str, Source] = {}
    for path, (size, _, sha) in sorted(read_memory(workspace).items()):
        place = place_of_key(path)
        source = Source(text_of(place), sha, size, scene_id(place, sha))
        sources.setdefault(source.scene_id, source)
    return sources


def workspace_sources(workspace: Workspace) -> tuple[Source, ...]:
    """Return what the workspace knows of, in scene_id order: scenes, and RAW files last seen.

    Scenes that failed have no row, and damaged rows cannot be read: the memory still knows them.
    """
    sources = remembered_sources(workspace)
    for path in sorted(workspace.table("scenes").glob("*.parquet")):
        if path.stem in sources:  # a file a scene, by its name: nothing new in it
            continue
        try:
            rows = read_records(path, Scene)
        except SeagullError:
            continue
        for row in rows:
            known = Source(row.path, row.sha256, row.bytes, row.scene_id)
            sources.setdefault(row.scene_id, known)
    return tuple(sources[key] for key in sorted(sources))
