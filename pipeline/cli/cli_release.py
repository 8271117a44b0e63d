"""Commands that make a dataset ready for others, and others' ready for us."""

from pathlib import Path

import click

from pipeline.cli.options import Job, job_options


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


COMMANDS = (release,)
