"""Re-opens a study: ROIs, ratings and what these come to, scene by scene; raters and plan at once.

What is checked: every mask against its area; ratings on the scale, of ROIs that are there, one a
rater and ROI; the paper's means against the ratings they are made of; raters named by numbers
alone, each valid in every table or in none; the plan's counts. What is not: private/, which is no
part of the dataset.
"""

import re
from collections import Counter
from collections.abc import Iterator

from annotation.opinions.aggregate import opinions
from annotation.plan.schedule import Assignment, Item
from annotation.votes.vote import top_answer
from manifests.ratings import Estimate, Rater, Rating
from manifests.records import Rendering, Roi
from manifests.rle import decode
from manifests.tables import read_records
from manifests.workspace import Workspace

PRIVATE = "private/"  # votes and links: not of the dataset
_RATER = re.compile(r"r\d{2,3}")


def check_rated(study: Workspace, key: str, tally: Counter[str]) -> Iterator[str]:
    """Yield the problems of one scene's ROIs, ratings and estimates."""
    images = {r.rendering_id for r in read_records(study.table_file("renderings", key), Rendering)}
    rois = read_records(study.table_file("rois", key), Roi)
    ratings = read_records(study.table_file("ratings", key), Rating)
    tally["rated ROIs"] += len(rois)
    tally["ratings"] += len(ratings)
    for roi in rois:
        area = int(decode(roi.rle, roi.height, roi.width).sum())
        if area != roi.area:
            yield f"{roi.roi_id}: mask of {area} pixels, row says {roi.area}"
    yield from _ratings(ratings, images, {roi.roi_id for roi in rois})
    estimates = read_records(study.table_file("estimates", key), Estimate)
    yield from _estimates(estimates, ratings)


def _ratings(ratings: list[Rating], images: set[str], rois: set[str]) -> Iterator[str]:
    votes: Counter[tuple[str, str, str]] = Counter()
    for rating in ratings:
        where = f"{rating.rendering_id} {rating.roi_id}"
        if rating.rendering_id not in images or rating.roi_id not in rois:
            yield f"{where}: rated, but not there"
        answers = {"quality": rating.quality, "importance": rating.importance, **rating.severities}
        if not all(0 <= answer <= top_answer(name) for name, answer in answers.items()):
            yield f"{where}: {rating.rater} is off the scale"
        votes[rating.rendering_id, rating.roi_id, rating.rater] += not rating.repeat
    for (image, roi, rater), count in votes.items():
        if count > 1:
            yield f"{image} {roi}: {count} ratings by {rater}"


def _estimates(estimates: list[Estimate], ratings: list[Rating]) -> Iterator[str]:
    """The paper's means, computed again."""
    stored = {(e.rendering_id, e.roi_id, e.question): (e.mean, e.ratings) for e in estimates}
    again = {}
    for opinion in opinions(ratings):
        means = {"quality": opinion.quality, "importance": opinion.importance, **opinion.severities}
        for question, mean in means.items():
            again[opinion.rendering_id, opinion.roi_id, question] = (mean, opinion.ratings)
    for key in sorted(stored.keys() | again.keys()):
        if stored.get(key) != again.get(key):
            yield f"{' '.join(key)}: the table of estimates is not what the ratings come to"


def check_whole(study: Workspace) -> Iterator[str]:
    """Yield the problems of the raters' table, and of the plan of a study of photographs."""
    raters = {rater.rater: rater for rater in read_records(study.table("raters"), Rater)}
    ratings = read_records(study.table("ratings"), Rating)
    validity = {(rating.rater, rating.valid) for rating in ratings}
    for name in sorted(raters.keys() | {name for name, _ in validity}):
        if not _RATER.fullmatch(name):
            yield f"rater '{name}' is no number such as r07"
        elif name not in raters:
            yield f"{name}: rated, but is in no table of raters"
        elif (name, not raters[name].valid) in validity:
            yield f"{name}: valid in one table, not in another"
    yield from _plan(study)


def _plan(study: Workspace) -> Iterator[str]:
    """Every ROI planned as often as the others, within one; every turn of an item that is there."""
    folder = study.root / "plan"
    items = {item.item: item for item in read_records(folder / "items.parquet", Item)}
    turns = read_records(folder / "turns.parquet", Assignment)
    given = Counter(turn.item for turn in turns if turn.purpose == "rating")
    counts = [given[n] for n, item in items.items() if item.kind == "roi"]
    if counts and max(counts) - min(counts) > 1:
        yield f"{folder}: some ROIs are planned {min(counts)} times, some {max(counts)}"
    for turn in turns:
        if turn.item not in items:
            yield f"{folder}: rater {turn.rater}, position {turn.position}: no item {turn.item}"
