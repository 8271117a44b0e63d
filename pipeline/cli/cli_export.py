"""`seagull export`: the dataset in the forms of other tools."""

from pathlib import Path

import click

from pipeline.cli.options import Job, job_options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--renderings", is_flag=True, help="Every rendering with its labels, not references.")
@click.option("--fiftyone", metavar="NAME", help="A FiftyOne dataset of this name.")
@job_options
def export(job: Job, folder: Path | None, renderings: bool, fiftyone: str | None) -> None:
    """Regions and labels as COCO instances JSON in FOLDER (default: OUT-coco), or for FiftyOne."""
    from pipeline.pages.pages_app import open_source

    source = open_source(job.workspace)
    if fiftyone:
        from pipeline.export.fiftyone_export import write_fiftyone

        count = write_fiftyone(source, job.workspace.root, fiftyone, renderings)
        click.echo(f"{count:,} samples in FiftyOne's dataset {fiftyone}")
    if folder or not fiftyone:
        from pipeline.export.coco_export import write_coco

        target = folder or Path(f"{job.workspace.root}-coco")
        images = write_coco(source, target, renderings)
        counts = ", ".join(f"{count:,} {split}" for split, count in images.items())
        click.echo(f"{counts} images in {target}/instances_*.json")


COMMANDS = (export,)
