"""Tasks in actors of a Ray cluster, which come and go with its nodes.

An actor is started when a task needs one and the cluster has a CPU for it (or, for the pool `gpu`,
its share of a GPU). A task whose actor is lost with its node is done by another, at no cost of an
attempt. Nothing waits without a limit: when no task has run for `work.wait_s`, the run ends and
says what the cluster has.
"""

import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from manifests.config import WorkConfig
from manifests.errors import SeagullError
from pipeline.workers.child_process import Limits, Work
from pipeline.workers.ray_cluster import RayCluster, first_line
from pipeline.workers.ray_worker import RayWorker, SharedProof
from pipeline.workers.signals import signals_held
from pipeline.workers.worker import Outcome, Task, lost

WAIT_S = 0.3  # for an answer; signals are held meanwhile
LOOK_S = 1.0  # between two looks at what the cluster has
LOSSES = 5  # actors that one task may lose before it is held to be the reason
GRACE_S = 60.0  # over a task's own limit, before an actor that does not answer is given up
POOLS = ("cpu", "gpu")


@dataclass
class Actor:
    """One actor, and what it is asked: to get ready, or a task."""

    handle: Any
    pool: str
    since: float
    task: Task | None = None


class RayExecutor:
    """At most `workers` actors; without it, as many as the cluster has CPUs for."""

    def __init__(
        self, cluster: RayCluster, workers: int | None, config: WorkConfig, work: Work
    ) -> None:
        self.cluster, self.ray, self.work = cluster, cluster.ray, work
        self.most, self.gpus, self.wait_s = workers, config.gpus, config.wait_s
        self.limits = Limits(config.timeout_s, config.memory_mb, config.wait_s)
        self.actors: dict[Any, Actor] = {}  # by the reference they will answer
        self.idle: dict[str, list[Actor]] = {pool: [] for pool in POOLS}
        self.waiting: dict[str, deque[Task]] = {pool: deque() for pool in POOLS}
        self.losses: Counter[tuple[str, str]] = Counter()
        self.failed_starts = 0
        self.proof: SharedProof | None = None
        self.moved = self.looked = time.monotonic()
        self.has: dict[str, tuple[float, float]] = {}
        self._look()
        if cluster.ours and self.gpus > 0 and self._has("gpu")[0] == 0:
            raise SeagullError(f"work.gpus={self.gpus:g}, but Ray sees no GPU; set work.gpus=0")

    def free(self, pool: str) -> int:
        """How many tasks more the cluster has room for; one at least, when nothing is done."""
        running = sum(a.pool == pool and a.task is not None for a in self.actors.values())
        return self._room(pool) - running - len(self.waiting[pool])

    def _room(self, pool: str) -> int:
        total, available = self._has(pool)
        room = min(total, self._alive(pool) + available)
        return max(1, min(room, self.most) if self.most else room)

    def _alive(self, pool: str) -> int:
        return sum(a.pool == pool for a in self.actors.values()) + len(self.idle[pool])

    def _has(self, pool: str) -> tuple[int, int]:
        """How many workers of the pool the cluster could hold in all, and beside what is there."""
        total, available = self.has[pool]
        share = self.gpus if pool == "gpu" and self.gpus > 0 else 1
        return int(total / share), int(available / share)

    def _look(self) -> None:
        self.looked = time.monotonic()
        if not self.cluster.answers():
            return
        total, available = self.ray.cluster_resources(), self.ray.available_resources()
        for pool in POOLS:
            name = pool.upper()
            self.has[pool] = (total.get(name, 0.0), available.get(name, 0.0))

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to an actor, now or when one is there."""
        if self.proof is None and not self.cluster.ours:
            self.proof = SharedProof.of(task)
        if not self.actors and not any(self.waiting.values()):
            self.moved = time.monotonic()  # nothing was asked for until now
        self.waiting[pool].append(task)
        with signals_held():
            self._assign()

    def _assign(self) -> None:
        for pool, tasks in self.waiting.items():
            while tasks and self.idle[pool]:
                self._run(self.idle[pool].pop(), tasks.popleft())
            starting = sum(a.pool == pool and a.task is None for a in self.actors.values())
            wanted = min(len(tasks) - starting, self._room(pool) - self._alive(pool))
            for _ in range(wanted):
                self._start(pool)

    def _run(self, actor: Actor, task: Task) -> None:
        actor.task, actor.since = task, time.monotonic()
        self.actors[actor.handle.run.remote(task)] = actor

    def _start(self, pool: str) -> None:
        # A worker with a GPU asks for no CPU: workers without may hold them all.
        needs = {"num_cpus": 0, "num_gpus": self.gpus} if pool == "gpu" else {"num_cpus": 1}
        remote = self.ray.remote(RayWorker).options(max_restarts=0, **needs)
        handle = remote.remote(self.work, self.limits, self.gpus)
        self.actors[handle.ready.remote(self.proof)] = Actor(handle, pool, time.monotonic())

    def next_outcome(self) -> Outcome | None:
        """Wait for a task to end; None when the cluster has grown and takes more meanwhile.

        Raises:
            SeagullError: no task can run, or a node does not see the workspace.
        """
        room = self._room_in_all()
        while True:
            with signals_held():
                outcome = self._step()
            if outcome or self._room_in_all() > room:
                return outcome

    def _step(self) -> Outcome | None:
        """Wait a little for an answer, and see to limits and to what the cluster has."""
        ended, _ = self.ray.wait(list(self.actors), num_returns=1, timeout=WAIT_S)
        outcome = self._answer(ended[0]) if ended else self._overdue()
        if time.monotonic() - self.looked > LOOK_S:
            self._look()
        self._assign()
        if outcome is None:
            self._check_progress()
        return outcome

    def _room_in_all(self) -> int:
        return sum(self._room(pool) for pool in POOLS)

    def _answer(self, reference: Any) -> Outcome | None:
        actor = self.actors.pop(reference)
        try:
            answer = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            return self._bereft(actor, first_line(error))
        self.moved, self.failed_starts = time.monotonic(), 0
        task, actor.task = actor.task, None
        if task is None and answer:
            raise SeagullError(answer)
        self.idle[actor.pool].append(actor)
        return answer if task else None

    def _bereft(self, actor: Actor, why: str) -> Outcome | None:
        """The actor is lost, and its node perhaps: its task goes to the next one."""
        if actor.task is None:
            self.failed_starts += 1
            if self.failed_starts >= LOSSES:
                raise SeagullError(f"workers do not start on {self.cluster.address}: {why}")
            return None
        key = (actor.task.stage, actor.task.source.scene_id)
        self.losses[key] += 1
        if self.losses[key] >= LOSSES:
            return lost(actor.task, "died", f"{LOSSES} workers were lost over it, lastly: {why}")
        self.waiting[actor.pool].appendleft(actor.task)
        return None

    def _overdue(self) -> Outcome | None:
        """Give up what does not answer: an actor that does not start, or one that keeps a task."""
        now = time.monotonic()
        for reference, actor in list(self.actors.items()):
            limit = self.limits.timeout_s + GRACE_S if actor.task else self.wait_s / 2
            if now - actor.since > limit:
                del self.actors[reference]
                self.ray.kill(actor.handle)
                if actor.task:
                    text = f"stopped after {self.limits.timeout_s:g} s, its worker did not answer"
                    return lost(actor.task, "timeout", text)
        return None

    def _check_progress(self) -> None:
        idle_s = time.monotonic() - self.moved
        if any(actor.task for actor in self.actors.values()):
            self.moved = time.monotonic()
        elif idle_s > self.wait_s and any(self.waiting.values()):
            cpus, gpus = self.has["cpu"], self.has["gpu"]
            raise SeagullError(
                f"no worker came up within {self.wait_s:g} s (work.wait_s) on"
                f" {self.cluster.address}: {self._nodes()} nodes,"
                f" {cpus[1]:g} of {cpus[0]:g} CPUs and {gpus[1]:g} of {gpus[0]:g} GPUs are free;"
                " what is done stays done, run the same again when there is room"
            )

    def _nodes(self) -> int:
        return sum(node["Alive"] for node in self.ray.nodes())

    def close(self) -> None:
        """Let the actors go; a cluster that was here before stays."""
        if self.proof:
            self.proof.remove()
        self.cluster.close()
