"""Commands that make the dataset: a command a stage, the fused build, the study, retry."""

import sys

import click

from manifests.errors import SeagullError
from pipeline.cli.options import FAILED, Job, job_options


def _stage_command(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @job_options
    def command(job: Job) -> None:
        _end(_run(job, [name]))

    return command


@click.command()
@click.option("--xmp", is_flag=True, help="Also write Camera Raw sidecars of the same settings.")
@job_options
def render(job: Job, xmp: bool) -> None:
    """RAW files to a reference and 6 x 20 renderings a scene."""
    from pipeline.tools.sidecars import write_sidecars

    failures = _run(job, ["render"])
    if xmp:
        click.echo(f"{write_sidecars(job.workspace, job.config)} sidecars in {job.workspace.xmp}")
    _end(failures)


masks = _stage_command("masks", "Object and component ROIs on the references.")
labels = _stage_command(
    "labels", "Quality, importance and distortion of each ROI in each rendering."
)


@click.command()
@job_options
def build(job: Job) -> None:
    """Render, masks and labels fused, a scene at a time; then the shards."""
    from pipeline.stages.all_stages import BUILD

    failures = _run(job, list(BUILD))
    try:
        _shard(job, "seagull-100w")
    except SeagullError:
        if not failures:
            raise
    _end(failures)


@click.command()
@job_options
def shards(job: Job) -> None:
    """WebDataset tars and their Parquet index, of every dataset in the workspace."""
    _shard(job, "seagull-100w")
    if job.workspace.study.is_dir():
        _shard(job, "seagull-3k")


@click.command()
@click.option("--simulate", is_flag=True, help="Raters that do not exist, for demos and tests.")
@job_options
def study(job: Job, simulate: bool) -> None:
    """SEAGULL-3k's format from mixed distortions, rated by simulated raters."""
    if not simulate:
        raise SeagullError(
            "the rating page for people is not here yet; `seagull study --simulate` makes mixed"
            " renderings with simulated raters, marked so in every record"
        )
    failures = _run(job, ["study"])
    _shard(job, "seagull-3k")
    _end(failures)


def _run(job: Job, names: list[str]) -> int:
    """Run the stages; prints what came of it and returns the number of failures."""
    from pipeline.run.executors import make_executor
    from pipeline.run.flow import Flow

    sources, copies = _sources(job, names)
    job.save_config()
    flow = Flow(sources, names, job.workspace, job.config)
    tally = flow.run(lambda: make_executor(job.executor, job.workers, job.config.work))
    for name in names:
        click.echo(
            f"{name:7} {tally.made[name]:5} made  {tally.kept[name]:5} kept"
            f"  {tally.failed[name]:5} failed"
        )
    click.echo("        " + ", ".join(f"{n:,} {what}" for what, n in tally.counts.items()))
    return tally.failures + copies


def _sources(job: Job, names: list[str]) -> tuple[tuple, int]:
    from pipeline.intake.sources import find_sources, known_sources
    from pipeline.run.findings import record_findings

    if "render" not in names:
        known = known_sources(job.workspace)
        if not known:
            raise SeagullError(f"{job.workspace.root} holds no scene; run `seagull render` first")
        return known, 0
    found = find_sources(job.raw_folder, job.workspace)
    if found.ignored:
        shown = ", ".join(path.name for path in found.ignored[:3])
        click.echo(f"left aside {len(found.ignored)} files not named as RAW ({shown})", err=True)
    for one in (*found.aside, *found.unreadable):
        click.echo(f"left aside {one.path}: {one.why}", err=True)
    return found.sources, record_findings(job.workspace, found)


def _shard(job: Job, name: str) -> None:
    from pipeline.dataset.card import write_card
    from pipeline.dataset.samples import seagull_3k, seagull_100w
    from pipeline.dataset.shards import write_shards

    dataset = seagull_100w(job.workspace) if name == "seagull-100w" else seagull_3k(job.workspace)
    sharded = write_shards(dataset, job.config)
    write_card(dataset, job.config)
    samples = ", ".join(f"{count:,} {split}" for split, count in sharded.samples.items())
    click.echo(f"shards  {sharded.written:5} made  {sharded.kept:5} kept   {name}: {samples}")
    if sharded.left_out:
        click.echo(f"        {sharded.left_out} scenes left out: not labelled", err=True)


def _end(failures: int) -> None:
    if failures:
        click.echo(
            f"{failures} failed: see tables/failures, the report, or `seagull status`;"
            " `seagull retry` tries them again",
            err=True,
        )
        sys.exit(FAILED)


@click.command()
@job_options
def retry(job: Job) -> None:
    """Forget the failures and do what is not done."""
    from pipeline.run.failures import forget_all
    from pipeline.stages.all_stages import BUILD

    click.echo(f"{forget_all(job.workspace)} failures forgotten")
    _end(_run(job, list(BUILD) if job.raw else ["masks", "labels"]))


COMMANDS = (render, masks, labels, build, shards, study, retry)
