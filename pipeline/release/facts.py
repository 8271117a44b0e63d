"""What the documents of a release say of its data, counted in one pass over the tables."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from manifests.compacted import has_records
from manifests.keys import LEVELS, NO_DISTORTION, WITHOUT, in_order
from manifests.process.progress import progress
from manifests.records import Label, Rendering, Roi, Scene
from manifests.tables import read_records
from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, grade
from manifests.workspace import Workspace

MOST_SHOWN = 200_000  # labels that the figures are drawn from, of as many whole scenes


@dataclass
class Facts:
    """Counts over everything; `shown` holds the labels of the first scenes, for the figures."""

    scenes: int = 0
    splits: Counter[str] = field(default_factory=Counter)
    cameras: Counter[str] = field(default_factory=Counter)
    renderings: int = 0
    image_bytes: int = 0
    long_edges: Counter[int] = field(default_factory=Counter)
    rois: Counter[str] = field(default_factory=Counter)
    roi_sources: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    without: Counter[str] = field(default_factory=Counter)
    labels_of: Counter[str] = field(default_factory=Counter)
    quality_words: Counter[str] = field(default_factory=Counter)
    importance_words: Counter[str] = field(default_factory=Counter)
    quality_sums: dict[tuple[str, int], float] = field(default_factory=lambda: defaultdict(float))
    quality_counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    settings: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    shown: list[pd.DataFrame] = field(default_factory=list)

    @property
    def distortions(self) -> tuple[str, ...]:
        """Those that there are levels of, in the contract's order."""
        return in_order(sorted({name for name, level in self.settings if 1 <= level <= LEVELS}))

    def mean_quality(self, distortion: str, level: int) -> float:
        """Return the mean over all its labels; NaN where there are none."""
        count = self.quality_counts[distortion, level]
        return self.quality_sums[distortion, level] / count if count else math.nan


def gather(workspace: Workspace, card: dict[str, Any]) -> Facts:
    """The facts of a workspace; `card` is its shards/dataset.json."""
    facts = Facts()
    scenes = read_records(workspace.table("scenes"), Scene)
    with progress(len(scenes), "facts", "scenes") as bar:
        for scene in scenes:
            _count_scene(facts, scene)
            renderings = read_records(workspace.table_file("renderings", scene.scene_id), Rendering)
            _count_renderings(facts, renderings)
            for name, count in (("rois", _count_rois), ("labels", None)):
                path = workspace.table_file(name, scene.scene_id)
                if not has_records(path):
                    continue
                if count:
                    count(facts, read_records(path, Roi))
                else:
                    _count_labels(facts, read_records(path, Label), renderings, card)
            bar.update()
    return facts


def _count_scene(facts: Facts, scene: Scene) -> None:
    facts.scenes += 1
    facts.splits[scene.split] += 1
    facts.cameras[" ".join(filter(None, (scene.camera_make, scene.camera_model))) or "unknown"] += 1


def _count_renderings(facts: Facts, renderings: list[Rendering]) -> None:
    for row in renderings:
        facts.renderings += 1
        facts.image_bytes += row.bytes
        facts.long_edges[max(row.width, row.height)] += 1
        facts.settings.setdefault((row.distortion, row.level), (f"{row.parameter:g}", row.unit))


def _count_rois(facts: Facts, rois: list[Roi]) -> None:
    facts.rois.update(roi.kind for roi in rois)
    facts.roi_sources.update(roi.source for roi in rois)


def _count_labels(
    facts: Facts, labels: list[Label], renderings: list[Rendering], card: dict[str, Any]
) -> None:
    place = {row.rendering_id: (row.distortion, row.level) for row in renderings}
    facts.labels += len(labels)
    rows = []
    for label in labels:
        distortion, step = place[label.rendering_id]
        rows.append((distortion, step, label.quality, label.importance, label.distortion_label))
        quality = grade(label.quality, card["quality_top"])
        facts.quality_words[QUALITY_WORDS[quality]] += 1
        if distortion == NO_DISTORTION:
            continue
        importance = grade(label.importance, card["importance_top"])
        facts.importance_words[IMPORTANCE_WORDS[importance]] += 1
        facts.labels_of[distortion] += 1
        facts.without[distortion] += label.distortion_label == WITHOUT
        facts.quality_sums[distortion, step] += label.quality
        facts.quality_counts[distortion, step] += 1
    if sum(map(len, facts.shown)) < MOST_SHOWN:
        columns = ["distortion", "level", "quality", "importance", "distortion_label"]
        facts.shown.append(pd.DataFrame(rows, columns=columns))
