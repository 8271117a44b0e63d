"""The stage `study`: mixed-distortion renderings, and what a scorer says of their ROIs.

They lie in a workspace of their own inside the dataset's. Who rates them is not here: simulated
raters (pipeline/study) take the scorer's word and the levels for the truth.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from isp.development.recipes import Recipe, mixed_recipes, recipes
from isp.development.renderer import develop
from labelers.engine.label_engine import VERSION as LABELS_VERSION
from labelers.engine.label_engine import Labeler, labeler_identity, load_labeler
from manifests.files import fresh_folder
from manifests.images import read_image
from manifests.keys import LEVELS, rendering_id
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.stages.render_stage import RENDER, store
from pipeline.stages.stage import Stage, StageOutput, Unit, is_other_rendering, reference_of

VERSION = 3


def _study(unit: Unit, labeler: Labeler) -> StageOutput:
    config, source = unit.config, unit.source
    space = Workspace(unit.workspace.study)
    wanted = mixed_recipes(config.study.images_per_scene, source.sha256, config.seed, config.render)
    _, images = develop(source.file, source.sha256, wanted, config.render, config.seed)
    folder = fresh_folder(space.renderings(unit.key))
    rows = [store(image, unit.key, folder, space) for image in images]
    severities = _severities(wanted, unit)
    rows = [_told(row, severities[row.rendering_id]) for row in rows]
    rois = read_records(unit.workspace.table_file("rois", unit.key), Roi)
    labels = labeler.label(
        reference_of(unit), rois, [(row, read_image(space.file(row.path))) for row in rows]
    )
    return _write_study(unit, space, rows, rois, labels)


def _severities(mixed: Sequence[Recipe], unit: Unit) -> dict[str, dict[str, float]]:
    """Of each mixed rendering: the distortions in it, level 1..20 as trivial (4) .. extreme (0)."""
    single = {r.steps[0]: r.level for r in recipes(unit.config.render) if r.steps}
    return {
        rendering_id(unit.key, r.distortion, r.level): {
            s.distortion: round(4 * (1 - (single[s] - 1) / (LEVELS - 1)), 6) for s in r.steps
        }
        for r in mixed
    }


def _told(row: Rendering, severities: Mapping[str, float]) -> Rendering:
    """The row, its params holding the severities too."""
    params = json.loads(row.params) | {"severities": severities}
    return replace(row, params=json.dumps(params, sort_keys=True))


def _write_study(
    unit: Unit,
    space: Workspace,
    rows: Sequence[Rendering],
    rois: Sequence[Roi],
    labels: Sequence[Label],
) -> StageOutput:
    scene = read_records(unit.workspace.table_file("scenes", unit.key), Scene)
    tables: dict[str, tuple[Sequence[Any], type]] = {
        "scenes": (scene, Scene),
        "renderings": (rows, Rendering),
        "candidates": (rois, Roi),
        "truth": (labels, Label),
    }
    for name, (records, kind) in tables.items():
        write_records(space.table_file(name, unit.key), records, kind)
    files = [space.table_file(name, unit.key) for name in tables]
    files += [space.file(row.path) for row in rows]
    return StageOutput(tuple(files), {"mixed": len(rows)})


STUDY = Stage(
    name="study",
    after=("render", "masks"),
    inputs=lambda config: {
        "version": VERSION,
        "render": RENDER.inputs(config),
        "labels": {"version": LABELS_VERSION, "scorer": labeler_identity(config.labels)},
        "images_per_scene": config.study.images_per_scene,
    },
    reads=lambda source, dones: [source.sha256, dict(dones["masks"].files)],
    load=lambda config: load_labeler(config.labels, config.work.device),
    work=_study,
    on_gpu=True,
    opens=lambda name: not is_other_rendering(name),
    opens_raw=True,
)
