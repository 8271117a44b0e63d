"""The stages that work scene by scene, as a list one can read.

A stage says what it comes after, what its output depends on (`inputs` of the configuration and its
models, `reads` of what came before), how to load its models once a worker, and how to do its work.
It knows no Ray. Sharding and training work on all scenes at once and are not in this list.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from annotation.simulate import simulate_study
from isp.recipes import Recipe, mixed_recipes, recipes
from isp.renderer import VERSION as ISP_VERSION
from isp.renderer import Image, develop, levels_identity
from labelers.engine import VERSION as LABELS_VERSION
from labelers.engine import Labeler, Labelers, labeler_identity, load_labeler, load_labelers
from labelers.models import load_mask_models, mask_models_identity
from labelers.rois import VERSION as MASKS_VERSION
from labelers.rois import find_rois
from manifests.config import Config, to_dict
from manifests.done import Done, fingerprint
from manifests.files import sha256_of_file, write_atomic
from manifests.keys import image_stem, rendering_id
from manifests.ratings import Rating
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.images import read_image
from pipeline.sources import Source, split_of


@dataclass(frozen=True)
class Unit:
    """One scene's turn in one stage."""

    source: Source
    workspace: Workspace
    config: Config

    @property
    def key(self) -> str:
        """The scene_id."""
        return self.source.scene_id


@dataclass(frozen=True)
class Made:
    """What a stage left on disk: files (their sha256 is taken afterwards) and counts."""

    files: tuple[Path, ...]
    counts: Mapping[str, int]


Dones = Mapping[str, Done]


@dataclass(frozen=True)
class Stage:
    """See the module's docstring."""

    name: str
    after: tuple[str, ...]
    inputs: Callable[[Config], Mapping[str, Any]]
    reads: Callable[[Source, Dones], Any]
    load: Callable[[Config], Any]
    work: Callable[[Unit, Any], Made]
    on_gpu: bool = False

    def fingerprint(self, source: Source, inputs: Mapping[str, Any], dones: Dones) -> str:
        """Of all that makes this stage's output for this scene."""
        return fingerprint(
            stage=self.name, scene=source.scene_id, inputs=inputs, reads=self.reads(source, dones)
        )


def record_done(stage: str, unit: Unit, fingerprint: str, made: Made) -> Done:
    """Write the record that `made` is whole; the last thing a stage does."""
    root = unit.workspace.root
    files = {path.relative_to(root).as_posix(): sha256_of_file(path) for path in made.files}
    done = Done(stage, unit.key, fingerprint, files, dict(made.counts))
    done.write(unit.workspace.done(stage, unit.key))
    return done


# ---- render ----------------------------------------------------------------------------------


def _render(unit: Unit, _: None) -> Made:
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
    return Made((table, *(space.root / row.path for row in ordered)), {"renderings": len(ordered)})


def fresh_folder(folder: Path) -> Path:
    """The folder, empty."""
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


# ---- masks -----------------------------------------------------------------------------------


def _reference(unit: Unit) -> np.ndarray:
    rows = read_records(unit.workspace.table_file("renderings", unit.key), Rendering)
    return read_image(unit.workspace.root / rows[0].path)


def _masks(unit: Unit, models: Any) -> Made:
    config, source = unit.config, unit.source
    rois = find_rois(_reference(unit), unit.key, source.sha256, config.seed, config.masks, models)
    table = unit.workspace.table_file("rois", unit.key)
    write_records(table, rois, Roi)
    objects = sum(roi.kind == "object" for roi in rois)
    return Made((table,), {"objects": objects, "components": len(rois) - objects})


def _read_reference(source: Source, dones: Dones) -> list[str]:
    stem = f"renderings/{source.scene_id}/{image_stem('none', 0)}."
    return [sha for name, sha in dones["render"].files.items() if name.startswith(stem)]


def _by_content(section: Any) -> dict[str, Any]:
    """A section without its weights' paths: the models' identity stands for what they hold."""
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
)


# ---- labels ----------------------------------------------------------------------------------


def _labels(unit: Unit, labelers: Labelers) -> Made:
    space = unit.workspace
    rois = read_records(space.table_file("rois", unit.key), Roi)
    rows = read_records(space.table_file("renderings", unit.key), Rendering)
    images = [(row, read_image(space.root / row.path)) for row in rows]
    seen = (images[0][1], rois, images)
    said = {"labels": labelers.first.label(*seen)}
    if labelers.others:
        said["scores"] = labelers.others_label(*seen)
    space.table_file("scores", unit.key).unlink(missing_ok=True)  # of scorers no longer asked
    for name, labels in said.items():
        write_records(space.table_file(name, unit.key), labels, Label)
    files = tuple(space.table_file(name, unit.key) for name in said)
    return Made(files, {name: len(labels) for name, labels in said.items()})


LABELS = Stage(
    name="labels",
    after=("render", "masks"),
    inputs=lambda config: {
        "version": LABELS_VERSION,
        "scorers": [labeler_identity(scorer) for scorer in (config.labels, *config.labels.also)],
    },
    reads=lambda source, dones: [dict(dones["render"].files), dict(dones["masks"].files)],
    load=lambda config: load_labelers(config.labels, config.work.device),
    work=_labels,
    on_gpu=True,
)


# ---- study -----------------------------------------------------------------------------------


def _study(unit: Unit, labeler: Labeler) -> Made:
    """Mixed-distortion renderings with simulated ratings, in SEAGULL-3k's format."""
    config, source = unit.config, unit.source
    space = Workspace(unit.workspace.study)
    wanted = mixed_recipes(config.study.images_per_scene, source.sha256, config.seed, config.render)
    _, images = develop(Path(source.path), source.sha256, wanted, config.render, config.seed)
    folder = fresh_folder(space.renderings(unit.key))
    rows = [store(image, unit.key, folder, space) for image in images]
    rois = read_records(unit.workspace.table_file("rois", unit.key), Roi)
    labels = labeler.label(
        _reference(unit), rois, [(row, read_image(space.root / row.path)) for row in rows]
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
) -> Made:
    scene = read_records(unit.workspace.table_file("scenes", unit.key), Scene)
    tables: dict[str, tuple[Sequence[Any], type]] = {
        "scenes": (scene, Scene),
        "renderings": (rows, Rendering),
        "rois": (rois, Roi),
        "ratings": (ratings, Rating),
    }
    for name, (records, kind) in tables.items():
        write_records(space.table_file(name, unit.key), records, kind)
    files = [space.table_file(name, unit.key) for name in tables if name != "scenes"]
    files += [space.root / row.path for row in rows]
    return Made(tuple(files), {"mixed": len(rows), "ratings": len(ratings)})


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

STAGES: tuple[Stage, ...] = (RENDER, MASKS, LABELS, STUDY)
BUILD = ("render", "masks", "labels")


def stage_by_name(name: str) -> Stage:
    """The stage called `name`."""
    return next(stage for stage in STAGES if stage.name == name)
