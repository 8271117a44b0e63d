"""Commands that make the dataset: a command a stage, the fused build, shards, retry."""

import sys

import click

from manifests.config import Config
from manifests.errors import SeagullError
from manifests.presets import load_config
from manifests.workspace import Workspace
from pipeline.cli.options import FAILED, Job, job_options


def _stage_command(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @job_options
    def command(job: Job) -> None:
        end(run_stages(job, [name]))

    return command


@click.command()
@click.option("--xmp", is_flag=True, help="Also write Camera Raw sidecars of the same settings.")
@job_options
def render(job: Job, xmp: bool) -> None:
    """RAW files to a reference and 6 x 20 renderings a scene."""
    from pipeline.tools.sidecars import write_sidecars

    failures = run_stages(job, ["render"])
    if xmp:
        click.echo(f"{write_sidecars(job.workspace, job.config)} sidecars in {job.workspace.xmp}")
    end(failures)


masks = _stage_command("masks", "Object and component ROIs on the references.")
labels = _stage_command(
    "labels", "Quality, importance and distortion of each ROI in each rendering."
)


@click.command()
@job_options
def build(job: Job) -> None:
    """Render, masks and labels fused, a scene at a time; then the shards."""
    from pipeline.stages.all_stages import BUILD

    failures = run_stages(job, list(BUILD))
    try:
        shard(job.workspace, job.config, "seagull-100w")
    except SeagullError:
        if not failures:
            raise
    end(failures)


@click.command()
@job_options
def shards(job: Job) -> None:
    """WebDataset tars and their Parquet index, of every dataset in the workspace."""
    if (job.workspace.root / "plan").is_dir():  # a study's own folder
        shard(job.workspace, job.config, "seagull-3k")
        return
    shard(job.workspace, job.config, "seagull-100w")
    study = Workspace(job.workspace.study)
    if study.table("estimates").is_dir():
        own = study.config
        shard(study, load_config(str(own)) if own.is_file() else job.config, "seagull-3k")


def run_stages(job: Job, names: list[str]) -> int:
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

    if "render" not in names:
        known = known_sources(job.workspace)
        if not known:
            raise SeagullError(f"{job.workspace.root} holds no scene; run `seagull render` first")
        return known, 0
    found = find_sources(job.raw_folder, job.workspace)
    if found.ignored:
        shown = ", ".join(path.name for path in found.ignored[:3])
        click.echo(f"left aside {len(found.ignored)} files not named as RAW ({shown})", err=True)
    return found.sources, _record_copies(job, found.duplicates)


def _record_copies(job: Job, copies: tuple) -> int:
    from manifests.records import Failure
    from pipeline.run.failures import write_failure

    for path, source in copies:
        text = f"{path} has the name and content of {source.path}; one of them is enough"
        key = f"{source.scene_id}_copy"
        write_failure(job.workspace, Failure("render", key, "duplicate", text, 1, source.sha256))
    return len(copies)


def shard(space: Workspace, config: Config, name: str) -> None:
    """Bring the shards and the card of `space`, a workspace or a study, up to date."""
    from pipeline.dataset.card import write_card
    from pipeline.dataset.samples import seagull_3k, seagull_100w
    from pipeline.dataset.shards import write_shards

    dataset = seagull_100w(space) if name == "seagull-100w" else seagull_3k(space)
    sharded = write_shards(dataset, config)
    write_card(dataset, config)
    samples = ", ".join(f"{count:,} {split}" for split, count in sharded.samples.items())
    click.echo(f"shards  {sharded.written:5} made  {sharded.kept:5} kept   {name}: {samples}")
    if sharded.left_out:
        click.echo(f"        {sharded.left_out} scenes left out: nothing said of them", err=True)


def end(failures: int) -> None:
    """Exit with 1 when something failed, and say where to look."""
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
    end(run_stages(job, list(BUILD) if job.raw else ["masks", "labels"]))


COMMANDS = (render, masks, labels, build, shards, retry)
