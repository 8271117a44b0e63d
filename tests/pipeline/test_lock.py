"""One writer a workspace: who comes second is told who holds it; the dead hold nothing."""

import os
import subprocess
import sys

import pytest
from runs import TINY, seagull

from manifests.errors import SeagullError
from pipeline.run.lock import HOLDER, LOCK, no_other_writer, only_writer

HOLD = """
import sys, time
from pathlib import Path
from pipeline.run.lock import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_holds_it_and_a_dead_holder_is_none(holder, tmp_path):
    out = tmp_path / "out"
    told = f"in use by process {holder.pid} on .* since 20"
    with pytest.raises(SeagullError, match=told), only_writer(out):
        pass
    holder.kill()
    holder.wait()
    assert (out / HOLDER).exists()  # it could not clean up
    with only_writer(out):
        assert str(os.getpid()) in (out / HOLDER).read_text()
    assert not out.exists() or not {LOCK, HOLDER} & {p.name for p in out.iterdir()}


def test_a_run_and_a_verify_beside_a_run_are_one_line_and_status_2(holder, tiny_raw, tmp_path):
    temporary = tmp_path / "out" / "tables" / "rois" / ".tmp-of-the-other"
    temporary.parent.mkdir(parents=True)
    temporary.touch()
    for command in (["build", "--raw", tiny_raw, *TINY], ["verify"]):
        ran = seagull(*command, "--out", tmp_path / "out", "--executor", "local")
        assert ran.returncode == 2
        assert len(ran.stderr.strip().splitlines()) == 1
        assert f"process {holder.pid}" in ran.stderr
    assert temporary.exists()


def test_who_only_reads_needs_no_folder_to_lock(tmp_path):
    with no_other_writer(tmp_path / "nowhere"):
        pass
    assert not (tmp_path / "nowhere").exists()
