"""Where tasks run: actors of a Ray cluster, or processes of this machine.

Both keep at most one task a worker, so the window is bounded by the workers, and pixels never leave
a worker. A worker that dies, or passes a limit of time or memory, costs its own task:
`next_outcome` returns it with reason `died`, `timeout` or `memory`, and a fresh worker takes its
place.
"""

import os
from typing import Protocol

from manifests.config import WorkConfig
from pipeline.workers.child_process import Limits, Work, memory_share
from pipeline.workers.worker import Outcome, Task, run_task


class Executor(Protocol):
    """A place with workers; how many may change."""

    def free(self, pool: str) -> int:
        """How many tasks more the pool takes now; one at least when nothing runs."""

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to a worker."""

    def next_outcome(self) -> Outcome | None:
        """Wait for one task to end, well or not; None: there is room for more meanwhile."""

    def close(self) -> None:
        """Stop the workers."""


def make_executor(
    kind: str, workers: int | None, config: WorkConfig, work: Work = run_task
) -> Executor:
    """`ray` or `local`; without `workers`, one for each CPU at hand.

    Raises:
        SeagullError: Ray cannot be started or reached.
    """
    if kind == "ray":
        from pipeline.workers.ray_cluster import connect
        from pipeline.workers.ray_executor import RayExecutor

        cluster = connect(workers or _cpus())
        try:
            return RayExecutor(cluster, workers, config, work)
        except BaseException:
            cluster.close()
            raise
    from pipeline.workers.local_executor import LocalExecutor

    count = workers or _cpus()
    memory_mb = config.memory_mb or memory_share(count)
    return LocalExecutor(count, Limits(config.timeout_s, memory_mb, config.wait_s), work)


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
