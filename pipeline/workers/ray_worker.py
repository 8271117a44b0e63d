"""The actor: one worker process on some node of a Ray cluster.

The work is done in a child of the actor (local_executor.py), so that limits hold as they do without
Ray, a crash costs no actor, and an actor that ends means that Ray or its node did.
"""

import os
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path

from manifests.errors import SeagullError
from manifests.files import TEMPORARY_PREFIX
from pipeline.workers.child_process import Limits, Work, memory_share
from pipeline.workers.local_executor import LocalExecutor
from pipeline.workers.worker import Outcome, Task

SEEN_S = 10.0  # for a file that the driver wrote to be seen: network disks remember that it was not


@dataclass(frozen=True)
class SharedProof:
    """A file in the workspace that only its owner could have written, and a folder of RAW files.

    None stands for what lies in a store, which is reached from everywhere or not at all: a task
    says so.
    """

    workspace: Path | None
    name: str
    raw: Path | None

    @classmethod
    def of(cls, task: Task) -> "SharedProof":
        """Prove what of the task's files lies on a disk."""
        raw = None if task.source.in_store else Path(task.source.path).absolute().parent
        return cls.write(None if task.workspace.url else task.workspace.root, raw)

    @classmethod
    def write(cls, workspace: Path | None, raw: Path | None) -> "SharedProof":
        """Put a file with a name of chance into the workspace."""
        proof = cls(workspace, f"{TEMPORARY_PREFIX}shared-{os.urandom(16).hex()}", raw)
        if workspace:
            workspace.mkdir(parents=True, exist_ok=True)
            (workspace / proof.name).touch()
        return proof

    def remove(self) -> None:
        """Take the file away."""
        if self.workspace:
            (self.workspace / self.name).unlink(missing_ok=True)

    def unseen(self) -> Path | None:
        """What cannot be seen from here, if anything."""
        until = time.monotonic() + SEEN_S
        while self.workspace and not (self.workspace / self.name).exists():
            if time.monotonic() > until:
                return self.workspace
            time.sleep(0.2)
        return self.raw if self.raw and not self.raw.exists() else None


class RayWorker:
    """See the module's docstring; does one task at a time."""

    def __init__(self, work: Work, limits: Limits, gpus: float) -> None:
        limits = replace(limits, memory_mb=limits.memory_mb or memory_share(_workers_of_node(gpus)))
        self.executor = LocalExecutor(1, limits, work)

    def ready(self, proof: SharedProof | None) -> str:
        """What is wrong with this node, in a line, or nothing."""
        unseen = proof.unseen() if proof else None
        if unseen is None:
            return ""
        return (
            f"node {platform.node()} ({_address()}) does not see {unseen} as the driver does;"
            " every node of the cluster needs the same files under the same path"
        )

    def run(self, task: Task) -> Outcome:
        """Do the task in the worker process; its outcome, whatever became of it."""
        try:
            self.executor.submit("", task)
            return self.executor.next_outcome()
        except SeagullError as error:
            text = f"node {platform.node()} ({_address()}): {error}"
            return Outcome(task, None, "internal", text, ends_run=True)


def _address() -> str:
    import ray

    return str(ray.util.get_node_ip_address())


def _workers_of_node(gpus: float) -> int:
    """How many may come to live here: one a CPU, and one for each `gpus` of its GPUs."""
    import ray

    own = ray.get_runtime_context().get_node_id()
    has = {node["NodeID"]: node["Resources"] for node in ray.nodes()}.get(own, {})
    on_gpus = has.get("GPU", 0) / gpus if gpus > 0 else 0
    return max(1, int(has.get("CPU", 0)) + int(on_gpus))
