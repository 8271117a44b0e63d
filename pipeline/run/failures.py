"""The failures table: what did not come about, why, and after how many attempts.

A failure holds for the fingerprint of what was tried: the same again is not tried again until
`seagull retry` does, and a success, or another input, replaces it. A row lies under a record, as
all files do; a damaged row says nothing, so that its scene is tried again.
"""

from dataclasses import replace
from pathlib import Path

from manifests.done import describe, read_done
from manifests.errors import SeagullError
from manifests.files import remove_file, sha256_of
from manifests.paths import one_line
from manifests.records import Failure
from manifests.tables import parse_records, write_records
from manifests.workspace import Workspace

MAY_PASS = frozenset({"died", "timeout", "memory"})  # worth another attempt; all else is settled
TABLE = "failures"


def _file_key(stage: str, key: str) -> str:
    return f"{stage}_{key}"


def write_failure(workspace: Workspace, failure: Failure) -> None:
    """Put the failure's row in place, over an older one of the same stage and key."""
    key = _file_key(failure.stage, failure.key)
    failure = replace(failure, message=one_line(failure.message))
    write_records(workspace.table_file(TABLE, key), [failure], Failure)
    _record(workspace, key, failure)


def _record(workspace: Workspace, key: str, failure: Failure) -> None:
    path = workspace.table_file(TABLE, key)
    done = describe(TABLE, key, failure.fingerprint, workspace.root, [path])
    done.write(workspace.done(TABLE, key))


def forget_failure(workspace: Workspace, stage: str, key: str) -> None:
    """Drop the row, if there is one."""
    _forget(workspace, _file_key(stage, key))


def _forget(workspace: Workspace, key: str) -> None:
    remove_file(workspace.done(TABLE, key))
    remove_file(workspace.table_file(TABLE, key))


def read_failures(workspace: Workspace) -> list[Failure]:
    """All rows that are as they were written, by stage and key."""
    rows = [_read(workspace, path) for path in _files(workspace)]
    return [row for row in rows if row]


def _files(workspace: Workspace) -> list[Path]:
    return sorted(workspace.table(TABLE).glob("*.parquet"))


def _read(workspace: Workspace, path: Path) -> Failure | None:
    record = workspace.done(TABLE, path.stem)
    try:
        content = path.read_bytes()
        if record.exists():  # older versions wrote none
            done = read_done(record)
            name = path.relative_to(workspace.root).as_posix()
            if done is None or done.files.get(name) != sha256_of(content):
                return None
        (row,) = parse_records(content, Failure, str(path))
        return row
    except (OSError, SeagullError, ValueError):
        return None


def mend_failures(workspace: Workspace) -> None:
    """Drop damaged rows and records without a row; write the record of rows that have none."""
    keys = {path.stem for path in _files(workspace)}
    for key in keys:
        row = _read(workspace, workspace.table_file(TABLE, key))
        if row is None:
            _forget(workspace, key)
        elif not workspace.done(TABLE, key).exists():
            _record(workspace, key, row)
    for record in workspace.done(TABLE, "*").parent.glob("*.json"):
        if record.stem not in keys:
            remove_file(record)


def forget_all(workspace: Workspace) -> int:
    """Drop all rows; returns how many."""
    keys = [path.stem for path in _files(workspace)]
    for key in keys:
        _forget(workspace, key)
    return len(keys)
