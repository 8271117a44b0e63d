"""What a dataset costs: unit costs measured on a few scenes, multiplied by how many there are.

The scenes are worked on in this process, one thread, in a workspace that is thrown away. CPU
seconds are the process's own; on a GPU the wall seconds of the stage are the GPU's. Loading models
is measured once and not multiplied: it is paid once a worker. Labels are made for the reference
alone and for every tenth rendering; what a rendering adds is multiplied, for TOPIQ takes an hour a
scene.
Not counted: the CPU seconds of a detector in a process of its own (SEEM, detectron2).
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manifests.config import Config
from manifests.done import Done
from manifests.errors import SeagullError
from manifests.process.progress import progress
from manifests.records import Rendering
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.stages.all_stages import BUILD, stage_by_name
from pipeline.stages.stage import Stage, Unit, record_done
from pipeline.workers.worker import cap_threads

Floats = NDArray[np.float64]

_EVERY = 10  # rendering of a scene is labelled


@dataclass(frozen=True)
class StageCost:
    """What one scene costs in one stage: the mean over those measured."""

    stage: str
    cpu_s: float
    wall_s: float
    bytes: float
    made: float  # renderings, ROIs or labels
    load_s: float  # once a worker
    on_gpu: bool


def measure(sources: Sequence[Source], config: Config) -> list[StageCost]:
    """Measure the unit costs of each stage of a build over the scenes given.

    Raises:
        SeagullError: a scene cannot be worked on (its own reason).
    """
    if not sources:
        raise SeagullError("nothing to measure: no scene")
    cap_threads()
    with tempfile.TemporaryDirectory(prefix="seagull-cost-") as folder:
        units = [Unit(source, Workspace(Path(folder)), config) for source in sources]
        with progress(len(BUILD) * len(units), "measure", "scene-stages") as bar:
            return [_measure(stage_by_name(name), units, bar.update) for name in BUILD]


def _measure(stage: Stage, units: Sequence[Unit], tick: Callable[[], object]) -> StageCost:
    begun = time.process_time()
    models = stage.load(units[0].config)
    load_s = time.process_time() - begun
    spent = np.zeros(4)
    for unit in units:
        of_scene = _labels_spent if stage.name == "labels" else _spent
        spent += of_scene(stage, unit, models) / len(units)
        tick()
    gpu = stage.on_gpu and units[0].config.work.device != "cpu"
    cpu_s, wall_s, size, made = spent.tolist()
    return StageCost(stage.name, cpu_s, wall_s, size, made, load_s, gpu)


def _spent(stage: Stage, unit: Unit, models: object) -> Floats:
    """CPU seconds, wall seconds, bytes and things made of one scene in one stage."""
    cpu, wall = time.process_time(), time.perf_counter()
    done = record_done(stage.name, unit, "measured", stage.work(unit, models))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return np.array([cpu, wall, sum(_sizes(unit.workspace, done)), sum(done.counts.values())])


def _labels_spent(stage: Stage, unit: Unit, models: object) -> Floats:
    """As `_spent`: of the reference, and of each other rendering what every tenth of them adds."""
    table = unit.workspace.table_file("renderings", unit.key)
    reference, *others = read_records(table, Rendering)
    some = others[::_EVERY]
    write_records(table, [reference], Rendering)
    once = _spent(stage, unit, models)
    write_records(table, [reference, *some], Rendering)
    return once + (_spent(stage, unit, models) - once) * (len(others) / len(some))


def _sizes(workspace: Workspace, done: Done) -> Iterator[int]:
    return (workspace.file(name).stat().st_size for name in done.files)


def cost_table(costs: Sequence[StageCost], scenes: int) -> str:
    """Write a Markdown table of unit costs and what `scenes` scenes come to."""
    lines = [
        f"| stage | made a scene | CPU s a scene | bytes a scene | CPU h, {scenes:,} scenes"
        " | GPU h | GB |",
        "|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        gpu = f"{cost.wall_s * scenes / 3600:,.0f}" if cost.on_gpu else "-"
        lines.append(
            f"| {cost.stage} | {cost.made:,.0f} | {cost.cpu_s:.1f} | {cost.bytes:,.0f}"
            f" | {cost.cpu_s * scenes / 3600:,.0f} | {gpu} | {cost.bytes * scenes / 1e9:,.1f} |"
        )
    cpu = sum(cost.cpu_s for cost in costs) * scenes / 3600
    size = sum(cost.bytes for cost in costs) * scenes / 1e9
    return "\n".join([*lines, f"| all | | | | {cpu:,.0f} | | {size:,.1f} |"])
