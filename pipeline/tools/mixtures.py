"""Renderings with several distortions, or with some inside a region only, beside the dataset.

They lie in `OUT/mixtures`, a workspace of its own with `renderings/` and the table of them. Where
the dataset has masks, `labels` are what the scorer says of each ROI and `touched` what was done to
it; a region needs them (`seagull masks`). One process; what fails is said, the next scene taken.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isp.development.recipes import REFERENCE
from isp.development.renderer import open_raw
from labelers.engine.label_engine import Labeler, load_labeler
from manifests.compacted import has_records
from manifests.config import Config
from manifests.errors import SceneError
from manifests.files import fresh_folder, remove_file
from manifests.images import decode_image
from manifests.process.progress import progress
from manifests.records import Label, Rendering, Roi
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.mixing.inside import Touched
from pipeline.mixing.mixed_images import mixed_images, named
from pipeline.mixing.placed_recipes import Placed, read_placed
from pipeline.stages.render_stage import store
from pipeline.workers.worker import cap_threads

TABLES: dict[str, type] = {"renderings": Rendering, "touched": Touched, "labels": Label}


def render_mixtures(
    sources: Sequence[Source], recipes: Path, space: Workspace, config: Config, dataset: Workspace
) -> list[str]:
    """Develop every source by the recipes of the YAML; returns what failed, a line each.

    Args:
        sources: the scenes.
        recipes: the YAML.
        space: where the renderings go.
        config: how the references are made, and the scorer.
        dataset: the workspace whose masks say where the regions are.

    Raises:
        SeagullError: the YAML is none, or names what there is not.
    """
    cap_threads()
    wanted = read_placed(recipes)
    labeled = any(_has_masks(dataset, source) for source in sources)
    labeler = load_labeler(config.labels, config.work.device) if labeled else None
    failed = []
    with progress(len(sources), "mix", "scenes") as bar:
        for source in sources:
            key = source.scene_id
            try:
                made = _scene(
                    source, wanted, space, config, _rois(dataset, source, wanted), labeler
                )
            except SceneError as error:
                failed.append(f"{key}: {error.reason}: {error.message}")
            else:
                for name, record in TABLES.items():
                    remove_file(space.table_file(name, key))
                    if made[name]:
                        write_records(space.table_file(name, key), made[name], record)
            bar.update()
    return failed


def _has_masks(dataset: Workspace, source: Source) -> bool:
    return has_records(dataset.table_file("rois", source.scene_id))


def _rois(dataset: Workspace, source: Source, wanted: Sequence[Placed]) -> list[Roi]:
    if _has_masks(dataset, source):
        return read_records(dataset.table_file("rois", source.scene_id), Roi)
    if any(one.is_regional for one in wanted):
        raise SceneError(
            "missing_input", f"{dataset.root} has no masks of it; run `seagull masks` first"
        )
    return []


def _scene(
    source: Source,
    wanted: Sequence[Placed],
    space: Workspace,
    config: Config,
    rois: Sequence[Roi],
    labeler: Labeler | None,
) -> dict[str, list[Any]]:
    """The rows of the tables; the images are written."""
    key = source.scene_id
    folder = fresh_folder(space.renderings(key))
    raw = open_raw(source.file, source.sha256, config.render, config.seed)
    try:
        reference = next(iter(raw.images([REFERENCE])))
        rows, changes = [], []
        for _, image, more in mixed_images(raw, key, reference, rois, wanted):
            rows.append(store(image, key, folder, space))
            changes += more
    finally:
        raw.close()
    labels: list[Label] = []
    if labeler and rois:
        stored = [(row, decode_image(space.file(row.path).read_bytes(), row.path)) for row in rows]
        pixels = decode_image(reference.content, key)
        labels = named(labeler.label(pixels, rois, stored), changes)
    return {"renderings": rows, "touched": changes, "labels": labels}
