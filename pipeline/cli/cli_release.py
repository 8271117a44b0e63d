"""Commands that make a dataset ready for others, and others' ready for us."""

import sys
from pathlib import Path

import click

from pipeline.cli.options import FAILED, Job, job_options


@click.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the release's folder is made.",
)
@click.option("--recipe-only", is_flag=True, help="No pixel: what it takes to make them again.")
@click.option("--push", "url", metavar="hf://datasets/OWNER/NAME", help="Then upload it.")
@job_options
def release(job: Job, folder: Path, recipe_only: bool, url: str | None) -> None:
    """Shards, compacted tables, dataset card, datasheet, Croissant and SHA256SUMS."""
    from pipeline.release.naming import release_name
    from pipeline.release.push import push
    from pipeline.release.release import release as write_release

    there = folder / release_name(job.config, recipe_only)
    if not (url and there.is_dir()):  # an upload is taken up again
        click.echo(f"released: {write_release(job.workspace, job.config, folder, recipe_only)}")
    if url:
        click.echo(f"uploaded: {push(there, url)}")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--against", type=click.Path(path_type=Path, file_okay=False), help="The originals.")
@job_options
def rebuild(job: Job, recipe: Path, against: Path | None) -> None:
    """The pixels of a RECIPE again, from the RAW files; says what is identical and what is not."""
    from manifests.workspace import Workspace
    from pipeline.release.compare import summary
    from pipeline.release.rebuild import rebuild as rebuild_recipe
    from pipeline.run.executors import make_executor

    rebuilt = rebuild_recipe(
        recipe,
        job.raw_folder,
        job.workspace,
        lambda config: make_executor(job.executor, job.workers, config.work),
        Workspace(against) if against else None,
    )
    for line in summary(rebuilt.comparisons):
        click.echo(line)
    for name in rebuilt.missing:
        click.echo(f"missing: {name} (by sha256) is not in {job.raw}", err=True)
    if not rebuilt.whole:
        for line in rebuilt.machine:
            click.echo(f"the recipe's machine had {line}", err=True)
    if rebuilt.unlabelled:
        click.echo(rebuilt.unlabelled, err=True)
    if not rebuilt.whole:
        sys.exit(FAILED)


COMMANDS = (release, rebuild)
