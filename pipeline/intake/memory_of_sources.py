"""Hashes of RAW files, kept with size and time of change, so that no file is read twice.

It also says which files were there when they were last looked for, those that no row of a table
names included: `status` and `retry` know by it what failed. Damaged, it is forgotten.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from manifests.files import sha256_of, write_atomic
from manifests.workspace import Workspace

Entry = tuple[int, int, str]  # bytes, time of change in ns, sha256


def memory_file(workspace: Workspace) -> Path:
    """Return where the memory lies."""
    return workspace.root / "done" / "sources.json"


def read_memory(workspace: Workspace) -> dict[str, Entry]:
    """Read what is known of each absolute path; empty where there is nothing, or it is damaged."""
    try:
        text = memory_file(workspace).read_text()
        values = json.loads(text)
        old = "checksum" not in values  # written by an older version
        entries = (values if old else values["files"]).items()
        files = {path: (int(e[0]), int(e[1]), str(e[2])) for path, e in entries}
        return files if old or text == _text(files) else {}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}


def write_memory(workspace: Workspace, files: Mapping[str, Entry]) -> None:
    """Put the memory in place, with its checksum."""
    write_atomic(memory_file(workspace), _text(files))


def _text(files: Mapping[str, Entry]) -> str:
    body = json.dumps(files, indent=0, sort_keys=True)
    return f'{{"checksum": "{sha256_of(body.encode())}", "files": {body}}}\n'
