"""Re-opens a study: photographs, ROIs, plan, ratings, and what these come to.

What is checked: every exported scene's files against its done record; every image against its row;
every mask against its area; the plan's counts; ratings on the scale, of ROIs that are there, one a
rater and ROI; the estimates against the ratings they are made of; raters named by numbers alone.
What is not: private/, which is no part of the dataset.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from annotation.opinions.aggregate import opinions
from annotation.plan.schedule import Assignment, Item
from annotation.votes.vote import TOPS
from manifests.done import read_done
from manifests.files import sha256_of_file
from manifests.ratings import Estimate, Rater, Rating
from manifests.records import Roi, Scene
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import Workspace

_RATER = re.compile(r"r\d{2,3}")


def check_study(study: Workspace, seen: Counter[str], images: dict[str, str]) -> Iterator[str]:
    """Problems of a study's tables; `images` is sha256 by rendering_id, of images that are whole."""
    rois = {roi.roi_id: roi for roi in read_records(study.table("rois"), Roi)}
    seen["rated ROIs"] += len(rois)
    yield from _masks(rois)
    yield from _plan(study.root / "plan", set(images), set(rois))
    ratings = read_records(study.table("ratings"), Rating)
    seen["ratings"] += len(ratings)
    yield from _ratings(ratings, set(images), set(rois))
    yield from _estimates(study, ratings)
    yield from _raters(study, ratings)
    for scene in read_records(study.table("scenes"), Scene):
        yield from _done(study, scene.scene_id)


def _masks(rois: dict[str, Roi]) -> Iterator[str]:
    for roi in rois.values():
        area = int(decode(roi.rle, roi.height, roi.width).sum())
        if area != roi.area:
            yield f"{roi.roi_id}: mask of {area} pixels, row says {roi.area}"


def _plan(folder: Path, images: set[str], rois: set[str]) -> Iterator[str]:
    """Every ROI as often as every other, within one; every turn of an item that is there."""
    if not (folder / "items.parquet").is_file():
        yield f"{folder}: no plan"
        return
    items = {item.item: item for item in read_records(folder / "items.parquet", Item)}
    turns = read_records(folder / "turns.parquet", Assignment)
    given = Counter(turn.item for turn in turns if turn.purpose == "rating")
    counts = [given[n] for n, item in items.items() if item.kind == "roi"]
    if counts and max(counts) - min(counts) > 1:
        yield f"{folder}: some ROIs are planned {min(counts)} times, some {max(counts)}"
    for turn in turns:
        if turn.item not in items:
            yield f"{folder}: rater {turn.rater}, position {turn.position}: no item {turn.item}"
    for item in items.values():
        if item.kind == "roi" and (item.rendering_id not in images or item.roi_id not in rois):
            yield f"{folder}: {item.rendering_id} {item.roi_id} is planned, but not there"


def _ratings(ratings: list[Rating], images: set[str], rois: set[str]) -> Iterator[str]:
    found: Counter[tuple[str, str, str, bool]] = Counter()
    for rating in ratings:
        where = f"{rating.rendering_id} {rating.roi_id}"
        if rating.rendering_id not in images or rating.roi_id not in rois:
            yield f"{where}: rated, but not there"
        if not all(0 <= getattr(rating, name) <= top for name, top in TOPS.items()):
            yield f"{where}: {rating.rater} is off the scale"
        found[rating.rendering_id, rating.roi_id, rating.rater, rating.repeat] += 1
    for (image, roi, rater, repeat), count in found.items():
        if count > 1 and not repeat:
            yield f"{image} {roi}: {count} ratings by {rater}"


def _estimates(study: Workspace, ratings: list[Rating]) -> Iterator[str]:
    """The paper's means, computed again."""
    stored = {
        (e.rendering_id, e.roi_id, e.question): (e.mean, e.ratings)
        for e in read_records(study.table("estimates"), Estimate)
    }
    again = {}
    for opinion in opinions(ratings):
        said = {"quality": opinion.quality, "importance": opinion.importance, **opinion.severities}
        for question, mean in said.items():
            again[opinion.rendering_id, opinion.roi_id, question] = (mean, opinion.ratings)
    for key in stored.keys() | again.keys():
        if stored.get(key) != again.get(key):
            yield f"{' '.join(key)}: the table of estimates is not what the ratings come to"


def _raters(study: Workspace, ratings: list[Rating]) -> Iterator[str]:
    raters = {rater.rater: rater for rater in read_records(study.table("raters"), Rater)}
    for name in raters.keys() | {rating.rater for rating in ratings}:
        if not _RATER.fullmatch(name):
            yield f"rater '{name}' is no number such as r07"
        elif name not in raters:
            yield f"{name}: rated, but is in no table of raters"
    for rating in ratings:
        if rating.rater in raters and rating.valid != raters[rating.rater].valid:
            yield f"{rating.rendering_id} {rating.roi_id}: {rating.rater} is valid in one table only"
            return


def _done(study: Workspace, key: str) -> Iterator[str]:
    done = read_done(study.done("export", key))
    for name, sha256 in done.files.items() if done else ():
        path = study.root / name
        if not path.exists():
            yield f"{name}: missing"
        elif sha256_of_file(path) != sha256:
            yield f"{name}: its sha256 is not the one in done/export/{key}.json"
