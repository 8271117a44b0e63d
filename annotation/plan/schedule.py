"""The whole plan of a study as rows: for each rater, training, then sessions.

Drawn from the seed alone: the same study file and items, the same plan, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from annotation.plan.assignment import assign
from annotation.plan.order import Turn, sessions
from manifests.chance import generator
from manifests.config import StudyConfig


@dataclass(frozen=True)
class Item:
    """What a rater can be shown: a ROI of the study, or a lesson with a known answer."""

    item: int
    kind: str  # roi | golden | training
    rendering_id: str
    roi_id: str
    scene_id: str
    image: str  # path within the study
    known: str  # JSON: severities of the distortions done to a lesson; "" for a ROI of the study


@dataclass(frozen=True)
class Assignment:
    """One turn of one rater; positions count from 0 without gaps."""

    rater: int  # from 1
    position: int
    item: int
    session: int  # 0: training
    purpose: str  # training | rating | golden | repeat


def schedule(items: Sequence[Item], config: StudyConfig, seed: int) -> list[Assignment]:
    """Every rater's turns, by rater, then position."""
    rated = [item for item in items if item.kind == "roi"]
    teams = assign(len(rated), config.raters, config.ratings_per_roi, seed)
    rows: list[Assignment] = []
    for rater in range(1, config.raters + 1):
        mine = [item for item, team in zip(rated, teams, strict=True) if rater - 1 in team]
        training = [Turn(item.item, 0, "training") for item in items if item.kind == "training"]
        rows += numbered(rater, [*training, *turns_for(mine, items, rater, config, seed)])
    return rows


def turns_for(
    mine: Sequence[Item],
    items: Sequence[Item],
    rater: int,
    config: StudyConfig,
    seed: int,
    first_session: int = 1,
) -> list[Turn]:
    """Sessions of the ROIs `mine` for one rater, with golden items and repeats."""
    golden = [item.item for item in items if item.kind == "golden"]
    return sessions(
        [item.item for item in mine],
        [item.rendering_id for item in mine],
        golden,
        config.session_items,
        config.golden_per_session,
        config.repeats_per_session,
        generator("study order", rater, first_session, seed),
        first_session,
    )


def numbered(rater: int, turns: Sequence[Turn], first: int = 0) -> list[Assignment]:
    """Turns as a rater's rows from position `first` on."""
    return [
        Assignment(rater, position, turn.item, turn.session, turn.purpose)
        for position, turn in enumerate(turns, first)
    ]
