"""The stages `masks` and `labels`: the ROIs of a reference, and what is said of them."""

from typing import Any

from labelers.engine.label_engine import VERSION as LABELS_VERSION
from labelers.engine.label_engine import Labelers, labeler_identity, load_labelers
from labelers.engine.mask_models import MaskModels, load_mask_models, mask_models_identity
from labelers.engine.rois import VERSION as MASKS_VERSION
from labelers.engine.rois import find_rois
from manifests.config import to_dict
from manifests.files import remove_file
from manifests.images import read_image
from manifests.keys import image_stem
from manifests.records import Label, Rendering, Roi
from manifests.tables import read_records, write_records
from pipeline.intake.sources import Source
from pipeline.stages.stage import (
    Dones,
    Stage,
    StageOutput,
    Unit,
    is_other_rendering,
    reference_of,
)


def _masks(unit: Unit, models: MaskModels) -> StageOutput:
    config, source = unit.config, unit.source
    rois = find_rois(reference_of(unit), unit.key, source.sha256, config.seed, config.masks, models)
    table = unit.workspace.table_file("rois", unit.key)
    write_records(table, rois, Roi)
    objects = sum(roi.kind == "object" for roi in rois)
    return StageOutput((table,), {"objects": objects, "components": len(rois) - objects})


def _read_reference(source: Source, dones: Dones) -> list[str]:
    stem = f"renderings/{source.scene_id}/{image_stem('none', 0)}."
    return [sha for name, sha in dones["render"].files.items() if name.startswith(stem)]


def _by_content(section: Any) -> dict[str, Any]:
    """Return a section without its weights' paths: the models' identity stands for these."""
    return {key: value for key, value in to_dict(section).items() if not key.endswith("weights")}


MASKS = Stage(
    name="masks",
    after=("render",),
    inputs=lambda config: {
        "version": MASKS_VERSION,
        "config": _by_content(config.masks),
        "models": mask_models_identity(config.masks),
        "seed": config.seed,
    },
    reads=_read_reference,
    load=lambda config: load_mask_models(config.masks, config.work.device),
    work=_masks,
    on_gpu=True,
    opens=lambda name: not is_other_rendering(name),
)


def _labels(unit: Unit, labelers: Labelers) -> StageOutput:
    space = unit.workspace
    rois = read_records(space.table_file("rois", unit.key), Roi)
    rows = read_records(space.table_file("renderings", unit.key), Rendering)
    images = [(row, read_image(space.file(row.path))) for row in rows]
    pictures = (images[0][1], rois, images)
    made = {"labels": labelers.first.label(*pictures)}
    if labelers.others:
        made["scores"] = labelers.others_label(*pictures)
    remove_file(space.table_file("scores", unit.key))  # of scorers no longer asked
    for name, labels in made.items():
        write_records(space.table_file(name, unit.key), labels, Label)
    files = tuple(space.table_file(name, unit.key) for name in made)
    return StageOutput(files, {name: len(labels) for name, labels in made.items()})


def _read_renderings_and_rois(source: Source, dones: Dones) -> list[dict[str, str]]:
    """All that render and masks made but the scene's row: its path and split change no label."""
    row = f"tables/scenes/{source.scene_id}.parquet"
    return [
        {name: sha for name, sha in dones[stage].files.items() if name != row}
        for stage in ("render", "masks")
    ]


LABELS = Stage(
    name="labels",
    after=("render", "masks"),
    inputs=lambda config: {
        "version": LABELS_VERSION,
        "scorers": [labeler_identity(scorer) for scorer in (config.labels, *config.labels.also)],
    },
    reads=_read_renderings_and_rois,
    load=lambda config: load_labelers(config.labels, config.work.device),
    work=_labels,
    on_gpu=True,
)
