"""The event log: a JSON line for every scene and stage that a run settled, a file a run.

It lies beside the dataset (report/events/): it holds times, and no byte of the data depends on it.
A line is written when its outcome is known, so a killed run's log ends early; a line that was cut
is left out by the reader.
"""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from manifests.errors import MachineError
from manifests.files import tell_of
from manifests.workspace import Workspace
from pipeline.workers.worker import Outcome


@dataclass(frozen=True)
class Event:
    """One outcome. ended: seconds since 1970. bytes: of what was written. worker: host:pid."""

    ended: float
    scene: str
    stage: str
    status: str  # done, or a reason of errors.REASONS
    attempt: int
    seconds: float
    cpu_seconds: float
    bytes: int
    worker: str


def events_folder(workspace: Workspace) -> Path:
    """Return where the logs lie."""
    return workspace.report / "events"


class EventLog:
    """One run's log, open for writing; it appears with its first line."""

    def __init__(self, workspace: Workspace) -> None:
        started = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        name = f"{started}-{socket.gethostname()}-{os.getpid()}.jsonl"
        self.path = events_folder(workspace) / name
        self._file: TextIO | None = None

    def write(self, outcome: Outcome) -> None:
        """Append a line; a disk that is full costs the log, not the run."""
        line = json.dumps(asdict(_event(outcome)))
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="utf-8")
            self._file.write(f"{line}\n")
            self._file.flush()
        except OSError:
            self._file = None

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None
            with suppress(MachineError):
                tell_of(self.path)


def _event(outcome: Outcome) -> Event:
    task, spent = outcome.task, outcome.spent
    return Event(
        ended=round(time.time(), 3),
        scene=task.source.scene_id,
        stage=task.stage,
        status="done" if outcome.done else outcome.reason,
        attempt=task.attempt,
        seconds=spent.seconds if spent else 0.0,
        cpu_seconds=spent.cpu_seconds if spent else 0.0,
        bytes=sum(outcome.done.sizes.values()) if outcome.done else 0,
        worker=spent.worker if spent else "lost",
    )


def read_events(workspace: Workspace) -> list[Event]:
    """Read every whole line of every log, by time; of the same time, by scene."""
    events = []
    for path in sorted(events_folder(workspace).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            event = _parsed(line)
            if event is not None:
                events.append(event)
    return sorted(events, key=lambda event: (event.ended, event.scene))


def _parsed(line: str) -> Event | None:
    try:
        values: dict[str, Any] = json.loads(line)
        return Event(**values)
    except (ValueError, TypeError):
        return None
