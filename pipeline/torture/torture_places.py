"""The same build in other places: on this machine, on Ray nodes of which one is lost and one joins.

`python -m pipeline.torture.torture_places [--short]` makes RAW files of photographs, builds them
in each place by the command `seagull build`, and compares every file of the datasets.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from pipeline.torture.local_nodes import Row, row_of, start_cluster, surroundings
from pipeline.torture.small_build import SETTINGS, tree

BUILD_S = 1200  # for one build, before it counts as a hang
_SEAGULL = (sys.executable, "-m", "pipeline.cli")
_WIDTH = 192


def rows(short: bool) -> Iterator[Row]:
    """One row a place."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        raw = _write_raws(here / "raw", 4 if short else 12)
        _build(raw, here / "local", "local")
        yield _compare(here, "ray", lambda: _build_on_nodes(raw, here / "ray"))


def _write_raws(folder: Path, count: int) -> Path:
    folder.mkdir()
    for name, load in list(bundled().items())[:count]:
        photo = load()
        size = (_WIDTH, round(_WIDTH * photo.shape[0] / photo.shape[1]))
        small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        write_dng(small, folder / f"{name}.dng", name)
    return folder


def _compare(here: Path, name: str, build: Callable[[], str]) -> Row:
    """A row: how many files of the local build are the same there, and whether there are others."""
    start, note = time.monotonic(), build()
    wanted, found = tree(here / "local"), tree(here / name)
    same = sum(found.get(path) == sha256 for path, sha256 in wanted.items())
    others = len(found.keys() - wanted.keys())
    return row_of(
        f"the same build {PLACES[name]}: every file the same",
        len(wanted) + others,
        same,
        f"{time.monotonic() - start:.0f} s, {others} files more; {note}",
    )


PLACES = {"ray": "on three Ray nodes, one killed halfway, another joining late"}


def _command(raw: Path, out: Path, executor: str) -> list[str]:
    places = ["--raw", str(raw), "--out", str(out)]
    return [*_SEAGULL, "build", *places, "--executor", executor, "--workers", "3", *SETTINGS]


def _build(raw: Path, out: Path, executor: str) -> None:
    ran = subprocess.run(
        _command(raw, out, executor), capture_output=True, text=True, timeout=BUILD_S
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])


def _build_on_nodes(raw: Path, out: Path) -> str:
    """Build in a process whose cluster loses a node and gets another; says when."""
    itself = [sys.executable, "-m", "pipeline.torture.torture_places", "--nodes"]
    ran = subprocess.run(
        [*itself, str(raw), str(out)],
        env=surroundings(), capture_output=True, text=True, timeout=BUILD_S,
    )  # fmt: skip
    return ran.stderr[-300:] if ran.returncode else ran.stdout.splitlines()[-1]


def _on_nodes(raw: Path, out: Path) -> None:
    """Build on three nodes; kill one when a third of the scenes are labelled, add one at half."""
    cluster = start_cluster(3)
    count, done = len(list(raw.iterdir())), out / "done"
    building = subprocess.Popen(_command(raw, out, "ray"))
    killed = _wait_for(done, count // 3, building)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    joined = _wait_for(done, count // 2, building)
    cluster.add_node()
    status = building.wait(BUILD_S)
    cluster.shutdown()
    print(f"a node killed at {killed}, another at {joined} of {count} scenes; status {status}")


def _wait_for(done: Path, count: int, building: "subprocess.Popen[bytes]") -> int:
    """Wait until so many scenes have labels, or the build has ended; returns how many have."""
    while True:
        labelled = len(list(done.glob("labels/*.json")))
        if labelled >= count or building.poll() is not None:
            return labelled
        time.sleep(0.05)


def main() -> None:
    """Print the rows; or be the process of the nodes."""
    if sys.argv[1:2] == ["--nodes"]:
        _on_nodes(*map(Path, sys.argv[2:]))
        return
    for row in rows("--short" in sys.argv[1:]):
        print("{promise}: {held} of {trials} held ({note})".format(**row), flush=True)


if __name__ == "__main__":
    main()
