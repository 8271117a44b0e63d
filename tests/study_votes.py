"""A study in memory: items with known truth, a plan, and the votes that simulated raters give."""

from collections.abc import Mapping, Sequence

from annotation.plan.schedule import Item, schedule
from annotation.simulation.votes_by_model import SimulatedRater, Truth, answers, seconds
from annotation.votes.vote_store import Cast, RaterRow
from manifests.config import StudyConfig


def rois(count: int, per_image: int = 3) -> list[Item]:
    """ROIs of the study, `per_image` of each image."""
    return [
        Item(n, "roi", f"s{n // per_image}_ref", f"s{n // per_image}_obj{n % per_image:03d}",
             f"s{n // per_image}", "image.png", "")
        for n in range(count)
    ]  # fmt: skip


def casts(
    items: Sequence[Item],
    truths: Mapping[int, Truth],
    raters: Sequence[SimulatedRater],
    config: StudyConfig,
    seed: int,
) -> list[Cast]:
    """All votes of the whole plan."""
    rows = schedule(items, config, seed)
    return [
        Cast(row.rater, row.position, row.item, row.session, row.purpose,
             answers(raters[row.rater - 1], truths[row.item], f"{row.item} {row.position}"),
             seconds(raters[row.rater - 1], f"{row.item} {row.position}"), 1920, 1080, 1.0)
        for row in rows
    ]  # fmt: skip


def rows(config: StudyConfig) -> list[RaterRow]:
    """The raters as the store knows them, none with a word of the leader's."""
    return [RaterRow(n, "active", "", True, None, None) for n in range(1, config.raters + 1)]
