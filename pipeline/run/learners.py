"""Who starts the processes of a training: this machine's own, or Ray Train's workers.

Each process runs the same command, found by its entry point, and learns from the environment which
one it is. Ray Train places them on the cluster that made the dataset, whose workers see the same
workspace.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.errors import SeagullError
from manifests.workspace import Workspace
from pipeline.workers.ray_cluster import connect

if TYPE_CHECKING:
    from manifests.config import Config
    from manifests.sample import SampleSource
    from pipeline.intake.raw_place import Place

GROUP = "seagull.learning"
SOURCES_GROUP = "seagull.sources"
EndlessOf = tuple[str, int | None]  # RAW files, and how many processes make samples of them
_PARENT = "SEAGULL_LAUNCHER"


def call(name: str, *arguments: Any) -> Any:
    """Call what learns by its name, in this process; workspace and configuration come first."""
    (entry,) = entry_points(group=GROUP, name=name)
    return entry.load()(*arguments)


@contextmanager
def endless(
    workspace: Workspace, config: "Config", raw: "Place", workers: int | None
) -> Iterator["SampleSource"]:
    """The samples of RAW files, made while they are asked for; see pipeline/endless."""
    (entry,) = entry_points(group=SOURCES_GROUP, name="raw")
    source = entry.load()(workspace, config, raw, workers)
    try:
        yield source
    finally:
        source.close()


def in_waves(workspace: Workspace, config: "Config", table: int, cluster: str | None) -> None:
    """Make the runs of a table: one after the other here, those of a wave at once on a cluster."""
    waves, made = call("table_waves", workspace, config, table), 0
    runs = sum(map(len, waves))
    for wave in waves:
        for some in [wave] if cluster else [[name] for name in wave]:
            made += len(some)
            print(f"table {table}, {made} of {runs}: {', '.join(some)}", file=sys.stderr)
            if cluster:
                _on_ray(workspace, config, table, some)
            else:
                call("table_run", workspace, config, table, some[0])


def _on_ray(workspace: Workspace, config: "Config", table: int, wave: Sequence[str]) -> None:
    cluster = connect(config.pretrain.threads, echo=True)
    gpus = 1 if config.pretrain.device.startswith("cuda") else 0
    remote = cluster.ray.remote(num_cpus=config.pretrain.threads, num_gpus=gpus)(call)
    root = Workspace(workspace.root.resolve())  # workers have another current directory
    try:
        cluster.ray.get([remote.remote("table_run", root, config, table, name) for name in wave])
    except Exception as error:
        raise SeagullError(f"a run of table {table} failed: {_reason(error)}") from error
    finally:
        cluster.close()


def _reason(error: Exception) -> str:
    """What a worker's exception says of itself, below Ray's account of where it was."""
    return str(error.__cause__ or error).strip().splitlines()[-1]


def launched() -> bool:
    """Tell whether this process is one of several that a launcher started."""
    return "RANK" in os.environ


def end_with_launcher() -> None:
    """Let this process end when the one that started it by `by_processes` does."""
    parent = os.environ.get(_PARENT)
    if parent:
        from labelers.detectors.worker_process import end_with

        threading.Thread(target=end_with, args=(int(parent),), daemon=True).start()


def by_processes(
    name: str,
    workspace: Workspace,
    config: "Config",
    processes: int,
    endless_of: EndlessOf | None = None,
) -> None:
    """Run `seagull NAME` in as many processes of this machine, which find each other by a port.

    Where `endless_of` is given each process makes its part of the samples itself.

    Raises:
        SeagullError: one of them failed; what it said is above, and the others are stopped.
    """
    from manifests.presets import to_yaml

    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "config.yaml"
        described.write_text(to_yaml(config))
        options = ["--out", str(workspace.root), "--config", str(described)]
        if endless_of:
            raw, workers = endless_of
            options += ["--endless", "--raw", raw]
            options += ["--workers", str(workers)] if workers else []
        command = [sys.executable, "-m", "pipeline.cli", name, *options]
        threads = {"OMP_NUM_THREADS": str(config.pretrain.threads)}
        common = threads | os.environ | _meeting(processes)
        started = [
            subprocess.Popen(command, env=common | {"RANK": str(n), "LOCAL_RANK": str(n)})
            for n in range(processes)
        ]
        try:
            status = _first_failure(started)
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()
    if status:
        raise SeagullError(f"a process of {name} ended with status {status}; its reason is above")


def _meeting(processes: int) -> dict[str, str]:
    """Environment by which PyTorch's processes find each other; a port that is free now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    return {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        _PARENT: str(os.getpid()),
    }


def _first_failure(started: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait until one fails or all have ended; the status."""
    while True:
        ended = [process.poll() for process in started]
        failed = next((status for status in ended if status), 0)
        if failed or None not in ended:
            return failed
        time.sleep(0.1)


def by_ray(
    name: str,
    workspace: Workspace,
    config: "Config",
    processes: int,
    endless_of: EndlessOf | None = None,
) -> None:
    """Run `seagull NAME` in as many workers of Ray Train; `endless_of` as in `by_processes`.

    Raises:
        SeagullError: one of them failed.
    """
    from manifests.presets import to_yaml

    gpu = (config.finetune if name == "finetune" else config.pretrain).device.startswith("cuda")
    cluster = connect(processes, echo=True)
    root = workspace.root.resolve()
    # Ray Train wants a folder that all nodes see, as they see the workspace; nothing stays in it.
    with tempfile.TemporaryDirectory(prefix=".ray-", dir=root) as folder:
        try:
            from ray.train import RunConfig, ScalingConfig
            from ray.train.torch import TorchConfig, TorchTrainer

            TorchTrainer(
                _worker,
                train_loop_config={
                    "name": name,
                    "out": str(root),
                    "config": to_yaml(config),
                    "endless": endless_of,
                },
                torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
                scaling_config=ScalingConfig(num_workers=processes, use_gpu=gpu),
                run_config=RunConfig(name=name, storage_path=folder),
            ).fit()
        except Exception as error:
            raise SeagullError(f"a worker of {name} failed: {_reason(error)}") from error
        finally:
            cluster.close()


def _worker(given: dict[str, Any]) -> None:
    from manifests.presets import load_config

    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(given["config"])
        file.flush()
        config = load_config(file.name)
    workspace = Workspace(Path(given["out"]))
    if not given["endless"]:
        call(given["name"], workspace, config)
        return
    from pipeline.intake.raw_place import place_of_key

    raw, workers = given["endless"]
    with endless(workspace, config, place_of_key(raw), workers) as source:
        call(given["name"], workspace, config, source)
