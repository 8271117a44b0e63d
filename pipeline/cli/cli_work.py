"""Commands that make the dataset: a command a stage, the fused build, the shards."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from manifests.errors import SeagullError
from manifests.paths import text_of
from pipeline.cli.options import FAILED, Job, job_options, writes_workspace

with_missing_option = click.option(
    "--with-missing", is_flag=True, help="Shard scenes whose RAW is gone, too."
)


def _stage_command(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @job_options
    @writes_workspace
    def command(job: Job) -> None:
        end(run_stages(job, [name]))

    return command


@click.command()
@click.option("--xmp", is_flag=True, help="Also write Camera Raw sidecars of the same settings.")
@job_options
@writes_workspace
def render(job: Job, xmp: bool) -> None:
    """RAW files to a reference and 6 x 20 renderings a scene."""
    from pipeline.tools.sidecars import write_sidecars

    failures = run_stages(job, ["render"])
    if xmp:
        count, folder = write_sidecars(job.workspace, job.config), job.workspace.xmp
        click.echo(f"{count} sidecars in {job.workspace.shown(folder)}")
        for folder in sorted(job.workspace.xmp.iterdir()):
            job.record("xmp", folder.name, sorted(folder.glob("*.xmp")))
    end(failures)


masks = _stage_command("masks", "Object and component ROIs on the references.")
labels = _stage_command(
    "labels", "Quality, importance and distortion of each ROI in each rendering."
)


@click.command()
@click.option("--check", is_flag=True, help="Read all again; what was changed since is redone.")
@with_missing_option
@job_options
@writes_workspace
def build(job: Job, check: bool, with_missing: bool) -> None:
    """Render, masks and labels fused, a scene at a time; then the shards."""
    from pipeline.dataset.rehash import find_damage
    from pipeline.intake.missing import workspace_sources
    from pipeline.stages.all_stages import BUILD

    damaged: Collection[tuple[str, str]] = ()
    if check:
        sources = workspace_sources(job.workspace)
        damaged = find_damage(job.workspace, sources, job.config, job.start)
        check_shards(job)
    failures = run_stages(job, list(BUILD), damaged=damaged)
    try:
        shard(job, "seagull-100w", with_missing, redo=True)
    except SeagullError:
        if not failures:
            raise
    end(failures)


@click.command()
@with_missing_option
@job_options
@writes_workspace
def shards(job: Job, with_missing: bool) -> None:
    """WebDataset tars and their Parquet index, of every dataset in the workspace."""
    from pipeline.dataset.samples import is_study

    if is_study(job.workspace):
        shard(job, "seagull-3k")
        return
    shard(job, "seagull-100w", with_missing)
    if any(job.workspace.done("export", "*").parent.glob("*.json")):
        shard(job, "seagull-3k", with_missing)


def run_stages(
    job: Job,
    names: list[str],
    retry: bool = False,
    damaged: Collection[tuple[str, str]] = (),
    sources: Sequence | None = None,
) -> int:
    """Run the stages; prints what came of it and returns the number of failures."""
    from pipeline.run.flow import Flow
    from pipeline.workers.worker import run_task

    _refuse_compacted(job)
    copies = 0
    if sources is None:
        sources, copies = _sources(job, names)
    job.save_config()
    flow = Flow(sources, names, job.workspace, job.config, retry, damaged)
    tally = flow.run(lambda: job.start(run_task))
    for name in names:
        click.echo(
            f"{name:7} {tally.made[name]:5} made  {tally.kept[name]:5} kept"
            f"  {tally.failed[name]:5} failed"
        )
    click.echo("        " + ", ".join(f"{n:,} {what}" for what, n in tally.counts.items()))
    return tally.failures + copies


def _refuse_compacted(job: Job) -> None:
    """Tables of few large files look as if nothing had been done: all would be done again."""
    from manifests.compacted import compacted_files

    for folder in sorted(job.workspace.table("*").parent.glob("*")):
        if compacted_files(folder):
            raise SeagullError(f"{folder} is compacted, which takes no writing: expand it first")


def _sources(job: Job, names: Sequence[str]) -> tuple[Sequence, int]:
    from pipeline.intake.missing import locate
    from pipeline.intake.sources import find_sources, known_sources
    from pipeline.run.findings import record_findings

    if "render" in names:
        folder = find_sources(job.raw_place, job.workspace)
        if folder.ignored:
            shown = ", ".join(text_of(Path(path.name)) for path in folder.ignored[:3])
            text = f"left aside {len(folder.ignored)} files not named as RAW ({shown})"
            click.echo(text, err=True)
        for one in (*folder.aside, *folder.unreadable):
            click.echo(f"left aside {one}", err=True)
        return folder.sources, record_findings(job.workspace, folder)
    known = known_sources(job.workspace)
    if not known:
        raise SeagullError(f"{job.workspace.root} holds no scene; run `seagull render` first")
    if "study" not in names:  # masks and labels read what render left
        return known, 0
    there, missing = locate(known, job.workspace)
    say_missing(missing)
    return there, 0


def say_missing(missing: Sequence) -> None:
    """Say which scenes are left out because their RAW is gone."""
    if missing:
        shown = ", ".join(map(str, missing[:3])) + (", ..." if len(missing) > 3 else "")
        click.echo(
            f"{len(missing)} scenes are left out, their RAW is gone: {shown};"
            " --with-missing shards them all the same, `seagull drop --missing` removes them",
            err=True,
        )


def shard(job: Job, name: str, with_missing: bool = False, redo: bool = False) -> None:
    """Bring a dataset's shards and card up to date; `redo` makes damaged scenes again first.

    Raises:
        SeagullError: no scene is ready, or a scene's files are not what was recorded of them.
    """
    from pipeline.dataset.card import write_card
    from pipeline.dataset.samples import seagull_3k, seagull_100w
    from pipeline.dataset.shards import write_shards

    dataset = seagull_100w(job.workspace) if name == "seagull-100w" else seagull_3k(job.workspace)
    sharded = write_shards(dataset, job.config, job.start, with_missing)
    if sharded.damaged and redo:
        mend_scenes(job, sorted(sharded.damaged))
        sharded = write_shards(dataset, job.config, job.start, with_missing)
    if sharded.damaged:
        shown = "; ".join(list(sharded.damaged.values())[:3])
        raise SeagullError(
            f"{len(sharded.damaged)} scenes cannot be sharded: {shown}; `seagull repair` makes"
            " again what is damaged"
        )
    write_card(dataset, job.config)
    samples = ", ".join(f"{count:,} {split}" for split, count in sharded.samples.items())
    click.echo(f"shards  {sharded.written:5} made  {sharded.kept:5} kept   {name}: {samples}")
    say_missing(sharded.missing)
    if sharded.left_out:
        click.echo(f"        {sharded.left_out} scenes left out: not labelled", err=True)


def mend_scenes(job: Job, keys: Collection[str]) -> int:
    """Find what of the scenes is damaged and make it again; returns the number of failures."""
    from pipeline.dataset.rehash import find_damage
    from pipeline.intake.missing import workspace_sources
    from pipeline.stages.all_stages import BUILD

    sources = [s for s in workspace_sources(job.workspace) if s.scene_id in keys]
    damage = find_damage(job.workspace, sources, job.config, job.start)
    for what in damage.values():
        click.echo(f"made again: {what}", err=True)
    names = [*BUILD, "study"] if job.workspace.study.is_dir() else list(BUILD)
    return run_stages(job, names, damaged=damage, sources=sources)


def check_shards(job: Job) -> None:
    """Rehash every shard and card; the record of what is damaged is removed, so it is redone."""
    from pipeline.dataset.samples import seagull_3k, seagull_100w
    from pipeline.dataset.verify_shards import forget_damaged

    datasets = [seagull_100w(job.workspace), seagull_3k(job.workspace)]
    for what in forget_damaged(datasets, job.config, job.start):
        click.echo(f"made again: {what}", err=True)


def end(failures: int) -> None:
    """End with status 1 where scenes failed."""
    if failures:
        click.echo(
            f"{failures} failed: see tables/failures, the report, or `seagull status`;"
            " `seagull retry` tries them again",
            err=True,
        )
        sys.exit(FAILED)


COMMANDS = (render, masks, labels, build, shards)
