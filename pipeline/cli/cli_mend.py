"""Commands that put a workspace right: retry what failed, repair what is damaged, drop scenes."""

from collections.abc import Sequence

import click

from manifests.errors import SeagullError
from pipeline.cli.cli_work import check_shards, end, run_stages, say_missing, shard
from pipeline.cli.options import Job, job_options, writes_workspace


@click.command()
@job_options
@writes_workspace
def retry(job: Job) -> None:
    """Try again what failed, in every stage, and shard what comes of it."""
    there, _ = _all_sources(job)
    failures = run_stages(job, _names(job), retry=True, sources=there)
    _shard_all(job, failures)
    end(failures)


@click.command()
@job_options
@writes_workspace
def repair(job: Job) -> None:
    """Read everything again and make anew what is damaged or gone, and only that."""
    from pipeline.dataset.rehash import find_damage

    there, missing = _all_sources(job)
    gone = {one.source.scene_id: one.source for one in missing}
    damage = find_damage(job.workspace, [*there, *gone.values()], job.config, job.start)
    lost = {key for (stage, key) in damage if stage in ("render", "study") and key in gone}
    for (_, key), what in damage.items():
        text = f"lost, its RAW is gone: {what}" if key in lost else f"made again: {what}"
        click.echo(text, err=True)
    check_shards(job)
    failures = run_stages(job, _names(job), damaged=damage, sources=there)
    _shard_all(job, failures)
    end(failures + len(lost))


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--missing", is_flag=True, help="All scenes whose RAW is gone.")
@job_options
@writes_workspace
def drop(job: Job, keys: tuple[str, ...], missing: bool) -> None:
    """Remove scenes, by KEYS (scene_id) or --missing, from the workspace and its shards."""
    from pipeline.dataset.drop import drop_scenes, holds
    from pipeline.intake.missing import locate, workspace_sources

    _, gone = locate(workspace_sources(job.workspace), job.workspace)
    wanted = list(keys) + ([one.source.scene_id for one in gone] if missing else [])
    if not (keys or missing):
        raise SeagullError("which scenes? name their scene_id, or --missing for those without RAW")
    for key in keys:
        if not holds(job.workspace, key):
            raise SeagullError(f"'{key}' is no scene of {job.workspace.root}; see `seagull status`")
    files = drop_scenes(job.workspace, wanted)
    click.echo(f"{len(set(wanted))} scenes dropped, {files} files")
    there = sorted(set(keys) - {one.source.scene_id for one in gone})
    if there:
        click.echo(f"the RAW of {', '.join(there[:3])} is still there: a build makes it again")
    _shard_all(job, 1 if wanted else 0)


def _names(job: Job) -> list[str]:
    from pipeline.stages.all_stages import BUILD

    return [*BUILD, "study"] if job.workspace.study.is_dir() else list(BUILD)


def _all_sources(job: Job) -> tuple[Sequence, Sequence]:
    """Return all that the workspace knows of, and --raw holds: whose RAW is there, and others.

    Raises:
        SeagullError: there is nothing, or a scene's RAW is known to nobody.
    """
    from pipeline.intake.missing import locate, workspace_sources
    from pipeline.intake.sources import find_sources

    if job.raw:
        find_sources(job.raw, job.workspace)  # remembered from here on
    known = workspace_sources(job.workspace)
    if not known:
        raise SeagullError(f"{job.workspace.root} holds no scene; run `seagull build` first")
    rendered = {path.stem for path in job.workspace.done("render", "*").parent.glob("*.json")}
    unknown = sorted(rendered - {source.scene_id for source in known})
    if unknown:
        raise SeagullError(f"{unknown[0]}: its row is lost; say where its RAW is, with --raw")
    there, missing = locate(known, job.workspace)
    say_missing(missing)
    return there, missing


def _shard_all(job: Job, failures: int) -> None:
    """Bring the shards there are, or should be, up to date; nothing to shard is no error here."""
    from pipeline.dataset.samples import seagull_3k, seagull_100w
    from pipeline.dataset.shards import remove_shards

    datasets = {"seagull-100w": seagull_100w(job.workspace)}
    if job.workspace.study.is_dir():
        datasets["seagull-3k"] = seagull_3k(job.workspace)
    for name, dataset in datasets.items():
        try:
            shard(job, name, redo=True)
        except SeagullError as error:
            if not failures:
                raise
            click.echo(f"no shards of {name}: {error}", err=True)
            if not list(dataset.space.table("scenes").glob("*.parquet")):
                remove_shards(dataset)


COMMANDS = (retry, repair, drop)
