"""Commands to look at what is there or would be: plan, status, verify, show, report."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from manifests.errors import SeagullError
from pipeline.cli.options import FAILED, Job, job_options, needs_scene_files, print_rows

if TYPE_CHECKING:
    from pipeline.look.plan import Sample


@click.command()
@click.option("--measure", type=click.IntRange(0), default=0, help="Cost this many scenes.")
@click.option("--scenes", type=click.IntRange(1), help="What as many would cost (with --measure).")
@job_options
def plan(job: Job, measure: int, scenes: int | None) -> None:
    """Show what would be done: scenes, renderings, bytes; with --measure, CPU and GPU hours."""
    from isp.development.recipes import recipes
    from pipeline.intake.sources import at_hand, find_sources
    from pipeline.look.plan import count_stages, sample_bytes
    from pipeline.stages.all_stages import BUILD

    folder = find_sources(job.raw_place, job.workspace)
    sources = folder.sources
    for one in folder.unreadable:
        click.echo(f"left aside {one}", err=True)
    counts = count_stages(sources, BUILD, job.workspace, job.config)
    click.echo(f"{len(sources)} scenes in {job.raw_place}, {sum(s.bytes for s in sources):,} bytes")
    for count in counts:
        click.echo(
            f"{count.stage:7} {count.to_do:5} to do  {count.done:5} done {count.failed:5} failed"
        )
    if measure:
        from pipeline.tools.cost import cost_table
        from pipeline.tools.cost import measure as measure_costs

        with at_hand(sources[:measure]) as near:
            costs = measure_costs(near, job.config)
        click.echo(cost_table(costs, scenes or len(sources)))
    elif counts[0].to_do:
        a_scene = len(recipes(job.config.render))
        _print_bytes(counts[0].to_do * a_scene, sample_bytes(sources, job.config))


def _print_bytes(renderings: int, sample: "Sample | None") -> None:
    if sample is None:
        return
    click.echo(
        f"{renderings:,} renderings, about {renderings * sample.mean_bytes / 1e9:.2f} GB"
        f" ({sample.mean_bytes / 1e3:.0f} kB each over {sample.renderings} of {sample.scene_id})"
    )


@click.command()
@job_options
def status(job: Job) -> None:
    """Show where every scene of the workspace stands, and what failed."""
    from pipeline.intake.missing import locate, workspace_sources
    from pipeline.look.plan import count_stages
    from pipeline.run.failures import read_failures
    from pipeline.stages.all_stages import STAGES

    needs_scene_files(job.workspace)
    names = [stage.name for stage in STAGES]
    there, missing = locate(workspace_sources(job.workspace), job.workspace)
    for count in count_stages(there, names, job.workspace, job.config):
        click.echo(
            f"{count.stage:7} {count.done:5} done {count.failed:5} failed"
            f" {count.ready:5} ready {count.waiting:5} waiting"
        )
    for failure in read_failures(job.workspace):
        click.echo(f"failed {failure.stage} {failure.key}: {failure.reason}: {failure.message}")
    for one in missing:
        click.echo(f"RAW gone {one}")


@click.command()
@job_options
def verify(job: Job) -> None:
    """Re-open everything: counts, keys, hashes, pixels, masks, samples."""
    from pipeline.dataset.verify import verify as verify_workspace
    from pipeline.run.lock import no_other_writer

    needs_scene_files(job.workspace)
    with no_other_writer(job.workspace.root):
        counts, problems, beside = verify_workspace(job.workspace, job.config, job.start)
    click.echo(", ".join(f"{count:,} {what}" for what, count in counts.items()))
    for name in beside:
        click.echo(f"no part of the dataset, without a record: {name}")
    for problem in problems[:50]:
        click.echo(f"problem: {job.workspace.shown(problem)}", err=True)
    if problems:
        click.echo(f"{len(problems)} problems", err=True)
        sys.exit(FAILED)
    click.echo("all whole")


@contextmanager
def damage_in_a_line() -> Iterator[None]:
    """Turn what reading damaged tables or cards raises into one line that says what to do."""
    import pyarrow as pa

    try:
        yield
    except (KeyError, ValueError, TypeError, IndexError, OSError, pa.ArrowException) as error:
        raise SeagullError(
            f"a table or the card is damaged ({type(error).__name__}: {error});"
            " `seagull verify` names it, `seagull repair` makes it again"
        ) from error


def say_where(job: Job, path: Path, what: str = "") -> None:
    """Say where a picture lies; of a workspace in a store also where it can be opened."""
    here = f" (a copy is here: {path})" if job.workspace.url else ""
    click.echo(f"{what}{job.workspace.shown(path)}{here}")


@click.command()
@click.argument("key")
@job_options
def show(job: Job, key: str) -> None:
    """Draw one scene (its ROIs) or one ROI (through the levels)."""
    from pipeline.look.show import show as show_key

    path = show_key(job.workspace, key)
    job.record("show", key, [path])
    say_where(job, path)


@click.command()
@job_options
def report(job: Job) -> None:
    """One HTML file to open, and the summary."""
    from manifests.files import sweep_temporary
    from pipeline.look.report import summary, write_report
    from pipeline.run.lock import only_writer
    from pipeline.run.pulling import bring_tables

    with only_writer(job.workspace.report), damage_in_a_line():
        sweep_temporary(job.workspace.report)
        bring_tables(job.workspace)
        path = write_report(job.workspace, job.config)
        rows = dict(summary(job.workspace))
    job.record("report", "index", [path])
    print_rows(rows)
    say_where(job, path, "report: ")


COMMANDS = (plan, status, verify, show, report)
