"""What the driver of a run costs, with stages that cost nothing: `... driver_cost SCENES`.

Each task only leaves its done record, by an executor in the same process, so that what is measured
is the flow, the ledger and the records: seconds, CPU seconds and peak memory, of the first run and
of a second one that finds everything done.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

from manifests.done import Done
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.flow import Flow
from pipeline.stages.all_stages import BUILD
from pipeline.workers.worker import Outcome, Task


class Free:
    """An executor whose tasks cost a record each."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def free(self, pool: str) -> int:
        """Take as many as a small cluster."""
        return 64 - len(self.tasks)

    def submit(self, pool: str, task: Task) -> None:
        """Keep the task."""
        self.tasks.append(task)

    def next_outcome(self) -> Outcome:
        """Leave its record."""
        task = self.tasks.pop(0)
        done = Done(task.stage, task.source.scene_id, task.fingerprint, {}, {"made": 1})
        done.write(task.workspace.done(task.stage, task.source.scene_id))
        return Outcome(task, done)

    def close(self) -> None:
        """Stop nothing."""


def sources_of(count: int) -> list[Source]:
    """RAW files that do not exist."""
    return [Source(f"raw/{n}.NEF", f"{n:064x}", 1, f"s{n:06d}-{n:08x}") for n in range(count)]


def measure(count: int) -> list[str]:
    """A line for the first run, and one for the second."""
    lines = []
    # The records are the workers' to sync, not the driver's.
    with tempfile.TemporaryDirectory() as folder, mock.patch("os.fsync"):
        for what in ("first run", "all done"):
            start, cpu = time.monotonic(), time.process_time()
            flow = Flow(sources_of(count), list(BUILD), Workspace(Path(folder)), PRESETS["paper"])
            tally = flow.run(Free)
            took, cpu = time.monotonic() - start, time.process_time() - cpu
            settled = tally.made.total() + tally.kept.total()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            lines.append(
                f"{what}: {count:,} scenes, {settled:,} scene-stages, {took:.0f} s,"
                f" {cpu:.0f} CPU s ({1000 * cpu / settled:.2f} ms each), peak {peak:.0f} MiB"
            )
    return lines


if __name__ == "__main__":
    print("\n".join(measure(int(sys.argv[1]))))
