"""The short form of what `make torture` tries: kills, full disks and damage, in small numbers."""

import os
import subprocess
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("kills by fork and POSIX signals", allow_module_level=True)

PROGRAM = """
import sys, tempfile, pathlib
from pipeline.torture import torture_damage, torture_kills
with tempfile.TemporaryDirectory() as folder:
    bench = torture_kills.Bench(pathlib.Path(folder))
    step = bench.operations // {points}
    for row in (bench.killed(step), bench.full(step), bench.cut(1)):
        print(row["trials"], row["held"], row["promise"])
with tempfile.TemporaryDirectory() as folder:
    out = torture_damage.rich_workspace(pathlib.Path(folder))
    for kind, count in zip(torture_damage.COUNTS, (24, 8, 5)):
        missed = torture_damage.find(out, kind, count, seed=1)
        print(count, count - len(missed), kind, missed)
"""


def test_nothing_is_lost_and_nothing_is_silent():
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    ran = subprocess.run([sys.executable, "-c", PROGRAM.format(points=4)], capture_output=True,
                         text=True, env={**os.environ, **threads}, timeout=400)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    rows = [line.split(maxsplit=2) for line in ran.stdout.splitlines()]
    assert len(rows) == 6
    for trials, held, what in rows:
        assert trials == held, f"{what}\n{ran.stderr[-3000:]}"
