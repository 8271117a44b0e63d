"""Further turns for a study under way: what is missing, or what helps most."""

import pyarrow.parquet as pq

from annotation.plan.schedule import Item
from annotation.plan.study_folder import StudyFolder
from annotation.votes.replan import Replan, spend_best, take_over
from annotation.votes.results import results
from annotation.votes.vote_store import VoteStore
from manifests.config import Config
from manifests.errors import SeagullError


def extend_study(
    folder: StudyFolder, store: VoteStore, config: Config, votes: int | None, by: str
) -> Replan:
    """Give missing ratings to others; with `votes`, plan so many further ones.

    Raises:
        SeagullError: `by` is scorers, and the study has no table `scores` of two.
    """
    items = folder.read_items()
    found = results(
        casts=store.votes(),
        items=items,
        raters=store.raters(),
        config=config.study,
        kind=store.about("raters"),
        distortions=store.distortions,
    )
    void = {int(rater.rater[1:]) for rater in found.raters if not rater.valid}
    about = (store, items, config.study, config.seed)
    if votes is None:
        return take_over(*about, not_valid=void)
    priority = disagreement(folder, items) if by == "scorers" else None
    return spend_best(*about, budget=votes, not_valid=void, priority=priority)


def disagreement(folder: StudyFolder, items: list[Item]) -> dict[int, float]:
    """How far the scorers of `scores` lie apart on each ROI: the range of their ranks, 0 to 1."""
    table = folder.space.table("scores")
    if not any(table.glob("*.parquet")):
        raise SeagullError(
            f"{table} is empty; put there what scorers say of the study's ROIs (rendering_id,"
            " roi_id, scorer, quality), two scorers or more"
        )
    frame = pq.read_table(
        table, columns=["rendering_id", "roi_id", "scorer", "quality"]
    ).to_pandas()
    if frame.scorer.nunique() < 2:
        raise SeagullError(f"{table}: one scorer cannot disagree; expected two or more")
    frame["rank"] = frame.groupby("scorer").quality.rank(pct=True)
    ranks = frame.groupby(["rendering_id", "roi_id"])["rank"]
    apart = (ranks.max() - ranks.min()).to_dict()
    return {item.item: apart.get((item.rendering_id, item.roi_id), 0.0) for item in items}
