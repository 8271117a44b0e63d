"""Everything before the first vote: photographs, ROIs, lessons, plan, links.

Drawn from the study file alone: the same file and photographs, the same plan, byte for byte. Only
tokens differ from one planning to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from annotation.plan.schedule import Item, schedule
from annotation.plan.stratified import choose_rois, image_order, rois_wanted
from annotation.plan.study_folder import StudyFolder
from annotation.sources.published import Published
from annotation.sources.publishers import find_photographs
from annotation.votes.vote_store import create_store
from isp.distortions.levels import load_levels
from manifests.config import Config
from manifests.done import describe
from manifests.errors import SeagullError
from manifests.files import sha256_of, write_atomic
from manifests.presets import to_yaml
from manifests.records import Rendering, Roi
from manifests.tables import read_records, to_parquet, write_records
from manifests.workspace import Workspace
from pipeline.study.lessons import write_lessons
from pipeline.study.photographs_in import STAGE, take_photographs

PER_PHOTOGRAPH = ("scenes", "renderings", "photographs", "candidates", "rois")
Rated = tuple[Rendering, Roi]


@dataclass(frozen=True)
class Initiated:
    """What a study came to before its first vote."""

    photographs: int
    rois: int
    turns: int
    failed: int


def init_study(
    images: Sequence[Path], folder: StudyFolder, config: Config, workers: int
) -> Initiated:
    """Photographs to a study that can be served; run again after a stop, it goes on.

    Raises:
        SeagullError: the study is planned already, or no photograph can be used.
    """
    if folder.votes.exists():
        raise SeagullError(
            f"{folder.root} is a planned study, and votes may be in it; serve it, or begin another"
        )
    published = [photo for path in images for photo in find_photographs(path)]
    ordered = _in_order(published, config.seed)
    space = folder.space
    write_atomic(space.config, to_yaml(config))
    described = describe("config", "config", config.fingerprint, space.root, [space.config])
    described.write(space.done("config", "config"))
    taken, failed = take_photographs(ordered, config.study.images, folder.space, config, workers)
    if not taken:
        where = folder.space.table("failures")
        raise SeagullError(f"none of {len(published)} photographs can be used; see {where}")
    keys = sorted(one.scene_id for one in taken)
    _forget_others(folder, set(keys))
    rated = _choose(folder, keys, config)
    turns = plan_study(folder, rated, config, folder.votes, "people")
    return Initiated(len(keys), len(rated), turns, failed)


def _in_order(published: Sequence[Published], seed: int) -> list[Published]:
    order = image_order(
        [p.key for p in published],
        [p.source for p in published],
        [p.mos for p in published],
        seed,
    )
    return [published[i] for i in order]


def _forget_others(folder: StudyFolder, keys: set[str]) -> None:
    """Drop what an earlier beginning with other settings left."""
    space = folder.space
    for name in PER_PHOTOGRAPH:
        for path in space.table(name).glob("*.parquet"):
            if path.stem not in keys:
                path.unlink()
    for path in (space.root / "done" / STAGE).glob("*.json"):
        if path.stem not in keys:
            path.unlink()
    for path in (space.root / "renderings").glob("*/*"):
        if path.parent.name not in keys:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


def _choose(folder: StudyFolder, keys: Sequence[str], config: Config) -> list[Rated]:
    space = folder.space
    there = [read_records(space.table_file("candidates", key), Roi) for key in keys]
    wanted = rois_wanted(keys, [len(rois) for rois in there], config.study.rois, config.seed)
    rated: list[Rated] = []
    for key, rois, count in zip(keys, there, wanted, strict=True):
        chosen = choose_rois(rois, count, config.seed)
        write_records(space.table_file("rois", key), chosen, Roi)
        (rendering,) = read_records(space.table_file("renderings", key), Rendering)
        rated += [(rendering, roi) for roi in chosen]
    return rated


def plan_study(
    folder: StudyFolder,
    rated: Sequence[Rated],
    config: Config,
    votes: Path,
    kind: Literal["people", "simulated"],
    ledger: Workspace | None = None,
) -> int:
    """Lessons, items, turns, the store of votes and the links; returns the number of turns.

    `ledger` is the workspace whose records these are; None: the study's own.
    """
    ledger = ledger or folder.space
    items = [
        Item(number, "roi", image.rendering_id, roi.roi_id, image.scene_id, image.path, "")
        for number, (image, roi) in enumerate(rated)
    ]
    lessons = write_lessons(folder, config.seed, config.render.levels)
    items += [replace(lesson, item=len(rated) + lesson.item) for lesson in lessons]
    turns = schedule(items, config.study, config.seed)
    write_records(folder.items, items, Item)
    content = to_parquet(turns, type(turns[0]))
    write_atomic(folder.turns, content)
    made = [*(folder.root / "lessons").rglob("*.*"), folder.items, folder.turns]
    described = describe("plan", "study", sha256_of(content)[:32], ledger.root, sorted(made))
    described.write(ledger.done("plan", "study"))
    secret, tokens = create_store(
        votes, turns, sha256_of(content), kind, tuple(load_levels(config.render.levels))
    )
    links = votes.with_name("links.txt")
    write_atomic(links, _links(secret, tokens))
    links.chmod(0o600)
    return len(turns)


def _links(secret: str, tokens: dict[int, str]) -> str:
    lines = ["Hand each person one link, behind the address that `seagull study serve` prints.", ""]
    lines.append(f"leader  /leader  secret {secret}")
    lines += [f"r{rater:02d}     /r/{token}" for rater, token in sorted(tokens.items())]
    return "\n".join(lines) + "\n"
