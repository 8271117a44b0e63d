"""The record that a stage writes last for a scene, after all its files are in place.

It holds the fingerprint of all that made the output and the sha256 of every file, so that a stage
can tell what is done, what is stale, and (`verify`) what was changed since.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.files import write_atomic


def fingerprint(**parts: Any) -> str:
    """32 hex digits of the sha256 of `parts` as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Done:
    """`files` maps paths relative to the workspace to sha256; `counts` says what was made."""

    stage: str
    key: str
    fingerprint: str
    files: Mapping[str, str]
    counts: Mapping[str, int]

    def write(self, path: Path) -> None:
        """Write the record; call it after every file it names is in place."""
        write_atomic(path, json.dumps(vars(self), indent=1, sort_keys=True) + "\n")


def read_done(path: Path) -> Done | None:
    """Read the record at `path`; None when there is none or it cannot be read."""
    try:
        return Done(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
