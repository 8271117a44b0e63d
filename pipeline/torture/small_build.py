"""A build small enough to be run a thousand times, each in a process that may be killed.

Two RAW files made from photographs, the reference and the strongest level of each distortion: 14
renderings. The command runs in a fork of this process (POSIX only), with the stages in it too, so
that every file operation of a run happens in one process. This process itself decodes nothing: the
threads of LibRaw and Arrow would not live through the fork.
"""

import errno
import hashlib
import importlib
import os
import resource
import runpy
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from manifests.config import WorkConfig
from pipeline.workers.worker import Outcome, Task, run_task

SETTINGS = (
    "--config=demo",
    "--set=render.long_edge=64",
    "--set=masks.points=8",
    "--set=masks.min_area=64",
)
PHOTOS = ("coffee", "chelsea")
_WIDTH = 96
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_OPERATIONS = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}
)
KILLED = 137
_MODULES = (
    "isp.tools.unprocess",
    "pipeline.cli.main",
    "pipeline.dataset.card",
    "pipeline.dataset.shards",
    "pipeline.dataset.verify",
    "pipeline.run.flow",
    "labelers.engine.mask_models",
    "scipy.optimize",
    "sklearn.cluster",
    "skimage.segmentation",
)


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote to both its streams."""

    status: int
    text: str

    @property
    def is_one_line(self) -> bool:
        """Whether it ended with status 2, a line for people, and no traceback."""
        lines = [line for line in self.text.splitlines() if line.startswith("seagull: ")]
        return self.status == 2 and len(lines) == 1 and "Traceback" not in self.text


class Inline:
    """An executor that does each task in this process."""

    def __init__(self, work: Callable[[Task], Outcome]) -> None:
        self.work, self.tasks = work, list[Task]()

    def free(self, pool: str) -> int:
        """Take one task at a time."""
        return 1 - len(self.tasks)

    def submit(self, pool: str, task: Task) -> None:
        """Keep the task."""
        self.tasks.append(task)

    def next_outcome(self) -> Outcome:
        """Do the task that was kept last."""
        return self.work(self.tasks.pop())

    def close(self) -> None:
        """Stop nothing."""


def load_once() -> None:
    """Import what every child would import anew; importing starts no thread that a fork loses."""
    for name in _MODULES:
        importlib.import_module(name)


def write_raws(folder: Path) -> Path:
    """Write the RAW files; in a child, so that this process loads no more than it must."""

    def write() -> int:
        from isp.tools.photographs import bundled
        from isp.tools.unprocess import write_dng

        for name in PHOTOS:
            photo = bundled()[name]()
            size = (_WIDTH, round(_WIDTH * photo.shape[0] / photo.shape[1]))
            small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
            write_dng(small, folder / f"{name}.dng", name)
        return 0

    load_once()
    folder.mkdir(parents=True)
    assert in_child(write, folder.parent / "log").status == 0
    return folder


def seagull(log: Path, *arguments: str | Path, before: Callable[[], None] = lambda: None) -> Ran:
    """Run the command in a child, after `before`, which may set a trap for it."""

    def command() -> int:
        make_small()
        before()
        return _main(arguments)

    return in_child(command, log)


def _main(arguments: Sequence[str | Path]) -> int:
    sys.argv = ["seagull", *map(str, arguments)]
    try:
        runpy.run_module("pipeline.cli", run_name="__main__")
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def in_child(work: Callable[[], int], log: Path) -> Ran:
    """Do `work` in a fork of this process; its status and what it wrote."""
    child = os.fork()
    if child == 0:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        try:
            status = work()
        except BaseException:
            traceback.print_exc()
            status = 70
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    return Ran(os.waitstatus_to_exitcode(status), log.read_text(errors="replace"))


def make_small() -> None:
    """Let a scene have seven renderings, and the executor be this process; for a child alone."""
    import pipeline.dataset.verify_scene
    import pipeline.stages.render_stage
    import pipeline.workers.executors
    from isp.development.recipes import recipes

    def few(config: Any) -> list[Any]:
        return [recipe for recipe in recipes(config) if recipe.level in (0, 20)]

    def inline(kind: str, workers: int | None, config: WorkConfig, work: Any = run_task) -> Inline:
        return Inline(work)

    for module in (pipeline.dataset.verify_scene, pipeline.stages.render_stage):
        module.recipes = few  # type: ignore[attr-defined]
    pipeline.workers.executors.make_executor = inline


class Trap:
    """Counts a process's file operations below a folder, and at the n-th does something.

    What counts: opening for writing, making, renaming and removing files and folders, changing
    modes; as Python's audit events tell of them, before they happen.
    """

    def __init__(self, folder: Path, at: int, spring: Callable[[], None]) -> None:
        self.folder, self.at, self.spring, self.count = str(folder), at, spring, 0

    def set(self) -> None:
        """Watch this process from here on; there is no way back."""
        sys.addaudithook(self._see)

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not (opens or event in _OPERATIONS):
            return
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and str(path).startswith(self.folder):
            self.count += 1
            if self.count == self.at:
                self.spring()


def die() -> None:
    """End as by SIGKILL: nothing is cleaned up."""
    os._exit(KILLED)


def disk_full() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def limit_file_size(size: int) -> Callable[[], None]:
    """Return what makes writing beyond `size` bytes fail in the middle of a file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def count_operations(log: Path, out: Path, *arguments: str | Path) -> int:
    """Run the command whole and return how many file operations it made below `out`."""
    told = log.with_suffix(".count")
    trap = Trap(out, 0, die)

    def command() -> int:
        make_small()
        trap.set()
        status = _main(arguments)
        told.write_text(str(trap.count))
        return status

    ran = in_child(command, log)
    assert ran.status == 0, ran.text
    return int(told.read_text())


def tree(folder: Path) -> dict[str, str]:
    """Sha256 of every file but those that hold times: the memory of RAW files, logs of runs."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "sources.json" and path.parent.name != "events"
    }


def build(raw: Path, out: Path) -> Sequence[str | Path]:
    """Return the command line of the build."""
    return ("build", "--raw", raw, "--out", out, "--executor", "local", *SETTINGS)
