"""The stage `render`: a RAW becomes its renderings, their table and the scene's row."""

import json
import shutil
from pathlib import Path

from isp.development.recipes import recipes
from isp.development.renderer import VERSION as ISP_VERSION
from isp.development.renderer import Image, develop, levels_identity
from manifests.config import to_dict
from manifests.files import sha256_of_file, write_atomic
from manifests.keys import image_stem, rendering_id
from manifests.records import Rendering, Scene
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of
from pipeline.stages.stage import Stage, StageOutput, Unit


def _render(unit: Unit, _: None) -> StageOutput:
    source, config, space = unit.source, unit.config, unit.workspace
    wanted = recipes(config.render)
    capture, images = develop(Path(source.path), source.sha256, wanted, config.render, config.seed)
    folder = fresh_folder(space.renderings(unit.key))
    rows = {row.rendering_id: row for row in (store(i, unit.key, folder, space) for i in images)}
    ordered = [rows[rendering_id(unit.key, r.distortion, r.level)] for r in wanted]
    scene = Scene(
        scene_id=unit.key,
        path=source.path,
        sha256=source.sha256,
        bytes=source.bytes,
        split=split_of(source.sha256, config.shards),
        **{name: getattr(capture, name) for name in capture.__dataclass_fields__},
    )
    write_records(space.table_file("scenes", unit.key), [scene], Scene)
    table = space.table_file("renderings", unit.key)
    write_records(table, ordered, Rendering)
    files = (table, *(space.root / row.path for row in ordered))
    return StageOutput(files, {"renderings": len(ordered)})


def fresh_folder(folder: Path) -> Path:
    """Make the folder, or empty it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def store(image: Image, scene: str, folder: Path, space: Workspace) -> Rendering:
    """Write the image into `folder`, a scene's in `space`; returns its row."""
    recipe = image.recipe
    path = folder / f"{image_stem(recipe.distortion, recipe.level)}.{image.extension}"
    write_atomic(path, image.content)
    return Rendering(
        rendering_id=rendering_id(scene, recipe.distortion, recipe.level),
        scene_id=scene,
        distortion=recipe.distortion,
        level=recipe.level,
        parameter=recipe.parameter,
        unit=recipe.unit,
        params=json.dumps(image.params, sort_keys=True),
        path=path.relative_to(space.root).as_posix(),
        sha256=sha256_of_file(path),
        bytes=len(image.content),
        width=image.width,
        height=image.height,
    )


RENDER = Stage(
    name="render",
    after=(),
    inputs=lambda config: {
        "version": ISP_VERSION,
        "config": to_dict(config.render) | {"levels": levels_identity(config.render)},
        "seed": config.seed,
    },
    reads=lambda source, dones: source.sha256,
    load=lambda config: None,
    work=_render,
)
