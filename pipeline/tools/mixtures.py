"""Renderings with several distortions, or with some inside a region only, beside the dataset.

    - {exposure: {parameter: -1.5}, noise: {parameter: 4}}
    - {where: object, feather: 6, blur: {parameter: 2.0}}      # object | component | background

They lie in `OUT/mixtures`, a workspace of its own with `renderings/`, the table of them and, for
those with a region, the table `touched`: what they did to each ROI. A region needs the dataset's
masks (`seagull masks`). One process; what fails is said and the next scene taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from isp.development.recipes import REFERENCE, Recipe, mixture, mixtures
from isp.development.renderer import Image, develop
from isp.distortions.levels import read_yaml
from manifests.compacted import has_records
from manifests.config import Config
from manifests.errors import SceneError, SeagullError
from manifests.files import fresh_folder, remove_file
from manifests.images import decode_image, encode_png
from manifests.keys import rendering_id
from manifests.progress import progress
from manifests.records import Rendering, Roi
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.stages.render_stage import store
from pipeline.tools.inside import PLACES, Touched, blend, mask_of, touched, weights_of
from pipeline.workers.worker import cap_threads


@dataclass(frozen=True)
class Placed:
    """A recipe, and where it acts: everywhere (""), or in one of PLACES, feathered in pixels."""

    recipe: Recipe
    where: str = ""
    feather: float = 0.0


def read_placed(path: Path) -> list[Placed]:
    """Read the YAML.

    Raises:
        SeagullError: it is no list of mixtures, or names a place or a setting that there is not.
    """
    rows = read_yaml(path)
    if not isinstance(rows, list) or not any(isinstance(r, dict) and "where" in r for r in rows):
        return [Placed(recipe) for recipe in mixtures(path)]
    return [_placed(path, number, row) for number, row in enumerate(rows, start=1)]


def _placed(path: Path, number: int, row: object) -> Placed:
    cells = dict(row) if isinstance(row, dict) else {}
    where, feather = cells.pop("where", ""), cells.pop("feather", 0)
    if where not in (*PLACES, "") or not isinstance(feather, int | float) or feather < 0:
        raise SeagullError(
            f"{path}: mixture {number}: where is one of {', '.join(PLACES)}, feather pixels from 0"
        )
    if len(cells) < (1 if where else 2):
        raise SeagullError(
            f"{path}: mixture {number} needs two or more distortions, or `where` and one"
        )
    return Placed(mixture(path, number, cells), where, float(feather))


def render_mixtures(
    sources: Sequence[Source], recipes: Path, space: Workspace, config: Config, dataset: Workspace
) -> list[str]:
    """Develop every source by the recipes of the YAML; returns what failed, a line each.

    Args:
        sources: the scenes.
        recipes: the YAML.
        space: where the renderings go.
        config: how the references are made.
        dataset: the workspace whose masks say where the regions are.

    Raises:
        SeagullError: the YAML is none, or names what there is not.
    """
    cap_threads()
    wanted = read_placed(recipes)
    failed = []
    with progress(len(sources), "mix", "scenes") as bar:
        for source in sources:
            key = source.scene_id
            try:
                rows, changes = _scene(source, wanted, space, config, dataset)
            except SceneError as error:
                failed.append(f"{key}: {error.reason}: {error.message}")
            else:
                write_records(space.table_file("renderings", key), rows, Rendering)
                remove_file(space.table_file("touched", key))
                if changes:
                    write_records(space.table_file("touched", key), changes, Touched)
            bar.update()
    return failed


def _scene(
    source: Source,
    wanted: Sequence[Placed],
    space: Workspace,
    config: Config,
    dataset: Workspace,
) -> tuple[list[Rendering], list[Touched]]:
    key, by_level = source.scene_id, {one.recipe.level: one for one in wanted}
    regional = any(one.where for one in wanted)
    rois = _rois(dataset, key) if regional else []
    recipes = [REFERENCE] * regional + [one.recipe for one in wanted]
    _, images = develop(source.file, source.sha256, recipes, config.render, config.seed)
    folder = fresh_folder(space.renderings(key))
    rows: list[Rendering] = []
    changes: list[Touched] = []
    reference: Image | None = None
    for image in images:
        if image.recipe == REFERENCE:
            reference = image
            continue
        placed = by_level[image.recipe.level]
        if placed.where and reference is not None:
            image, more = _inside(key, reference, image, placed, rois)
            changes += more
        rows.append(store(image, key, folder, space))
    return rows, changes


def _rois(dataset: Workspace, key: str) -> list[Roi]:
    path = dataset.table_file("rois", key)
    if not has_records(path):
        raise SceneError(
            "missing_input", f"{dataset.root} has no masks of it; run `seagull masks` first"
        )
    return read_records(path, Roi)


def _inside(
    key: str, reference: Image, image: Image, placed: Placed, rois: Sequence[Roi]
) -> tuple[Image, list[Touched]]:
    """The image with its distortion in the region alone, as PNG: outside, not a bit is changed."""
    weights = weights_of(mask_of(placed.where, rois), placed.feather)
    if weights.shape != (image.height, image.width):
        raise SceneError(
            "missing_input", "the masks are of another size than these renderings; make them again"
        )
    clean, distorted = (decode_image(one.content, key) for one in (reference, image))
    params = {**image.params, "where": placed.where, "feather": placed.feather}
    changed = replace(
        image,
        content=encode_png(blend(clean, distorted, weights)),
        extension="png",
        params=params,
    )
    names = [step.distortion for step in placed.recipe.steps]
    name = rendering_id(key, image.recipe.distortion, image.recipe.level)
    return changed, touched(name, names, rois, weights)
