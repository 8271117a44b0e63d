"""The failures table: what did not come about, why, and after how many attempts.

A failure holds for the fingerprint of what was tried: the same again is not tried again until
`seagull retry` forgets it, and a success, or another input, replaces it.
"""

from manifests.records import Failure
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace

MAY_PASS = frozenset({"died", "timeout", "memory"})  # worth another attempt; all else is settled


def _file_key(stage: str, key: str) -> str:
    return f"{stage}_{key}"


def write_failure(workspace: Workspace, failure: Failure) -> None:
    """Put the failure's row in place, over an older one of the same stage and key."""
    path = workspace.table_file("failures", _file_key(failure.stage, failure.key))
    write_records(path, [failure], Failure)


def forget_failure(workspace: Workspace, stage: str, key: str) -> None:
    """Drop the row, if there is one."""
    workspace.table_file("failures", _file_key(stage, key)).unlink(missing_ok=True)


def read_failures(workspace: Workspace) -> list[Failure]:
    """All rows, by stage and key."""
    return read_records(workspace.table("failures"), Failure)


def forget_all(workspace: Workspace) -> int:
    """Drop all rows; returns how many."""
    failures = read_failures(workspace)
    for failure in failures:
        forget_failure(workspace, failure.stage, failure.key)
    return len(failures)
