"""What Ray does to a run: nodes that go and come, CPUs that others hold, heads that fall silent.

`python -m pipeline.torture.torture_nodes [--short]` plays it on clusters of this machine, whose
nodes are processes, and prints what was promised, tried and held. Every scene is a process of its
own, ended when it takes too long: a run that hangs has not held.
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from manifests.config import WorkConfig
from manifests.done import Done
from manifests.errors import SeagullError
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.scatter import drain
from pipeline.torture.local_nodes import Row, processes, row_of, start_cluster, surroundings
from pipeline.workers.executors import Executor, make_executor
from pipeline.workers.worker import Outcome, Task

SCENE_S = 600  # for one scene, before it counts as a hang


def rows(short: bool) -> Iterator[Row]:
    """One row a promise: promise, trials, held, note."""
    for name, scene in SCENES.items():
        if not short or name in SHORT:
            yield from _play_apart(name, scene.__doc__ or name, short)


def _play_apart(name: str, promise: str, short: bool) -> list[Row]:
    code = f"from pipeline.torture.torture_nodes import play; play({name!r}, {short})"
    played = subprocess.Popen(
        [sys.executable, "-c", code],
        env=surroundings(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        said, complaints = played.communicate(timeout=SCENE_S)
        return [
            json.loads(line) for line in said.splitlines() if line.startswith('{"promise"')
        ] or [row_of(promise, 1, 0, " ".join(complaints.split())[-200:])]
    except subprocess.TimeoutExpired:
        played.kill()
        return [row_of(promise, 1, 0, f"hung for {SCENE_S} s")]


def play(name: str, short: bool) -> None:
    """One scene, in this process; prints its rows."""
    for row in SCENES[name](short):
        print(json.dumps(row), flush=True)


def nap(task: Task) -> Outcome:
    """The work: sleep as many seconds as the source's path says; tells its node by its raylet."""
    time.sleep(float(Path(task.source.path).name))
    done = Done(task.stage, task.source.scene_id, task.fingerprint, {}, {})
    return Outcome(task, done, message=os.environ.get("RAY_RAYLET_PID", ""))


def _tasks(count: int, seconds: float, folder: str) -> list[Task]:
    return [
        Task(
            "render",
            Source(f"{folder}/{seconds}", f"{n:064x}", 1, f"s{n}-00000000"),
            Workspace(Path(folder)),
            PRESETS["demo"],
            "f",
        )
        for n in range(count)
    ]


def _drain(
    executor: Executor, tasks: list[Task], on_outcome: Callable[[int], None] = lambda _: None
) -> list[Outcome]:
    """As the flow does, without a workspace."""
    outcomes = []
    for outcome in drain(executor, tasks):
        outcomes.append(outcome)
        on_outcome(len(outcomes))
    return outcomes


def on_three_nodes(short: bool) -> Iterator[Row]:
    """Nodes go and come."""
    cluster = start_cluster(3)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(1 if short else 5):
            yield _lose_one(cluster, folder, 36 if short else 51)
        yield _beside_others(folder, 4.0 if short else 20.0)
        if not short:
            yield _without_its_workspace(folder)
            yield _own_cluster_beside(folder)
    cluster.shutdown()


def _lose_one(cluster: Any, folder: str, count: int) -> Row:
    """Eight workers wanted on three CPUs; a node is lost at 3, another comes at 12."""
    came: list[str] = []  # raylets that were not there before

    def change(done: int) -> None:
        if done == 3:
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        if done == 12:
            before = {str(raylet.pid) for raylet in processes("raylet")}
            cluster.add_node()
            came.extend({str(raylet.pid) for raylet in processes("raylet")} - before)

    executor = make_executor("ray", 8, WorkConfig(), nap)
    try:
        start = time.monotonic()
        outcomes = _drain(executor, _tasks(count, 0.5, folder), change)
    finally:
        executor.close()
    whole = {o.task.source.scene_id for o in outcomes if o.done and o.task.attempt == 1}
    grew = bool(set(came) & {o.message for o in outcomes})
    return row_of(
        "Ray, a node of three lost and another joined: every scene done once, on the new one too",
        count,
        len(whole) if len(outcomes) == count and grew else 0,
        f"{time.monotonic() - start:.0f} s, 8 workers wanted on 3 CPUs,"
        f" {len({o.message for o in outcomes})} nodes worked",
    )


def _beside_others(folder: str, wait_s: float) -> Row:
    """Others hold all CPUs."""
    executor: Any = make_executor("ray", None, WorkConfig(wait_s=wait_s), nap)
    ray = executor.ray
    holders = [ray.remote(num_cpus=1)(_Holder).remote() for _ in range(3)]
    ray.get([holder.ready.remote() for holder in holders])
    start = time.monotonic()
    try:
        _drain(executor, _tasks(1, 0.1, folder))
        said = "nothing"
    except SeagullError as error:
        said = str(error)
    finally:
        executor.close()
    took = time.monotonic() - start
    # Ray may still count a node that is gone.
    held = took < wait_s + 10 and re.search(r"\b0 of \d+ CPUs", said) is not None
    return row_of(
        "Ray, others hold every CPU: the run says so and ends after work.wait_s",
        1, int(held), f"{took:.0f} s for wait_s={wait_s:g}: {said[:160]}",
    )  # fmt: skip


class _Holder:
    """An actor that holds a CPU and does nothing."""

    def ready(self) -> None:
        """Answers once it holds it."""


def _without_its_workspace(folder: str) -> Row:
    """The driver's file is gone before the node looks for it: the node's disk is another."""
    executor: Any = make_executor("ray", 1, WorkConfig(), nap)
    try:
        (task,) = _tasks(1, 0.1, folder)
        executor.submit("cpu", task)
        executor.proof.remove()
        executor.next_outcome()
        said = "nothing"
    except SeagullError as error:
        said = str(error)
    finally:
        executor.close()
    held = "does not see" in said and "node " in said
    return row_of("Ray, a node with another disk: named in a line", 1, int(held), said[:80])


