"""RAW files that are no longer what their scenes were made from: removed, replaced, renamed.

The dataset is its RAW files. A scene whose file is gone stays in the workspace until it is dropped,
but goes into no shard unless that is asked for. Files outside --raw that are where and what they
were are not missing: a dataset may be built from several folders.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from manifests.files import sha256_of_file
from manifests.keys import scene_id
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import Entry, read_memory
from pipeline.intake.sources import Source


@dataclass(frozen=True)
class Missing:
    """A scene whose RAW is gone; `why` is for people."""

    source: Source
    why: str

    def __str__(self) -> str:
        return f"{self.source.scene_id} ({self.why}: {self.source.path})"


def missing_sources(
    known: Sequence[Source], workspace: Workspace, found: Sequence[Source] = ()
) -> list[Missing]:
    """Which of the `known` scenes have lost their RAW; `found` is what --raw holds now."""
    memory = read_memory(workspace)
    ids = {source.scene_id for source in found}
    by_sha = {source.sha256: source for source in found}
    missing = []
    for source in known:
        if source.scene_id in ids:
            continue
        why = _why(source, memory)
        if why and source.sha256 in by_sha:
            why = f"renamed to {by_sha[source.sha256].path}"
        if why:
            missing.append(Missing(source, why))
    return missing


def _why(source: Source, memory: dict[str, Entry]) -> str:
    """Say what became of the file; empty when it is what it was."""
    path = os.path.abspath(source.path)  # noqa: PTH100
    try:
        stat = os.stat(path)  # noqa: PTH116
        if stat.st_size != source.bytes:
            return "replaced"
        entry = memory.get(path)
        known = entry and entry[:2] == (stat.st_size, stat.st_mtime_ns)
        sha = entry[2] if entry and known else sha256_of_file(Path(path))
    except OSError:
        return "removed"
    return "" if sha == source.sha256 else "replaced"


def remembered_sources(workspace: Workspace) -> dict[str, Source]:
    """Return the RAW files that were there when last looked for, by scene_id."""
    sources: dict[str, Source] = {}
    for path, (size, _, sha) in sorted(read_memory(workspace).items()):
        source = Source(path, sha, size, scene_id(Path(path), sha))
        sources.setdefault(source.scene_id, source)
    return sources
