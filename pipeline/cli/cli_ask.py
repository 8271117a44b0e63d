"""`seagull ask`: regions of a photograph, or of a folder of them, put to a trained network."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from manifests.errors import SeagullError
from pipeline.cli.options import FAILED, Job, job_options


class Numbers(click.ParamType):
    """Numbers with commas between them."""

    def __init__(self, names: str) -> None:
        self.name = names
        self.count = len(names.split(","))

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        """As many numbers as there are names."""
        try:
            numbers = tuple(float(part) for part in str(value).split(","))
        except ValueError:
            numbers = ()
        if len(numbers) != self.count or not all(abs(n) < 1e9 for n in numbers):
            self.fail(f"'{value}' is not {self.name}, in pixels", param, ctx)
        return numbers


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--point", "points", type=Numbers("X,Y"), multiple=True, help="Repeatable.")
@click.option("--box", "boxes", type=Numbers("X,Y,W,H"), multiple=True, help="Repeatable.")
@click.option(
    "--mask", "masks", type=click.Path(path_type=Path), multiple=True,
    help="A PNG of the photograph's size, inside where not black. Repeatable.",
)  # fmt: skip
@click.option("--objects", is_flag=True, help="Every object the detector finds.")
@click.option(
    "--model", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a trained network. Default: the workspace's, finetuned where there is one.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answers as JSON on standard output.")
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the photograph with outlines and answers to this PNG or JPEG.",
)  # fmt: skip
@click.option(
    "--table", type=click.Path(path_type=Path, dir_okay=False), default=Path("answers.parquet"),
    show_default=True, help="For a folder: the Parquet of its objects' answers.",
)  # fmt: skip
@job_options
def ask(job: Job, photo: Path, model: Path | None, table: Path, **asked: Any) -> None:
    """What is wrong with a region of PHOTO (or with the objects of a folder of them).

    A region is one --point inside it, a --box around it, or a --mask; X and Y count from the top
    left in pixels of the photograph, the right way up.
    """
    from manifests.process.memory import garbage_kept
    from pipeline.pages.ask_regions import in_background, model_folder, open_network

    folder = model_folder(model, job.workspace)
    network = in_background(open_network, folder, job.config.work.device)
    if photo.is_dir():
        _ask_folder(job, photo, table, network)
        return
    with garbage_kept():
        _ask_photo(job, photo, folder, network, asked)


def _ask_photo(job: Job, photo: Path, folder: Path, network: Any, asked: dict[str, Any]) -> None:
    from labelers.engine.mask_models import load_mask_models
    from pipeline.pages.ask_regions import ask_regions
    from pipeline.pages.open_photo import open_photo
    from pipeline.pages.prompted import PromptedImage

    image = open_photo(photo, job.config)
    models = load_mask_models(job.config.masks, job.config.work.device)
    regions = list(_regions(PromptedImage(image, models, job.config.masks), asked))
    answered = ask_regions(network.result().open(image), regions)
    if asked["as_json"]:
        size = {"width": image.shape[1], "height": image.shape[0]}
        whole = {"photo": str(photo), **size, "model": str(folder)}
        whole["regions"] = [region.to_dict() for region in answered]
        click.echo(json.dumps(whole, indent=1))
    else:
        for region in answered:
            click.echo(region.line())
    if asked["picture"]:
        _write_picture(asked["picture"], image, answered)


def _regions(prompted: Any, asked: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The regions in the order point, box, mask, objects.

    Raises:
        SeagullError: none is asked for, or one is not there.
    """
    from pipeline.pages.prompted import read_mask

    if not any(asked[name] for name in ("points", "boxes", "masks", "objects")):
        raise SeagullError(
            "which region? give --point X,Y, --box X,Y,W,H, --mask FILE or --objects"
        )
    for point in asked["points"]:
        yield "point {:g},{:g}".format(*point), prompted.at_points([point])
    for box in asked["boxes"]:
        yield "box {:g},{:g},{:g},{:g}".format(*box), prompted.in_box(box)
    for path in asked["masks"]:
        yield f"mask {path.name}", prompted.from_array(read_mask(path), str(path))
    if asked["objects"]:
        if not prompted.objects:
            raise SeagullError("no object found; give a --point or a --box")
        for number, one in enumerate(prompted.objects, 1):
            yield f"object {number} {one.class_name or ''}".rstrip(), one.mask


def _write_picture(path: Path, image: Any, answered: Any) -> None:
    from manifests.files import write_atomic
    from pipeline.pages.ask_picture import answers_picture, encode_picture

    write_atomic(path, encode_picture(answers_picture(image, answered), path.suffix))
    click.echo(f"picture: {path}", err=True)


def _ask_folder(job: Job, photo: Path, table: Path, network: Any) -> None:
    from labelers.engine.mask_models import load_mask_models
    from pipeline.pages.ask_folder import ask_folder, find_photos

    find_photos(photo)
    models = load_mask_models(job.config.masks, job.config.work.device)
    answered, failed = ask_folder(photo, table, network.result(), models, job.config)
    click.echo(f"{answered} regions answered, {failed} photographs failed: {table}")
    if failed:
        sys.exit(FAILED)


COMMANDS = (ask,)
