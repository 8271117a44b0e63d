"""The stage `study`: mixed-distortion renderings with simulated ratings, as SEAGULL-3k has them.

They lie in a workspace of their own inside the dataset's. The ratings are of `annotation.simulate`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from annotation.simulate import simulate_study
from isp.development.recipes import Recipe, mixed_recipes, recipes
from isp.development.renderer import develop
from labelers.engine.label_engine import VERSION as LABELS_VERSION
from labelers.engine.label_engine import Labeler, labeler_identity, load_labeler
from manifests.files import fresh_folder
from manifests.images import read_image
from manifests.keys import rendering_id
from manifests.ratings import Rating
from manifests.records import Rendering, Roi, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.stages.render_stage import RENDER, store
from pipeline.stages.stage import Stage, StageOutput, Unit, reference_of


def _study(unit: Unit, labeler: Labeler) -> StageOutput:
    """Mixed-distortion renderings with simulated ratings, in SEAGULL-3k's format."""
    config, source = unit.config, unit.source
    space = Workspace(unit.workspace.study)
    wanted = mixed_recipes(config.study.images_per_scene, source.sha256, config.seed, config.render)
    _, images = develop(source.file, source.sha256, wanted, config.render, config.seed)
    folder = fresh_folder(space.renderings(unit.key))
    rows = [store(image, unit.key, folder, space) for image in images]
    rois = read_records(unit.workspace.table_file("rois", unit.key), Roi)
    labels = labeler.label(
        reference_of(unit), rois, [(row, read_image(space.root / row.path)) for row in rows]
    )
    ratings = simulate_study(labels, _levels(wanted, unit), config.study, config.seed)
    return _write_study(unit, space, rows, _rated(rois, ratings), ratings)


def _levels(mixed: Sequence[Recipe], unit: Unit) -> dict[str, dict[str, int]]:
    """Of each mixed rendering: the level, among the twenty, of each distortion in it."""
    single = {r.steps[0]: r.level for r in recipes(unit.config.render) if r.steps}
    return {
        rendering_id(unit.key, r.distortion, r.level): {s.distortion: single[s] for s in r.steps}
        for r in mixed
    }


def _rated(rois: Sequence[Roi], ratings: Sequence[Rating]) -> list[Roi]:
    seen = {rating.roi_id for rating in ratings}
    return [roi for roi in rois if roi.roi_id in seen]


def _write_study(
    unit: Unit,
    space: Workspace,
    rows: Sequence[Rendering],
    rois: Sequence[Roi],
    ratings: Sequence[Rating],
) -> StageOutput:
    scene = read_records(unit.workspace.table_file("scenes", unit.key), Scene)
    tables: dict[str, tuple[Sequence[Any], type]] = {
        "scenes": (scene, Scene),
        "renderings": (rows, Rendering),
        "rois": (rois, Roi),
        "ratings": (ratings, Rating),
    }
    for name, (records, kind) in tables.items():
        write_records(space.table_file(name, unit.key), records, kind)
    files = [space.table_file(name, unit.key) for name in tables]
    files += [space.root / row.path for row in rows]
    return StageOutput(tuple(files), {"mixed": len(rows), "ratings": len(ratings)})


STUDY = Stage(
    name="study",
    after=("render", "masks"),
    inputs=lambda config: {
        "render": RENDER.inputs(config),
        "labels": {"version": LABELS_VERSION, "scorer": labeler_identity(config.labels)},
        "study": asdict(config.study),
    },
    reads=lambda source, dones: [source.sha256, dict(dones["masks"].files)],
    load=lambda config: load_labeler(config.labels, config.work.device),
    work=_study,
    on_gpu=True,
)
