"""Where tasks run: actors of a Ray cluster, or processes of this machine.

Both keep at most one task a worker, so the window is bounded by the workers, and pixels never leave
a worker. A worker that dies or runs out of time costs its own task: `next_outcome` returns it with
reason `died` or `timeout`, and a fresh worker takes its place.
"""

import concurrent.futures
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from manifests.config import WorkConfig
from manifests.errors import SeagullError
from pipeline.run.worker import THREAD_VARIABLES, Outcome, Task, cap_threads, run_task

Work = Callable[[Task], Outcome]


class Executor(Protocol):
    """A place with a fixed number of workers."""

    def free(self, pool: str) -> int:
        """How many workers of the pool wait for a task."""

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to a free worker."""

    def next_outcome(self) -> Outcome:
        """Wait for one task to end, well or not."""

    def close(self) -> None:
        """Stop the workers."""


def _lost(task: Task, reason: str, why: str) -> Outcome:
    return Outcome(task, None, reason, f"{task.source.path}: {why}")


class LocalExecutor:
    """Processes of this machine, by pebble; spawned, because LibRaw's OpenMP hangs after fork."""

    def __init__(self, workers: int, timeout_s: float, work: Work) -> None:
        import pebble

        self.workers, self.timeout_s, self.work = workers, timeout_s, work
        self.running: dict[concurrent.futures.Future, Task] = {}
        self.pool = pebble.ProcessPool(
            max_workers=workers,
            context=multiprocessing.get_context("spawn"),
            initializer=cap_threads,
        )

    def free(self, pool: str) -> int:
        """All pools share the workers here."""
        return self.workers - len(self.running)

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to a process."""
        future = self.pool.schedule(self.work, args=(task,), timeout=self.timeout_s)
        self.running[future] = task

    def next_outcome(self) -> Outcome:
        """Wait for one process."""
        from pebble import ProcessExpired

        ended, _ = concurrent.futures.wait(
            self.running, return_when=concurrent.futures.FIRST_COMPLETED
        )
        future = min(ended, key=lambda f: self.running[f].source.scene_id)
        task = self.running.pop(future)
        try:
            outcome: Outcome = future.result()
            return outcome
        except concurrent.futures.TimeoutError:
            return _lost(task, "timeout", f"stopped after {self.timeout_s:g} s")
        except ProcessExpired as error:
            return _lost(task, "died", f"its worker ended with code {error.exitcode}")

    def close(self) -> None:
        """Stop the processes."""
        self.pool.stop()
        self.pool.join()


class RayExecutor:
    """Actors of a Ray cluster: the one at RAY_ADDRESS, or one started on this machine."""

    def __init__(self, workers: int | None, config: WorkConfig, work: Work) -> None:
        self.ray = _connect(workers)
        self.timeout_s, self.gpus, self.work = config.timeout_s, config.gpus, work
        pools = self._pools(workers)
        self.idle = {pool: [self._actor(pool) for _ in range(n)] for pool, n in pools.items()}
        self.ray.get([actor.ready.remote() for actors in self.idle.values() for actor in actors])
        self.running: dict[Any, tuple[Task, str, Any, float]] = {}

    def _pools(self, workers: int | None) -> dict[str, int]:
        have = self.ray.cluster_resources()
        pools = {"cpu": workers or max(1, int(have.get("CPU", 1)))}
        if self.gpus > 0:
            pools["gpu"] = int(have.get("GPU", 0) / self.gpus)
            if pools["gpu"] == 0:
                raise SeagullError(f"work.gpus={self.gpus:g}, but Ray sees no GPU; set work.gpus=0")
        return pools

    def _actor(self, pool: str) -> Any:
        environment = {"env_vars": dict.fromkeys(THREAD_VARIABLES, "1")}
        options = {"num_cpus": 1, "max_restarts": 0, "runtime_env": environment}
        if pool == "gpu":
            options["num_gpus"] = self.gpus
        return self.ray.remote(_Worker).options(**options).remote(self.work)

    def _replace(self, pool: str) -> None:
        """Start an actor and wait for it: a task's time limit must not count its worker's start."""
        actor = self._actor(pool)
        self.ray.get(actor.ready.remote())
        self.idle[pool].append(actor)

    def free(self, pool: str) -> int:
        """Idle actors of the pool."""
        return len(self.idle[pool])

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to an idle actor."""
        actor = self.idle[pool].pop()
        self.running[actor.run.remote(task)] = (task, pool, actor, time.monotonic())

    def next_outcome(self) -> Outcome:
        """Wait for one actor, or for the first to run out of time."""
        while True:
            ended, _ = self.ray.wait(list(self.running), num_returns=1, timeout=self._patience())
            if ended:
                return self._collect(ended[0])
            overdue = [r for r in self.running if self._age(r) > self.timeout_s]
            if overdue:
                return self._give_up(overdue[0])

    def _age(self, reference: Any) -> float:
        return time.monotonic() - self.running[reference][3]

    def _patience(self) -> float:
        return max(0.05, self.timeout_s - max(map(self._age, self.running)))

    def _collect(self, reference: Any) -> Outcome:
        task, pool, actor, _ = self.running.pop(reference)
        try:
            outcome: Outcome = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            self._replace(pool)
            return _lost(task, "died", f"its worker ended: {_first_line(error)}")
        self.idle[pool].append(actor)
        return outcome

    def _give_up(self, reference: Any) -> Outcome:
        task, pool, actor, _ = self.running.pop(reference)
        self.ray.kill(actor)
        self._replace(pool)
        return _lost(task, "timeout", f"stopped after {self.timeout_s:g} s")

    def close(self) -> None:
        """Let the actors go; a cluster that was here before stays."""
        self.ray.shutdown()


class _Worker:
    """The actor: one process that does one task at a time."""

    def __init__(self, work: Work) -> None:
        cap_threads()
        self.work = work

    def ready(self) -> None:
        """Answers once the process is up."""

    def run(self, task: Task) -> Outcome:
        return self.work(task)


def _connect(workers: int | None) -> Any:
    """Ray, initialised: no dashboard, no usage report, no token file in HOME for a local one."""
    address = os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    local: dict[str, Any] = {}
    if not address:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        local = {"num_cpus": workers or _cpus(), "include_dashboard": False}
    import ray

    try:
        ray.init(address=address, logging_level="error", log_to_driver=False, **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise SeagullError(f"Ray did not start: {_first_line(error)}") from error
    return ray


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def make_executor(
    kind: str, workers: int | None, config: WorkConfig, work: Work = run_task
) -> Executor:
    """`ray` or `local`; without `workers`, one for each CPU at hand."""
    if kind == "ray":
        return RayExecutor(workers, config, work)
    return LocalExecutor(workers or _cpus(), config.timeout_s, work)
