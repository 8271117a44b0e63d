"""What a dataset costs: unit costs measured on a few scenes, multiplied by how many there are.

The scenes are worked on in this process, one thread, in a workspace that is thrown away. CPU
seconds are the process's own; on a GPU the wall seconds of the stage are the GPU's. Loading models
is measured once and not multiplied: it is paid once a worker. Labels are made for every tenth
rendering of a scene and their cost multiplied: all cost the same, and TOPIQ takes an hour a scene.
Not counted: the CPU seconds of a detector in a process of its own (SEEM, detectron2).
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


def _thinned(unit: Unit) -> float:
    """Leave every tenth rendering in the scene's table; returns how many each stands for."""
    table = unit.workspace.table_file("renderings", unit.key)
    rows = read_records(table, Rendering)
    kept = rows[::_EVERY]  # the first is the reference
    write_records(table, kept, Rendering)
    return len(rows) / len(kept)


def _measure(stage: Stage, units: Sequence[Unit], tick: Callable[[], object]) -> StageCost:
    begun = time.process_time()
    models = stage.load(units[0].config)
    load_s = time.process_time() - begun
    cpu, wall, size, made = 0.0, 0.0, 0.0, 0.0
    for unit in units:
        times = _thinned(unit) if stage.name == "labels" else 1.0
        cpu_begun, wall_begun = time.process_time(), time.perf_counter()
        done = record_done(stage.name, unit, "measured", stage.work(unit, models))
        cpu += times * (time.process_time() - cpu_begun)
        wall += times * (time.perf_counter() - wall_begun)
        size += times * sum(_sizes(unit.workspace, done))
        made += times * sum(done.counts.values())
        tick()
    n = len(units)
    gpu = stage.on_gpu and units[0].config.work.device != "cpu"
    return StageCost(stage.name, cpu / n, wall / n, size / n, made / n, load_s, gpu)


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
