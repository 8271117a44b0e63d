"""Votes to the study's tables: ratings and estimates a scene, raters, screening and agreement once.

A scene's done record comes last; shards are made of scenes that have one. It may be run at any
moment, while the study goes on.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from annotation.plan.study_folder import StudyFolder
from annotation.votes.results import Results, results
from annotation.votes.vote_store import VoteStore
from manifests.config import Config
from manifests.done import describe, fingerprint
from manifests.files import remove_file
from manifests.ratings import Agreement, Estimate, Rater, Rating, ScreeningFigure
from manifests.records import Rendering, Scene
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace

STAGE = "export"
WHOLE = "study"  # the file of a table that is not cut by scene


def export_study(
    folder: StudyFolder, store: VoteStore, config: Config, ledger: Workspace | None = None
) -> Results:
    """Write the tables of all votes so far; returns them.

    Args:
        folder: of the study.
        store: of the votes.
        config: of the study.
        ledger: the workspace whose records these are; None: the study's own.
    """
    ledger = ledger or folder.space
    found = results(
        casts=store.votes(),
        items=folder.read_items(),
        raters=store.raters(),
        config=config.study,
        kind=store.about("raters"),
        distortions=store.distortions,
    )
    space = folder.space
    whole: dict[str, tuple[Sequence[Any], type]] = {
        "raters": (found.raters, Rater),
        "screening": (found.screening, ScreeningFigure),
        "agreement": (found.agreement, Agreement),
    }
    for name, (rows, record) in whole.items():
        write_records(space.table_file(name, WHOLE), rows, record)
    files = [space.table_file(name, WHOLE) for name in whole]
    describe(STAGE, WHOLE, "", ledger.root, files).write(ledger.done(STAGE, WHOLE))
    ratings, estimates = _by_scene(found.ratings), _by_scene(found.estimates)
    for scene in read_records(space.table("scenes"), Scene):
        key = scene.scene_id
        _export_scene(space, ledger, key, ratings[key], estimates[key])
    return found


def _by_scene(rows: Sequence[Any]) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.scene_id].append(row)
    return groups


def _export_scene(
    space: Workspace,
    ledger: Workspace,
    key: str,
    ratings: list[Rating],
    estimates: list[Estimate],
) -> None:
    record = ledger.done(STAGE, key)
    remove_file(record)
    tables: dict[str, tuple[Sequence[Any], type]] = {
        "ratings": (ratings, Rating),
        "estimates": (estimates, Estimate),
    }
    for name, (rows, kind) in tables.items():
        write_records(space.table_file(name, key), rows, kind)
    images = read_records(space.table_file("renderings", key), Rendering)
    paths = [space.table_file(name, key) for name in (*tables, "rois")]
    said = describe(STAGE, key, "", ledger.root, paths)
    made = fingerprint(files=said.files, images=[image.sha256 for image in images])
    counts = {"ratings": len(ratings), "estimates": len(estimates)}
    replace(said, fingerprint=made, counts=counts).write(record)
