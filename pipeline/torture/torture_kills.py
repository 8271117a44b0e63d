"""Runs that end in the middle: killed at each file operation or at random, disk full, two at once.

After each, the same command again must leave the same bytes as a run that nothing disturbed.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.torture import small_build
from pipeline.torture.small_build import Ran, Trap, build, seagull, tree

SHORT_STEP = 24  # of the file operations, every n-th in the short form


def rows(short: bool) -> Iterator[Mapping[str, Any]]:
    """Try it; a row a promise."""
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as folder:
        bench = Bench(Path(folder))
        yield bench.killed(SHORT_STEP if short else 1)
        yield bench.full(SHORT_STEP if short else 1)
        yield bench.cut(2 if short else 12)
        yield bench.two_writers(1 if short else 10)
        if not short:
            yield bench.random_kills(30)


class Bench:
    """A folder with RAW files and the workspace that an undisturbed run makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.raw = small_build.write_raws(folder / "raw")
        whole = folder / "whole"
        self.operations = small_build.count_operations(self.log, whole, *build(self.raw, whole))
        self.wanted = tree(whole)
        self.trials = 0

    def killed(self, step: int) -> dict[str, Any]:
        """Kill at every `step`-th file operation."""
        points = range(1, self.operations + 1, step)
        held = sum(self._trial(n, small_build.die, _is_killed) for n in points)
        return _row("killed at a file operation, run again: the same bytes", len(points), held,
                    f"{self.operations} operations in a build")  # fmt: skip

    def full(self, step: int) -> dict[str, Any]:
        """Let every `step`-th file operation find the disk full."""
        points = range(1, self.operations + 1, step)
        held = sum(self._trial(n, small_build.disk_full, _is_machine) for n in points)
        return _row("disk full at a file operation: one line, status 2, nothing settled; then the"
                    " same bytes", len(points), held, "")  # fmt: skip

    def cut(self, count: int) -> dict[str, Any]:
        """Let writes fail in the middle of files of many sizes."""
        limits = [300 * 2**n for n in range(count)]
        held = sum(self._limited(limit) for limit in limits)
        return _row("no room in the middle of a file: one line, status 2; then the same bytes",
                    count, held, f"at {limits[0]} to {limits[-1]:,} bytes of a file")  # fmt: skip

    def two_writers(self, count: int) -> dict[str, Any]:
        """Start a second run while one is at it."""
        held = sum(self._second(n) for n in range(count))
        return _row("a second run is told who holds the workspace, and changes nothing", count,
                    held, "")  # fmt: skip

    def random_kills(self, count: int) -> dict[str, Any]:
        """Kill whole process groups of real runs with two workers at random moments."""
        random_numbers = random.Random(0)
        held = sum(self._at_random(random_numbers.uniform(2, 14)) for _ in range(count))
        return _row("killed (SIGKILL) at a random moment, two workers, run again: whole", count,
                    held, "121 renderings a scene")  # fmt: skip

    def _fresh(self) -> Path:
        self.trials += 1
        return self.folder / f"out{self.trials}"

    def _trial(
        self, at: int, spring: Callable[[], None], is_right: Callable[[Ran, Path], bool]
    ) -> bool:
        out = self._fresh()
        trap = Trap(out, at, spring)
        broken = seagull(self.log, *build(self.raw, out), before=trap.set)
        return is_right(broken, out) & self._ends_well(out)

    def _limited(self, limit: int) -> bool:
        out = self._fresh()
        before = small_build.limit_file_size(limit)
        broken = seagull(self.log, *build(self.raw, out), before=before)
        fits = broken.status == 0  # no file was larger
        return (fits or _is_machine(broken, out)) & self._ends_well(out)

    def _ends_well(self, out: Path) -> bool:
        again = seagull(self.log, *build(self.raw, out))
        same = again.status == 0 and tree(out) == self.wanted
        if not same:
            print(
                f"{out.name}: {again.text[-2000:]}",
                _difference(tree(out), self.wanted),
                file=sys.stderr,
            )
        shutil.rmtree(out, ignore_errors=True)
        return same

    def _second(self, number: int) -> bool:
        out = self._fresh()
        first = _start(self.raw, out)
        until = time.monotonic() + 60
        while not (out / ".lock.json").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3 * number)
        second = seagull(self.log, *build(self.raw, out))
        alone = first.poll() is not None  # the first had ended: the second had every right
        told = second.is_one_line and str(first.pid) in second.text
        return (alone or told) & (first.wait(300) == 0)

    def _at_random(self, seconds: float) -> bool:
        out = self._fresh()
        first = _start(self.raw, out)
        time.sleep(seconds)
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        again = _start(self.raw, out).wait(300)
        verified = subprocess.run([*_COMMAND, "verify", "--out", str(out)], capture_output=True)
        shutil.rmtree(out, ignore_errors=True)
        return (again, verified.returncode) == (0, 0)


_COMMAND = (sys.executable, "-m", "pipeline.cli")


def _start(raw: Path, out: Path) -> subprocess.Popen[bytes]:
    """Start the command as a user does, at full size, in a process group of its own."""
    command = [*_COMMAND, *map(str, build(raw, out)), "--workers", "2"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _is_killed(ran: Ran, out: Path) -> bool:
    return ran.status == small_build.KILLED


def _is_machine(ran: Ran, out: Path) -> bool:
    """One line, status 2, no failure; or the operation did not matter (a mode, a clean-up)."""
    settled = list((out / "tables" / "failures").glob("*"))
    right = (ran.is_one_line or ran.status == 0) and not settled
    if not right:
        print(f"{out.name}: {ran.status}: {ran.text[-1500:]}", settled, file=sys.stderr)
    return right


def _difference(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))[
        :9
    ]


def _row(promise: str, trials: int, held: int, note: str) -> dict[str, Any]:
    return {"promise": promise, "trials": trials, "held": held, "note": note}
