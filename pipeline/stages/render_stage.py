"""The stage `render`: a RAW becomes its renderings, their table and the scene's row."""

import json
from pathlib import Path

from isp.development.recipes import recipes
from isp.development.renderer import VERSION as ISP_VERSION
from isp.development.renderer import Image, develop, levels_identity
from manifests.config import Config, to_dict
from manifests.errors import SeagullError
from manifests.files import fresh_folder, sha256_of, write_atomic
from manifests.keys import image_stem, rendering_id
from manifests.records import Rendering, Scene
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of
from pipeline.stages.stage import Stage, StageOutput, Unit


def _render(unit: Unit, _: None) -> StageOutput:
    source, config, space = unit.source, unit.config, unit.workspace
    wanted = recipes(config.render)
    capture, images = develop(source.file, source.sha256, wanted, config.render, config.seed)
    folder = fresh_folder(space.renderings(unit.key))
    rows = {row.rendering_id: row for row in (store(i, unit.key, folder, space) for i in images)}
    ordered = [rows[rendering_id(unit.key, r.distortion, r.level)] for r in wanted]
    scene = Scene(
        scene_id=unit.key,
        path=source.path,
        sha256=source.sha256,
        bytes=source.bytes,
        split=split_of(source.sha256, config.shards),
        **vars(capture),
    )
    row, table = (space.table_file(name, unit.key) for name in ("scenes", "renderings"))
    write_records(row, [scene], Scene)
    write_records(table, ordered, Rendering)
    files = (row, table, *(space.file(rendering.path) for rendering in ordered))
    return StageOutput(files, {"renderings": len(ordered)})


def store(image: Image, scene: str, folder: Path, space: Workspace) -> Rendering:
    """Write the image into `folder`, a scene's in `space`; returns its row."""
    path = folder / f"{image_stem(image.recipe.distortion, image.recipe.level)}.{image.extension}"
    write_atomic(path, image.content)
    return row_of(image, scene, path.relative_to(space.root).as_posix())


def row_of(image: Image, scene: str, path: str) -> Rendering:
    """The row of an image that lies, or would lie, at `path` in its workspace."""
    recipe = image.recipe
    return Rendering(
        rendering_id=rendering_id(scene, recipe.distortion, recipe.level),
        scene_id=scene,
        distortion=recipe.distortion,
        level=recipe.level,
        parameter=recipe.parameter,
        unit=recipe.unit,
        params=json.dumps(image.params, sort_keys=True),
        path=path,
        sha256=sha256_of(image.content),
        bytes=len(image.content),
        width=image.width,
        height=image.height,
    )


def _one_format(config: Config) -> None:
    """Refuse levels that would give a dataset both JPEG and PNG, which its readers cannot type.

    Raises:
        SeagullError: a codec other than JPEG, whose pixels ship as PNG, in a dataset of JPEG.
    """
    steps = [step for recipe in recipes(config.render) for step in recipe.steps]
    codecs = {step.option("codec", "jpeg") for step in steps} - {"jpeg"}
    if codecs and config.render.format == "jpg":
        raise SeagullError(
            f"render.levels: {' and '.join(sorted(codecs))} ship as PNG, and a dataset has one"
            " image format: set render.format=png, or codec: jpeg"
        )


def _version(config: Config) -> object:
    """Return the code's version, and what changed the bytes of some datasets alone.

    In a dataset of PNG compression too is PNG; levels of one's own are named by their content.
    """
    changed = 2 * (config.render.format == "png"), 1 * (config.render.levels != "shipped")
    return [ISP_VERSION, *filter(None, changed)] if any(changed) else ISP_VERSION


RENDER = Stage(
    name="render",
    after=(),
    inputs=lambda config: {
        "version": _version(config),
        "config": to_dict(config.render) | {"levels": levels_identity(config.render)},
        "seed": config.seed,
    },
    reads=lambda source, dones: source.sha256,
    load=_one_format,
    work=_render,
    opens_raw=True,
)
