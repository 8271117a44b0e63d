"""What stops a run: Ctrl-C, SIGTERM and SIGHUP alike, and the death of the driver."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

CASES = [
    ("local", signal.SIGINT, 130),
    ("local", signal.SIGTERM, 143),
    ("local", signal.SIGHUP, 129),
    ("local", signal.SIGKILL, -signal.SIGKILL),
    ("ray", signal.SIGTERM, 143),
    ("ray", signal.SIGKILL, -signal.SIGKILL),
]
LAST_WORDS = {
    signal.SIGINT: "seagull: interrupted; what is done stays done, run the same again",
    signal.SIGTERM: "seagull: stopped by SIGTERM; what is done stays done, run the same again",
    signal.SIGHUP: "seagull: stopped by SIGHUP; what is done stays done, run the same again",
    signal.SIGKILL: "",
}

HANGING = Path(__file__).parents[1] / "hanging_driver.py"


@pytest.mark.parametrize(("kind", "signum", "status"), CASES)
def test_a_stopped_run_says_so_and_leaves_no_worker(kind, signum, status, tmp_path):
    command = [sys.executable, str(HANGING), kind, str(tmp_path)]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    _until(lambda: len(list(tmp_path.iterdir())) == 2, 60)
    workers = [p for p in psutil.Process(driver.pid).children(recursive=True) if _works(p)]
    assert len(workers) >= 2
    if signum == signal.SIGKILL:
        driver.kill()
    else:
        os.killpg(driver.pid, signum)  # as a terminal does: the driver's children get it as well
    said = driver.communicate(timeout=30)[1]
    assert driver.returncode == status
    assert said.strip() == LAST_WORDS[signum]
    _until(lambda: not any(map(_lives, workers)), 5)


def _works(process: psutil.Process) -> bool:
    """Ray's agents of the node outlive it by a minute of their own."""
    return "Agent" not in process.name()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _until(holds, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
