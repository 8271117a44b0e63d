"""A small planned study on disk, made by hand: no ISP, no models."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from annotation.plan.schedule import Assignment, Item, schedule
from annotation.plan.study_folder import StudyFolder
from annotation.votes.vote_store import VoteStore, create_store
from manifests.config import Config, StudyConfig
from manifests.files import write_atomic
from manifests.keys import DISTORTIONS
from manifests.records import Roi
from manifests.rle import encode
from manifests.tables import write_records

SMALL = Config(
    name="study",
    study=StudyConfig(
        raters=4, ratings_per_roi=3, session_items=12, golden_per_session=1, repeats_per_session=1
    ),
)
SIZE = (480, 640)  # height, width


class PlannedStudy:
    """The folder, its store, the leader's secret and each rater's link."""

    def __init__(self, root: Path, images: int = 8, config: Config = SMALL) -> None:
        self.folder, self.config = StudyFolder(root), config
        _write_lessons(self.folder)
        items, rois = _items(self.folder, images)
        turns = schedule(items, config.study, seed=0)
        write_records(self.folder.items, items, Item)
        write_records(self.folder.turns, turns, Assignment)
        write_records(self.folder.space.table_file("rois", "all"), rois, Roi)
        self.items, self.turns = items, turns
        self.secret, tokens = create_store(self.folder.votes, turns, "plan", "people")
        self.links = {rater: f"/r/{token}" for rater, token in tokens.items()}
        self.store = VoteStore(self.folder.votes)


def _picture(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 1, (6, 8, 3))
    return cv2.resize(np.clip(128 + 60 * noise, 0, 255).astype(np.uint8), SIZE[::-1])


def _roi(name: str, at: tuple[int, int]) -> Roi:
    mask = np.zeros(SIZE, np.uint8)
    cv2.ellipse(mask, at, (120, 80), 0, 0, 360, 1, -1)
    scene = name.rpartition("_")[0]
    return Roi(name, scene, "object", None, None, None, None, tuple(cv2.boundingRect(mask)),
               int(mask.sum()), SIZE[1], SIZE[0], encode(mask.astype(bool)), "by hand")  # fmt: skip


def _items(folder: StudyFolder, images: int) -> tuple[list[Item], list[Roi]]:
    items, rois = [], []
    for image in range(images):
        path = f"renderings/p{image}/ref.png"
        write_atomic(folder.root / path, cv2.imencode(".png", _picture(image))[1].tobytes())
        for number, at in enumerate([(200, 160), (420, 300), (300, 380)]):
            rois.append(_roi(f"p{image}_obj{number:03d}", at))
            key = (f"p{image}_ref", rois[-1].roi_id, f"p{image}", path)
            items.append(Item(len(items), "roi", *key, ""))
    known = [("training", {}), ("training", {"blur": 1}), ("golden", {"noise": 1}), ("golden", {})]
    for number, (kind, done) in enumerate(known):
        path = f"lessons/items/l{number}.png"
        write_atomic(folder.root / path, cv2.imencode(".png", _picture(100 + number))[1].tobytes())
        key = (f"lesson_{number}", "lesson_obj000", "lesson", path)
        items.append(Item(len(items), kind, *key, json.dumps(done)))
    return items, rois


def _write_lessons(folder: StudyFolder) -> None:
    write_records(folder.lesson_rois, [_roi("lesson_obj000", (320, 240))], Roi)
    small = cv2.resize(_picture(7), (150, 100))
    pictures = [f"{name}_{grade}.jpg" for name in DISTORTIONS for grade in (1, 2, 3)]
    for name in [*pictures, "reference.jpg", *(f"plate_{n}.png" for n in range(1, 5))]:
        write_atomic(folder.pictures / name, cv2.imencode(Path(name).suffix, small)[1].tobytes())
    digits = {f"plate_{n}": str(n) for n in range(1, 5)}
    write_atomic(folder.root / "lessons" / "plates.json", json.dumps(digits))


@pytest.fixture
def planned_study() -> type[PlannedStudy]:
    """How to make one of another size."""
    return PlannedStudy


@pytest.fixture
def planned(tmp_path: Path):
    """24 ROIs on 8 photographs, four raters, sessions of twelve."""
    study = PlannedStudy(tmp_path / "study")
    yield study
    study.store.close()
