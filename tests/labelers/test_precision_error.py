"""The error of less precise labels, measured in a workspace where it is known."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from labelers.checks.precision_error import measure
from labelers.engine.label_engine import load_labeler
from manifests.config import Config, LabelsConfig
from manifests.errors import SeagullError
from manifests.records import Label, Rendering, Roi
from manifests.rle import encode
from manifests.tables import write_records
from manifests.workspace import Workspace

CONFIG = Config(labels=LabelsConfig(precision="bf16"))


@pytest.fixture
def labels(tmp_path: Path) -> list[Label]:
    """One scene, its reference, a noisy rendering and two ROIs, labelled."""
    space, rng = Workspace(tmp_path), np.random.default_rng(0)
    reference = rng.integers(60, 190, (40, 60, 3)).astype(np.uint8)
    noisy = np.clip(reference + rng.normal(0, 30, reference.shape), 0, 255).astype(np.uint8)
    rows, images = [], (("ref", "none", reference), ("noise_01", "noise", noisy))
    for level, (name, distortion, image) in enumerate(images):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image[..., ::-1])
        file = ("", "{}", f"{name}.png", "", 0, 60, 40)
        rows.append(Rendering(f"s_{name}", "s", distortion, level, 0.0, *file))
    rois = []
    for number, left in enumerate((0, 30)):
        mask = np.zeros((40, 60), bool)
        mask[:, left : left + 30] = True
        box, of = (left, 0, 30, 40), (None, None, None, None)
        size = (box, 1200, 60, 40, encode(mask), "")
        rois.append(Roi(f"s_obj00{number}", "s", "object", *of, *size))
    pictures = list(zip(rows, (reference, noisy), strict=True))
    made = load_labeler(CONFIG.labels, "cpu").label(reference, rois, pictures)
    write_records(space.table_file("renderings", "s"), rows, Rendering)
    write_records(space.table_file("rois", "s"), rois, Roi)
    write_records(space.table_file("labels", "s"), made, Label)
    return made


def test_known_errors_are_found(labels: list[Label], tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    exact = measure(space, CONFIG)
    assert exact["labels"] == 2 and exact["quality"]["largest_difference"] == 0
    assert exact["importance"]["words_changed"] is None  # no card yet that would say M
    *others, last = labels
    worse = replace(
        last, quality=last.quality - 0.25, importance=last.importance + 0.125,
        distortion_label="without",
    )  # fmt: skip
    write_records(space.table_file("labels", "s"), [*others, worse], Label)
    space.dataset_card.parent.mkdir()
    space.dataset_card.write_text('{"importance_top": 0.2}')
    assert measure(space, CONFIG) == {
        "scorer_version": last.scorer_version,
        "labels": 2,
        "quality": {"mean_difference": 0.125, "largest_difference": 0.25, "words_changed": 1},
        "importance": {"mean_difference": 0.0625, "largest_difference": 0.125, "words_changed": 1},
        "without_changed": 1,
    }


def test_what_cannot_be_compared_is_refused(labels: list[Label], tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    with pytest.raises(SeagullError, match="nothing to compare"):
        measure(space, Config())
    with pytest.raises(SeagullError, match="no labels yet"):
        measure(Workspace(tmp_path / "empty"), CONFIG)
    other = [replace(label, scorer_version="older") for label in labels]
    write_records(space.table_file("labels", "s"), other, Label)
    with pytest.raises(SeagullError, match="older"):
        measure(space, CONFIG)
