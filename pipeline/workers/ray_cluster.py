"""Ray, connected: the user's cluster at RAY_ADDRESS, or one of our own on this machine.

A cluster of our own listens on loopback alone, and whoever connects needs its token, which is made
for the run and lives in the environment of its processes. A user's cluster has the user's token.
"""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import psutil

from manifests.errors import SeagullError
from pipeline.workers.ray_farewell import hastened, kill_descendants
from pipeline.workers.signals import StoppedError, signals_held

ANSWER_S = 25.0  # for a cluster to take us in, once its port has answered
SILENCE_S = 20.0  # of a cluster's port, before the run ends: Ray itself aborts after 60
OUR_SILENCE_S = 4.0  # the same of our own, on loopback; Ray's processes give up after twice that
_PORT = 6379  # Ray's own, where RAY_ADDRESS names none
_TRIAL = (
    "import ray, sys\n"
    "try: ray.init(address=sys.argv[1], logging_level='critical', log_to_driver=False)\n"
    "except Exception as error: sys.exit('refused: ' + ' '.join(str(error).split())[:300])\n"
)


@dataclass
class RayCluster:
    """A connection, closed once."""

    ray: Any
    address: str  # as people know it
    ours: bool
    heard: float = 0.0  # when its port last answered
    lost: bool = False  # it answers no more
    folder: Path | None = None  # of a cluster of our own

    def answers(self) -> bool:
        """Whether the cluster's head takes a connection now; ask it nothing while it does not.

        Raises:
            SeagullError: it has not for a while.
        """
        now = time.monotonic()
        if not self.heard or _refusal(*self.head) is None:
            self.heard = now
            return True
        if now - self.heard > (OUR_SILENCE_S if self.ours else SILENCE_S):
            self.lost = True
            raise SeagullError(f"{self.address} has not answered for {now - self.heard:.0f} s")
        return False

    @cached_property
    def head(self) -> tuple[str, int]:
        """Where Ray's GCS listens."""
        host, port = self.ray.get_runtime_context().gcs_address.rsplit(":", 1)
        return host, int(port)

    def close(self) -> None:
        """Leave it; one of our own ends.

        Ray's farewell waits for its head, which may have got the signal that stopped us too: a run
        that was stopped, or has lost its head, ends without one.
        """
        stopped = isinstance(sys.exc_info()[1], KeyboardInterrupt | StoppedError)
        if self.lost or (stopped and self.ours):
            atexit.register(self._end, _status(sys.exc_info()[1]))
            return
        with signals_held(), hastened() if self.ours else nullcontext():
            self.ray.shutdown()
        self._tidy()

    def _end(self, status: int) -> None:
        """The last thing this process does: end what it started, and itself."""
        if self.ours:
            kill_descendants()
        self._tidy()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def _tidy(self) -> None:
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def _status(error: BaseException | None) -> int:
    """With which the command will end (cli/main.py)."""
    if isinstance(error, StoppedError):
        return error.status
    return 130 if isinstance(error, KeyboardInterrupt) else 2


def connect(workers: int, echo: bool = False) -> RayCluster:
    """The cluster at RAY_ADDRESS, or a local one with so many CPUs.

    `echo`: what its workers print is shown here.

    Raises:
        SeagullError: no cluster there, or it does not take us in.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address in ("", "local"):
        return _start(workers, echo)
    if address != "auto":
        _check_reachable(address)
    _check_takes_us_in(address)
    ray = _init(address=address, log_to_driver=echo)
    return RayCluster(ray, f"the Ray cluster at {address}", ours=False)


def _start(workers: int, echo: bool) -> RayCluster:
    if "ray" in sys.modules and not _token.cache_info().currsize:
        raise SeagullError(
            "Ray was imported before it could be confined to loopback, which it reads then; start"
            " this first, or in a process of its own"
        )
    before = _keep_inside()
    folder = _private_folder()
    try:
        ray = _init(
            address="local",
            num_cpus=workers,
            log_to_driver=echo,
            include_dashboard=False,
            _temp_dir=str(folder / "ray"),
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        _set(before)
    if ray.util.get_node_ip_address() != "127.0.0.1":
        ray.shutdown()
        raise SeagullError(
            f"Ray {ray.__version__} does not keep to loopback (tested: 2.60); --executor local"
            " needs no Ray, and RAY_ADDRESS names a cluster of your own"
        )
    return RayCluster(ray, "this machine's Ray", ours=True, folder=folder)


def _private_folder() -> Path:
    """Around Ray's sockets and logs, this user's alone; Ray opens its own folder to all.

    A socket's path has at most 107 bytes, of which Ray's own names and these take 92.
    """
    temporary = Path(tempfile.gettempdir())
    parent = temporary if len(str(temporary)) <= 14 else Path("/tmp")
    for left in parent.glob("seagull-*-*"):  # by a driver that was killed
        pid = left.name.split("-")[1]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"seagull-{os.getpid()}-", dir=parent))


@cache
def _token() -> str:
    """One a process: Ray keeps the first that it reads."""
    return secrets.token_hex(32)


def _keep_inside() -> dict[str, str | None]:
    """Loopback and a token of its own for what starts now; returns the environment before.

    Ray takes 127.0.0.1 for the node's address only where it thinks that clusters are not supported.
    """
    inside = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": f"{2 * OUR_SILENCE_S:.0f}",
        "RAY_worker_niceness": "0",  # the workers are what the machine is here for
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": _token(),
        "RAY_AUTH_TOKEN_PATH": None,
    }
    before = {name: os.environ.get(name) for name in inside}
    _set(inside)
    return before


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _init(**options: Any) -> Any:
    import ray

    # What is sent to all of a group must not end Ray's processes before us, or Ray aborts us: they
    # inherit what is blocked, and are killed in the end.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    try:
        with signals_held():
            ray.init(logging_level="error", **options)
    except SystemExit:  # the handler that Ray puts in place of SIGTERM's, during its start
        raise StoppedError(signal.SIGTERM) from None
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise SeagullError(f"Ray did not start: {first_line(error)}") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    return ray


def _check_reachable(address: str) -> None:
    host, _, port = address.removeprefix("ray://").partition(":")
    if not host or not (port or str(_PORT)).isdigit():
        raise SeagullError(f"RAY_ADDRESS={address}: expected HOST:PORT, auto or local")
    refusal = _refusal(host, int(port or _PORT))
    if refusal:
        raise SeagullError(f"RAY_ADDRESS={address}: no answer there ({refusal}); is the head up?")


def _refusal(host: str, port: int) -> str | None:
    """Why nothing takes a connection there, or None."""
    try:
        with socket.create_connection((host, port), timeout=5):
            return None
    except (OSError, OverflowError) as error:
        return first_line(error)


def _check_takes_us_in(address: str) -> None:
    """Try in a process that can be stopped: ray.init waits minutes for what is no Ray."""
    command = [sys.executable, "-c", _TRIAL, address]
    try:
        tried = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_S, process_group=0
        )
    except subprocess.TimeoutExpired:
        raise SeagullError(
            f"RAY_ADDRESS={address}: something is there, but it did not take us in within"
            f" {ANSWER_S:g} s; is it Ray's port, of this version, and is this machine a node of it?"
        ) from None
    if tried.returncode:
        lines = tried.stderr.strip().splitlines() or [f"ended with code {tried.returncode}"]
        raise SeagullError(f"RAY_ADDRESS={address}: {lines[-1]}")


def first_line(error: BaseException) -> str:
    """An exception's first line, or its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