def _own_cluster_beside(folder: str) -> Row:
    """RAY_ADDRESS unset while a Ray runs here."""
    code = (
        "from pipeline.torture import torture_nodes as t\n"
        "from manifests.config import WorkConfig\n"
        "executor = t.make_executor('ray', 2, WorkConfig(), t.nap)\n"
        f"print(len(t._drain(executor, t._tasks(4, 0.1, {folder!r}))))\n"
        "executor.close()\n"
    )
    others = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=others, capture_output=True, text=True, timeout=120
    )
    held = ran.stdout.strip() == "4"
    return row_of("Ray, one of one's own beside another", 1, int(held), ran.stderr[-80:])


def head_falls_silent(short: bool) -> Iterator[Row]:
    """Ray's head dies during a run: one line within half a minute."""
    executor = make_executor("ray", 2, WorkConfig(), nap)
    start = time.monotonic()

    def kill(done: int) -> None:
        nonlocal start
        if done == 3:
            start = time.monotonic()
            processes("gcs_server")[0].kill()

    said = "nothing"
    try:
        with tempfile.TemporaryDirectory() as folder:
            _drain(executor, _tasks(200, 0.2, folder), kill)
    except SeagullError as error:
        said = str(error)
    finally:
        executor.close()
    took = time.monotonic() - start
    held = took < 30 and "not answered" in said
    yield row_of(head_falls_silent.__doc__ or "", 1, int(held), f"{took:.0f} s: {said[:80]}")


def workers_die_at_birth(short: bool) -> Iterator[Row]:
    """Ray's worker processes killed before they register: the run goes on with others."""
    executor = make_executor("ray", 2, WorkConfig(), nap)
    killed: set[int] = set()
    until = time.monotonic() + 10

    def reap() -> None:
        while time.monotonic() < until:
            for process in processes("ray::"):
                if "Agent" not in process.name():
                    killed.add(process.pid)
                    with suppress(psutil.Error):
                        process.kill()
            time.sleep(0.02)

    reaper = threading.Thread(target=reap)
    reaper.start()
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcomes, note = _drain(executor, _tasks(4, 0.1, folder)), ""
        except SeagullError as error:
            outcomes, note = [], str(error)
    reaper.join()
    executor.close()
    held = sum(o.done is not None for o in outcomes)
    yield row_of(workers_die_at_birth.__doc__ or "", 4, held, f"{len(killed)} killed. {note[:80]}")


_NAPPING = (
    "import sys, click; from pipeline.cli import main; from pipeline.torture import torture_nodes\n"
    "main.seagull.add_command(click.command('nap')(torture_nodes.nap_without_end))\n"
    "sys.argv = ['seagull', 'nap']; main.main()\n"
)


def nap_without_end() -> None:
    """A command that works with Ray until it is stopped."""
    print("begun", flush=True)
    executor = make_executor("ray", 2, WorkConfig(), nap)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _drain(executor, _tasks(10_000, 0.05, folder))
    finally:
        executor.close()


def stopped_at_random(short: bool) -> Iterator[Row]:
    """Ctrl-C, SIGTERM and SIGHUP at random under Ray: a line, their status, no process left."""
    count, notes = 3 if short else 24, []
    for trial in range(count):
        signum = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[trial % 3]
        napping = subprocess.Popen(
            [sys.executable, "-c", _NAPPING], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        assert napping.stdout
        napping.stdout.readline()
        time.sleep(random.uniform(0, 8))
        children = psutil.Process(napping.pid).children(recursive=True)
        os.killpg(napping.pid, signum)
        said = napping.communicate(timeout=60)[1].strip()
        _, alive = psutil.wait_procs(children, timeout=5)
        ended = napping.returncode == 128 + signum and said.count("\n") == 0 and "seagull:" in said
        if not ended or alive:
            notes.append(f"{signum.name}: {napping.returncode} {said[-200:]} {len(alive)} left")
    promise = stopped_at_random.__doc__ or ""
    yield row_of(promise, count, count - len(notes), "; ".join(notes[:3]))


def wrong_addresses(short: bool) -> Iterator[Row]:
    """A RAY_ADDRESS where no Ray takes us in: one line within 30 s."""
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{closed.getsockname()[1]}", "no.such.host.invalid:6379", "a:b:c"]
        addresses += [] if short else [f"127.0.0.1:{silent.getsockname()[1]}"]
        held, longest = 0, 0.0
        for address in addresses:
            os.environ["RAY_ADDRESS"] = address
            start = time.monotonic()
            try:
                make_executor("ray", 1, WorkConfig(), nap)
            except SeagullError as error:
                longest = max(longest, time.monotonic() - start)
                held += address in str(error) and "\n" not in str(error) and longest < 30
    yield row_of(wrong_addresses.__doc__ or "", len(addresses), held, f"at most {longest:.1f} s")


SCENES: dict[str, Callable[[bool], Iterator[Row]]] = {
    "on_three_nodes": on_three_nodes,
    "wrong_addresses": wrong_addresses,
    "head_falls_silent": head_falls_silent,
    "workers_die_at_birth": workers_die_at_birth,
    "stopped_at_random": stopped_at_random,
}
SHORT = ("on_three_nodes", "wrong_addresses")


def main() -> None:
    """Print the rows."""
    for row in rows("--short" in sys.argv[1:]):
        print("{promise}: {held} of {trials} held ({note})".format(**row), flush=True)


if __name__ == "__main__":
    main()
