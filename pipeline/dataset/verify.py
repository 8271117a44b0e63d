"""Re-opens everything in a workspace: counts, keys, hashes, pixels, masks, samples.

What is checked: every done record's files against their sha256; every table's rows against the
contract of keys; every image against its row; every mask against its area; a label for each ROI in
each rendering; every tar against the tables (verify_shards.py). What is not: whether the scores
are right.
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator

from isp.development.recipes import recipes
from isp.distortions.levels import load_levels
from manifests.config import Config
from manifests.done import read_done
from manifests.errors import SceneError, SeagullError
from manifests.files import sha256_of, sha256_of_file
from manifests.images import decode_image
from manifests.keys import DISTORTIONS, WITHOUT, check_key, parse_rendering_id
from manifests.progress import progress
from manifests.ratings import Rating
from manifests.records import Label, Rendering, Roi, Scene
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import SPLITS, Workspace
from pipeline.dataset.verify_shards import check_shards
from pipeline.intake.sources import split_of


def verify(workspace: Workspace, config: Config) -> tuple[Counter[str], list[str]]:
    """Return counts of what was checked, and the problems, each naming its file or key.

    Raises:
        SeagullError: there is nothing to verify.
    """
    scenes = read_records(workspace.table("scenes"), Scene)
    if not scenes:
        raise SeagullError(f"{workspace.root} holds no scene; nothing to verify")
    seen: Counter[str] = Counter()
    problems: list[str] = []
    images: dict[str, str] = {}
    with progress(len(scenes), "verify", "scenes") as bar:
        for scene in scenes:
            seen["scenes"] += 1
            problems += _guarded(_scene(workspace, config, scene, seen, images), scene.scene_id)
            bar.update()
    problems += _all_shards(workspace, scenes, seen, images)
    if workspace.study.is_dir():
        study = Workspace(workspace.study)
        rated: dict[str, str] = {}
        problems += _guarded(_study(study, config, seen, rated), "study")
        problems += _all_shards(study, scenes, seen, rated)
    return seen, problems


def _all_shards(
    workspace: Workspace, scenes: list[Scene], seen: Counter[str], images: dict[str, str]
) -> list[str]:
    return [
        problem
        for split in SPLITS
        for problem in _guarded(
            check_shards(workspace, split, scenes, seen, images), f"{workspace.shards(split)}"
        )
    ]


def _guarded(problems: Iterator[str], where: str) -> list[str]:
    """Yield the problems, the last being the one that made further reading impossible."""
    found = []
    try:
        for problem in problems:
            found.append(problem)
    except (SeagullError, OSError, ValueError, KeyError, tarfile.TarError) as error:
        found.append(f"{where}: {error}")
    return found


def _scene(
    workspace: Workspace, config: Config, scene: Scene, seen: Counter[str], images: dict[str, str]
) -> Iterator[str]:
    key = scene.scene_id
    check_key(key)
    if scene.split != split_of(scene.sha256, config.shards):
        yield f"{key}: split {scene.split} is not what its sha256 says; run `seagull shards`"
    for stage in ("render", "masks", "labels"):
        yield from _done_files(workspace, stage, key)
    renderings = read_records(workspace.table_file("renderings", key), Rendering)
    expected = len(recipes(config.render))
    if len(renderings) != expected:
        yield f"{key}: {len(renderings)} renderings, expected {expected}"
    yield from _unique([row.rendering_id for row in renderings])
    for row in renderings:
        yield from _rendering(workspace, row, config)
        images[row.rendering_id] = row.sha256
        seen["renderings"] += 1
    if workspace.table_file("rois", key).exists():
        rois = read_records(workspace.table_file("rois", key), Roi)
        seen["rois"] += len(rois)
        yield from _rois(rois, renderings[0], config)
        asked = {"labels": [config.labels.scorer], "scores": [s.scorer for s in config.labels.also]}
        for table, scorers in asked.items():
            path = workspace.table_file(table, key)
            if path.exists():
                labels = read_records(path, Label)
                seen[table] += len(labels)
                yield from _labels(f"{key}: {table}", labels, renderings, rois, scorers)


def _done_files(workspace: Workspace, stage: str, key: str) -> Iterator[str]:
    done = read_done(workspace.done(stage, key))
    if done is None:
        yield f"{key}: {stage} is not done"
        return
    for name, sha256 in done.files.items():
        path = workspace.root / name
        if not path.exists():
            yield f"{name}: missing"
        elif sha256_of_file(path) != sha256:
            yield f"{name}: its sha256 is not the one in done/{stage}/{key}.json"


def _unique(keys: list[str]) -> Iterator[str]:
    for key, count in Counter(keys).items():
        check_key(key)
        if count > 1:
            yield f"{key}: {count} rows with this key"


def _rendering(workspace: Workspace, row: Rendering, config: Config) -> Iterator[str]:
    key = parse_rendering_id(row.rendering_id, load_levels(config.render.levels))
    if (key.scene_id, key.distortion, key.level) != (row.scene_id, row.distortion, row.level):
        yield f"{row.rendering_id}: key and columns disagree"
    content = (workspace.root / row.path).read_bytes()
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


def _study(
    study: Workspace, config: Config, seen: Counter[str], images: dict[str, str]
) -> Iterator[str]:
    """SEAGULL-3k: its images, and ratings on the scale, of ROIs that are there."""
    for row in read_records(study.table("renderings"), Rendering):
        yield from _rendering(study, row, config)
        images[row.rendering_id] = row.sha256
        seen["rated renderings"] += 1
    rois = {roi.roi_id for roi in read_records(study.table("rois"), Roi)}
    for rating in read_records(study.table("ratings"), Rating):
        seen["ratings"] += 1
        if rating.rendering_id not in images or rating.roi_id not in rois:
            yield f"{rating.rendering_id} {rating.roi_id}: rated, but not there"
        severities = [getattr(rating, name) for name in DISTORTIONS]
        if not all(0 <= value <= 5 for value in severities) or not (
            0 <= rating.quality <= 4 and 0 <= rating.importance <= 4
        ):
            yield f"{rating.rendering_id} {rating.roi_id}: {rating.rater} is off the scale"
