"""Run the command as a user would, and compare what it left."""

import hashlib
import subprocess
import sys
from pathlib import Path

TINY = ["--config", "demo", "--set", "render.long_edge=160", "--set", "masks.points=8"]


def seagull(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    """Run the command as a user would, in a process of its own."""
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400, **options)


def tree_sha256(workspace: Path) -> dict[str, str]:
    """Of every file of a workspace but those that hold times: RAW file memory, event logs."""
    return {
        path.relative_to(workspace).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(workspace.rglob("*"))
        if path.is_file() and path.name != "sources.json" and path.parent.name != "events"
    }
