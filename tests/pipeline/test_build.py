"""The whole way, run as a user runs it: the same bytes however the work is done."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from runs import TINY, seagull, tree_sha256

from manifests.records import Failure
from manifests.tables import read_records


def test_a_build_is_complete(tiny):
    renderings = list((tiny / "renderings").rglob("*.*"))
    assert len(renderings) == 3 * 121
    verified = seagull("verify", "--out", tiny)
    assert verified.returncode == 0, verified.stderr
    assert "363 renderings" in verified.stdout
    assert "363 samples" in verified.stdout
    assert "all whole" in verified.stdout


def test_two_ray_workers_make_the_same_bytes_as_one_local(tiny, tiny_raw, tmp_path):
    """And while they do, every port that the run listens at is of the loopback interface."""
    out = tmp_path / "out"
    arguments = ["build", "--raw", tiny_raw, "--out", out, "--workers", "2", *TINY]
    with ThreadPoolExecutor(1) as elsewhere:
        running = elsewhere.submit(seagull, *arguments)
        listening = set()
        while not running.done():
            listening |= _listening_below(psutil.Process())
            time.sleep(0.2)
    ran = running.result()
    assert ran.returncode == 0, ran.stderr
    assert tree_sha256(out) == tree_sha256(tiny)
    assert {"gcs_server", "raylet"} <= {name for name, _ in listening}
    assert {at for _, at in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def _listening_below(process: psutil.Process) -> set[tuple[str, str]]:
    found = set()
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            for connection in child.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    found.add((child.name(), connection.laddr.ip))
    return found


@pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signal")
def test_killed_and_resumed_makes_the_same_bytes(tiny, tiny_raw, tmp_path):
    out = tmp_path / "out"
    arguments = ["build", "--raw", tiny_raw, "--out", out, "--executor", "local", "--workers", "2"]
    command = [sys.executable, "-m", "pipeline.cli", *map(str, arguments), *TINY]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + 120
    while len(list(out.glob("renderings/*/*.jpg"))) < 150 and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 150 <= len(list(out.glob("renderings/*/*.jpg"))) < 363
    resumed = seagull(*arguments, *TINY)
    assert resumed.returncode == 0, resumed.stderr
    assert tree_sha256(out) == tree_sha256(tiny)


def test_a_second_build_makes_nothing(tiny, tiny_raw):
    before = tree_sha256(tiny)
    again = seagull("build", "--raw", tiny_raw, "--out", tiny, "--executor", "local", *TINY)
    assert again.returncode == 0
    assert again.stdout.count(" 0 made") == 4  # three stages and the shards
    assert again.stdout.count("    0 made      3 kept      0 failed") == 3
    assert tree_sha256(tiny) == before


def test_what_is_stale_is_redone_and_only_that(tiny, tiny_raw, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    next((out / "renderings").rglob("blur_03.jpg")).unlink()
    ran = seagull("build", "--raw", tiny_raw, "--out", out, "--executor", "local",
                  "--workers", "1", *TINY)  # fmt: skip
    assert "render      1 made      2 kept" in ran.stdout
    assert "masks       0 made      3 kept" in ran.stdout
    assert tree_sha256(out) == tree_sha256(tiny)


def test_bad_files_cost_themselves_and_have_reasons(tiny_raw, tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    shutil.copy(tiny_raw / "coffee.dng", raw / "good.dng")
    content = (tiny_raw / "chelsea.dng").read_bytes()
    (raw / "cut.NEF").write_bytes(content[: len(content) // 2])
    (raw / "empty.NEF").write_bytes(b"")
    (raw / "text.NEF").write_text("This is no photograph.\n" * 40)
    (raw / "notes.txt").write_text("left aside\n")
    ran = seagull(
        "build", "--raw", raw, "--out", out, "--executor", "local", "--workers", "1", *TINY
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr + ran.stdout
    assert "3 failed" in ran.stderr
    failures = read_records(out / "tables" / "failures", Failure)
    reasons = {f.key.split("-")[0]: f.reason for f in failures}
    assert reasons == {"cut": "unreadable", "empty": "empty", "text": "not_raw"}
    assert len(list((out / "renderings").rglob("*.jpg"))) == 121
    again = seagull(
        "build", "--raw", raw, "--out", out, "--executor", "local", "--workers", "1", *TINY
    )
    assert again.returncode == 1
    assert "failed render cut" not in again.stderr  # not tried again
