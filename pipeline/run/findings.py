"""What was found wrong in the RAW folder, before any scene is worked on, as rows of `failures`.

A row goes when what it says is no longer so.
"""

from collections.abc import Iterator

from manifests.files import sha256_of
from manifests.keys import scene_id
from manifests.paths import text_of
from manifests.records import Failure
from manifests.workspace import Workspace
from pipeline.intake.sources import RawFolder
from pipeline.intake.walk import Aside
from pipeline.run.failures import forget_failure, read_failures, write_failure

_STAGE, _COPY, _UNREADABLE = "render", "_copy", "_unreadable"


def record_findings(workspace: Workspace, folder: RawFolder) -> int:
    """Put the rows in place and drop those of earlier runs; returns how many there are."""
    rows = [*_copies(folder), *map(_unreadable, folder.unreadable)]
    keys = {row.key for row in rows}
    for old in read_failures(workspace):
        if old.stage == _STAGE and old.key.endswith((_COPY, _UNREADABLE)) and old.key not in keys:
            forget_failure(workspace, old.stage, old.key)
    for row in rows:
        write_failure(workspace, row)
    return len(rows)


def _copies(folder: RawFolder) -> Iterator[Failure]:
    for path, source in folder.duplicates:
        text = f"{text_of(path)} has the name and content of {source.path}; one of them is enough"
        key = f"{source.scene_id}{_COPY}"
        yield Failure(_STAGE, key, "duplicate", text, 1, source.sha256)


def _unreadable(one: Aside) -> Failure:
    name = text_of(one.path)
    key = f"{scene_id(one.path, sha256_of(name.encode()))}{_UNREADABLE}"
    return Failure(_STAGE, key, "unreadable", str(one), 1, "")
