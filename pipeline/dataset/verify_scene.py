"""One scene checked: its files against their records, then its tables, images and masks."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from isp.development.recipes import recipes
from manifests.config import Config
from manifests.done import read_done
from manifests.errors import SceneError, SeagullError
from manifests.files import sha256_of
from manifests.images import decode_image
from manifests.keys import WITHOUT, check_key, parse_rendering_id
from manifests.records import Label, Rendering, Roi, Scene
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.dataset.samples import seagull_3k
from pipeline.dataset.verify_files import record_problems
from pipeline.dataset.verify_study import check_rated
from pipeline.intake.sources import split_of
from pipeline.stages.all_stages import STAGES
from pipeline.workers.worker import Outcome, Task, fetch_scene, nearby


@dataclass(frozen=True, kw_only=True)
class Checked(Outcome):
    """What was seen, and the problems found."""

    tally: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()


def check_scene(task: Task) -> Outcome:
    """Check all that the workspace holds of one scene."""
    return nearby(task, _check, fetch_scene)


def _check(task: Task) -> Outcome:
    tally: Counter[str] = Counter()
    key, workspace = task.source.scene_id, task.workspace
    problems = list(_files(workspace, key))
    if not problems:  # what is not as it was written is not parsed
        problems += guarded(_scene(workspace, task.config, key, tally), key)
        if workspace.done("export", key).exists():
            problems += guarded(_study(seagull_3k(workspace).space, key, tally), f"study {key}")
    return Checked(task, None, tally=tally, problems=tuple(problems))


def guarded(problems: Iterator[str], where: str) -> list[str]:
    """Collect the problems, the last being the one that made further reading impossible."""
    lines = []
    try:
        for problem in problems:
            lines.append(problem)
    except (SeagullError, OSError, ValueError, KeyError, IndexError) as error:
        lines.append(f"{where}: {error}")
    return lines


def _files(workspace: Workspace, key: str) -> Iterator[str]:
    for stage in STAGES:
        done = read_done(workspace.done(stage.name, key))
        if done:
            yield from record_problems(workspace.root, done, f"done/{stage.name}/{key}.json")


def _scene(workspace: Workspace, config: Config, key: str, tally: Counter[str]) -> Iterator[str]:
    check_key(key)
    if not workspace.done("render", key).exists():
        return
    (scene,) = read_records(workspace.table_file("scenes", key), Scene)
    tally["scenes"] += 1
    if scene.scene_id != key:
        yield f"{key}: its row is of {scene.scene_id}"
    if scene.split != split_of(scene.sha256, config.shards):
        yield f"{key}: split {scene.split} is not what its sha256 says; run `seagull shards`"
    renderings = read_records(workspace.table_file("renderings", key), Rendering)
    expected = len(recipes(config.render))
    imported = workspace.done("import", "seagull-100w").exists()  # has what was published
    if len(renderings) != expected and not imported:
        yield f"{key}: {len(renderings)} renderings, expected {expected}"
    yield from _unique([row.rendering_id for row in renderings])
    for row in renderings:
        yield from _rendering(workspace, row)
        tally["renderings"] += 1
    if workspace.done("masks", key).exists():
        yield from _judged(workspace, config, key, renderings, tally)


def _judged(
    workspace: Workspace, config: Config, key: str, renderings: list[Rendering], tally: Counter[str]
) -> Iterator[str]:
    rois = read_records(workspace.table_file("rois", key), Roi)
    tally["rois"] += len(rois)
    yield from _rois(rois, renderings[0], config)
    if not workspace.done("labels", key).exists():
        return
    asked = {"labels": [config.labels.scorer], "scores": [s.scorer for s in config.labels.also]}
    for table, scorers in asked.items():
        path = workspace.table_file(table, key)
        if scorers and not path.exists():
            yield f"{key}: no {table}"
        elif scorers:
            labels = read_records(path, Label)
            tally[table] += len(labels)
            yield from _labels(f"{key}: {table}", labels, renderings, rois, scorers)


def _unique(keys: list[str]) -> Iterator[str]:
    for key, count in Counter(keys).items():
        check_key(key)
        if count > 1:
            yield f"{key}: {count} rows with this key"


def _rendering(workspace: Workspace, row: Rendering) -> Iterator[str]:
    key = parse_rendering_id(row.rendering_id, (row.distortion,))
    if (key.scene_id, key.distortion, key.level) != (row.scene_id, row.distortion, row.level):
        yield f"{row.rendering_id}: key and columns disagree"
    try:
        content = workspace.file(row.path).read_bytes()
    except SceneError as error:
        yield error.message
        return
    if (sha256_of(content), len(content)) != (row.sha256, row.bytes):
        yield f"{row.path}: sha256 or size differs from its row"
    try:
        height, width = decode_image(content, row.path).shape[:2]
    except SceneError as error:
        yield error.message
        return
    if (width, height) != (row.width, row.height):
        yield f"{row.path}: {width}x{height} pixels, its row says {row.width}x{row.height}"
    if not isinstance(json.loads(row.params), dict):
        yield f"{row.rendering_id}: params is no JSON object"


def _rois(rois: list[Roi], reference: Rendering, config: Config) -> Iterator[str]:
    yield from _unique([roi.roi_id for roi in rois])
    for roi in rois:
        if (roi.width, roi.height) != (reference.width, reference.height):
            yield f"{roi.roi_id}: its size is not the reference's"
            continue
        area = int(decode(roi.rle, roi.height, roi.width).sum())
        if area != roi.area or area < config.masks.min_area:
            yield f"{roi.roi_id}: mask of {area} pixels, row says {roi.area}"


def _labels(
    where: str,
    labels: list[Label],
    renderings: list[Rendering],
    rois: list[Roi],
    scorers: list[str],
) -> Iterator[str]:
    found = [(label.rendering_id, label.roi_id, label.scorer) for label in labels]
    if found != [
        (r.rendering_id, roi.roi_id, s) for r in renderings for roi in rois for s in scorers
    ]:
        yield f"{where} are not one for each ROI in each rendering, in order"
    distortion = {row.rendering_id: row.distortion for row in renderings}
    for label in labels:
        if label.distortion_label not in (WITHOUT, distortion.get(label.rendering_id)):
            yield f"{label.rendering_id} {label.roi_id}: label {label.distortion_label}"
        if label.rendering_id.endswith("_ref") and label.importance != 0:
            yield f"{label.roi_id}: importance {label.importance} in the reference itself"


def _study(study: Workspace, key: str, tally: Counter[str]) -> Iterator[str]:
    """SEAGULL-3k: its images, and what people say of ROIs that are there."""
    for row in read_records(study.table_file("renderings", key), Rendering):
        yield from _rendering(study, row)
        tally["rated renderings"] += 1
    yield from check_rated(study, key, tally)
