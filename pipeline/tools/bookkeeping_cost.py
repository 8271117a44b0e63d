"""What book-keeping costs at size: a build with nothing to do, status, plans, report, compact.

    python -m pipeline.tools.bookkeeping_cost SCENES FOLDER

makes a synthetic workspace in FOLDER, where it is not there already, and prints a Markdown table:
seconds, CPU seconds and peak memory, each of a process of its own. The plans of verify and shards
are what they do before the first file is read again or packed: their tasks cost nothing here.
"""

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.dataset.samples import seagull_100w
from pipeline.dataset.shards import find_ready, is_done, plan_shards
from pipeline.dataset.verify import verify
from pipeline.dataset.verify_scene import Checked
from pipeline.run.scatter import Start
from pipeline.tools.synthetic import make
from pipeline.workers.executors import Work
from pipeline.workers.worker import Outcome, Task

_CONFIG = "demo"


@dataclass
class Nothing:
    """An executor whose checks find nothing, at no cost."""

    task: Task | None = None

    def free(self, pool: str) -> int:
        """Take one at a time."""
        return 0 if self.task else 1

    def submit(self, pool: str, task: Task) -> None:
        """Keep the task."""
        self.task = task

    def next_outcome(self) -> Outcome | None:
        """Say that there is no problem."""
        task, self.task = self.task, None
        return Checked(task, None) if task else None

    def close(self) -> None:
        """Stop nothing."""


def _nothing(work: Work) -> Nothing:
    return Nothing()


def plan_verify(out: Path) -> str:
    """Do all of `verify` but the checks of scenes and shards."""
    start: Start = _nothing
    verified = verify(Workspace(out), PRESETS[_CONFIG], start)
    problems = [line for line in verified.problems if "shard" not in line]  # there are none
    return f"{len(problems)} problems"


def plan_shards_only(out: Path) -> str:
    """Find the scenes that are ready and the shards that they make; write none."""
    dataset, config = seagull_100w(Workspace(out)), PRESETS[_CONFIG]
    plans = plan_shards(dataset, find_ready(dataset, config, with_missing=True), config)
    return f"{len(plans)} shards, {sum(is_done(dataset, plan) for plan in plans)} of them done"


PLANS = {"verify, its plan": plan_verify, "shards, their plan": plan_shards_only}


def measure(raw: Path, out: Path) -> list[str]:
    """A row of the table for each command."""
    seagull = [sys.executable, "-m", "pipeline.cli"]
    itself = [sys.executable, "-m", "pipeline.tools.bookkeeping_cost", "--plan"]
    commands = {
        "labels, nothing to do": [*seagull, "labels", "--config", _CONFIG, "--raw", str(raw)],
        "status": [*seagull, "status"],
        **{name: [*itself, name] for name in PLANS},
        "report": [*seagull, "report"],
        "compact": [*seagull, "compact"],
        "report of compacted tables": [*seagull, "report"],
    }
    return [f"| {name} | {_cost([*line, '--out', str(out)])} |" for name, line in commands.items()]


def _cost(command: list[str]) -> str:
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return f"{time.monotonic() - start:.0f} | {_cpu(used):.0f} | {used.ru_maxrss / 1024:.0f}"


def _cpu(used: resource.struct_rusage) -> float:
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the workspace if it is not there, and print the table."""
    if sys.argv[1] == "--plan":
        print(PLANS[sys.argv[2]](Path(sys.argv[4])))
        return
    scenes, folder = int(sys.argv[1]), Path(sys.argv[2])
    raw, out = folder / "raw", folder / "out"
    if not out.exists():
        make(folder, scenes, PRESETS[_CONFIG])
    print(f"| {scenes:,} scenes | s | CPU s | peak MiB |\n|---|---|---|---|")
    print("\n".join(measure(raw, out)), flush=True)


if __name__ == "__main__":
    main()
