"""What a dataset is seen through, wherever it lies: scenes, their renderings, ROIs and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from manifests.ratings import Opinion
from manifests.records import Failure, Label, Rendering, Roi
from manifests.words import SEVERITY_WORDS, grade


@dataclass(frozen=True)
class SceneEntry:
    """A scene as a list names it; None is not known (yet, or where only shards are)."""

    scene_id: str
    split: str | None = None
    camera: str | None = None


@dataclass(frozen=True)
class Said:
    """What is said of one ROI in one rendering; `label` in words, such as `noise`."""

    rendering_id: str
    roi_id: str
    quality: float
    importance: float
    label: str


@dataclass(frozen=True)
class SceneContent:
    """Everything of one scene but its pixels."""

    entry: SceneEntry
    renderings: Sequence[Rendering]
    rois: Sequence[Roi]
    said: Sequence[Said]
    about: dict[str, Any]  # the scene's row, where there is one


class Source(Protocol):
    """One dataset: a workspace, or the shards of one."""

    name: str

    def scenes(self, complete: bool) -> Sequence[SceneEntry]:
        """Every scene in order; `complete`: wait until splits and cameras are known."""

    def content(self, scene_id: str) -> SceneContent:
        """One scene; SeagullError where there is none of this name."""

    def image(self, scene_id: str, rendering_id: str) -> bytes:
        """The stored bytes of one rendering; SeagullError where there is none."""

    def said_of(self, scene_id: str, rendering_id: str) -> Sequence[Said]:
        """What is said of every ROI in one rendering."""

    def failures(self) -> Sequence[Failure]:
        """What did not come about."""

    def tops(self) -> tuple[float, float]:
        """M of eq. 1 for quality and importance."""


def said_by_label(label: Label) -> Said:
    """SEAGULL-100w's label."""
    return Said(
        label.rendering_id, label.roi_id, label.quality, label.importance, label.distortion_label
    )


def said_by_people(opinion: Opinion) -> Said:
    """SEAGULL-3k's mean opinion, its severities in the words of eq. 1."""
    words = [
        f"{SEVERITY_WORDS[grade(mean, 4.0)]} {name}"
        for name, mean in opinion.severities.items()
        if mean is not None
    ]
    text = ", ".join(words) or "without"
    return Said(opinion.rendering_id, opinion.roi_id, opinion.quality, opinion.importance, text)
