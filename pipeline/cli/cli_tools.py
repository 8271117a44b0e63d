"""Commands beside the way: RAW files from photographs, benchmarks, levels, checkpoints."""

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from pipeline.cli.options import FAILED, Job, job_options, writes_workspace


@click.command()
@click.option("--pilot", type=click.IntRange(1), default=6, help="Measure on this many RAW files.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the table to this YAML.")
@job_options
def calibrate(job: Job, pilot: int, write: Path | None) -> None:
    """Twenty levels a type, evenly spaced by the configured scorer on a pilot set of RAW files."""
    from pipeline.tools.calibration import calibrate as calibrate_levels

    table, picture = calibrate_levels(job.raw_folder, job.workspace, job.config, pilot, write)
    click.echo(f"levels: {table}\nplot: {picture}\nuse them with --set render.levels={table}")


@click.command()
@click.option(
    "--only",
    type=click.Choice(["isp", "sizes", "labelers", "edges", "endless"]),
    help="One table alone.",
)
@job_options
def bench(job: Job, only: str | None) -> None:
    """CPU seconds beside peers, in one run, on the file --raw (default: a bundled photograph).

    endless takes a folder of --raw files, and --workers (default 1).
    """
    from pipeline.tools.bench import tables

    raw = job.raw_folder if job.raw else None
    for title, table in tables(raw, only, job.config, job.workers or 1):
        click.echo(f"{title}\n\n{table}\n")


@click.command("demo-raw")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def demo_raw(folder: Path, photos: tuple[Path, ...]) -> None:
    """Photographs to Bayer DNGs in FOLDER: PHOTOS, or the color ones inside installed packages."""
    from pipeline.tools.demo import write_demo_raw

    for path in write_demo_raw(folder, photos):
        click.echo(path)


@click.command()
@click.argument("recipes", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@job_options
@writes_workspace
def mix(job: Job, recipes: Path) -> None:
    """Render several distortions at once, or some in a region, by the YAML RECIPES."""
    from manifests.workspace import Workspace
    from pipeline.intake.sources import find_sources
    from pipeline.tools.mixtures import TABLES, render_mixtures

    sources = find_sources(job.raw_folder, job.workspace).sources
    space = Workspace(job.workspace.mixtures)
    failed = render_mixtures(sources, recipes, space, job.config, job.workspace)
    for source in sources:
        table = space.table_file("renderings", source.scene_id)
        if table.exists():
            images = sorted(space.renderings(source.scene_id).glob("*"))
            tables = [space.table_file(name, source.scene_id) for name in TABLES]
            there = [path for path in tables if path.exists()]
            job.record("mix", source.scene_id, [*there, *images])
    for line in failed:
        click.echo(f"failed {line}", err=True)
    click.echo(f"{len(sources) - len(failed)} scenes in {job.workspace.mixtures}")
    if failed:
        sys.exit(FAILED)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("weights"))
def models(folder: Path) -> None:
    """Which published checkpoints lie whole in FOLDER (default: weights); where to get others."""
    from labelers.loading.weights import status

    for presence in status(folder):
        checkpoint = presence.checkpoint
        click.echo(
            f"{presence.state:9} {checkpoint.name:12} {checkpoint.file} ({checkpoint.licence})"
        )
        if presence.state != "valid":
            click.echo(f"          {checkpoint.where}")


@click.command("gpu-check")
def gpu_check() -> None:
    """Segmenter, label engine and a training step on CUDA: rates, and errors against the CPU."""
    import torch

    if not torch.cuda.is_available():
        click.echo("no CUDA device here: nothing to check")
        return
    from labelers.checks.gpu_labels import published_sam, rows

    (training,) = entry_points(group="seagull.learning", name="gpu_check")
    click.echo(torch.cuda.get_device_name())
    for row in [*rows("cuda", published_sam()), *training.load()("cuda")]:
        click.echo("{what:22} {per_s:>10} a second, error {error} ({unit})".format(**row))


@click.command()
@click.option("--short", is_flag=True, help="As much as a test can afford.")
def torture(short: bool) -> None:
    """Try what docs/promises.md promises; a Markdown table, and status 1 where it did not hold."""
    from pipeline.torture.torture import markdown, rows

    failed = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal failed
        for row in rows(short):
            failed += row["held"] != row["trials"]
            yield row

    for line in markdown(counted()):
        click.echo(line)
    if failed:
        sys.exit(FAILED)


COMMANDS = (torture, gpu_check, calibrate, mix, bench, demo_raw, models)
