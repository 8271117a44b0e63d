"""Ratings that are missing go to other raters; further votes go where they help most."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from annotation.opinions.bias_model import fit
from annotation.opinions.next_best import roi_spread, spend
from annotation.plan.assignment import reassign
from annotation.plan.schedule import Assignment, Item, numbered, turns_for
from annotation.votes.results import quality_matrix
from annotation.votes.vote_store import VoteStore
from manifests.config import StudyConfig


@dataclass(frozen=True)
class Replan:
    """What came of it: further turns given, and ratings that nobody at hand could take."""

    given: int
    short: int


def take_over(
    store: VoteStore,
    items: Sequence[Item],
    config: StudyConfig,
    seed: int,
    not_valid: Collection[int] = (),
) -> Replan:
    """Give the ratings of raters who left, or whose answers do not count, to the others.

    Args:
        store: its raters with state `left` or `excluded` lose the turns they have not answered.
        items: of the plan.
        config: how many valid ratings a ROI is to have.
        seed: of the study.
        not_valid: raters whose answers do not count (screened out), besides those excluded.
    """
    raters = store.raters()
    gone = {r.rater for r in raters if r.state in ("left", "excluded")}
    void = {r.rater for r in raters if r.state == "excluded"} | set(not_valid)
    counted = _counted(store, gone, void)
    missing = {
        item.item: config.ratings_per_roi - counted[item.item]
        for item in items
        if item.kind == "roi" and counted[item.item] < config.ratings_per_roi
    }
    return _give(store, items, config, seed, missing, gone | void, sorted(gone | void))


def add_votes(
    store: VoteStore,
    items: Sequence[Item],
    config: StudyConfig,
    seed: int,
    further: Mapping[int, int],
    not_valid: Collection[int] = (),
) -> Replan:
    """Give further ratings of some items (item -> how many) to raters who have not seen them."""
    gone = {r.rater for r in store.raters() if r.state in ("left", "excluded")} | set(not_valid)
    return _give(store, items, config, seed, further, gone, ())


def spend_best(
    store: VoteStore,
    items: Sequence[Item],
    config: StudyConfig,
    seed: int,
    budget: int,
    not_valid: Collection[int] = (),
    priority: Mapping[int, float] | None = None,
) -> Replan:
    """Spend `budget` further votes where they help most.

    `priority` is of an item, such as how far two scorers disagree; without one it is how far the
    quality votes on each ROI lie apart.
    """
    valid = [r.rater for r in store.raters() if r.rater not in set(not_valid)]
    scores, rated = quality_matrix(store.votes(), items, valid)
    if priority is None:
        spread = roi_spread(scores, fit(scores)).tolist()
    else:
        spread = [priority.get(item.item, 0.0) for item in rated]
    gone = {r.rater for r in store.raters() if r.state in ("left", "excluded")}
    counted = _counted(store, gone, gone | set(not_valid))
    extra = spend(spread, [counted[item.item] for item in rated], budget, len(valid))
    further = {item.item: n for item, n in zip(rated, extra, strict=True) if n}
    return add_votes(store, items, config, seed, further, not_valid)


def _counted(store: VoteStore, gone: set[int], void: set[int]) -> Counter[int]:
    """Valid ratings that each item has or is still to get."""
    counted: Counter[int] = Counter()
    for turn, answered in store.turns():
        stands = answered if turn.rater in gone else True
        if turn.purpose == "rating" and stands and turn.rater not in void:
            counted[turn.item] += 1
    return counted


def _give(
    store: VoteStore,
    items: Sequence[Item],
    config: StudyConfig,
    seed: int,
    missing: Mapping[int, int],
    unable: set[int],
    drop_open_of: Sequence[int],
) -> Replan:
    able = [r.rater for r in store.raters() if r.rater not in unable]
    seen: dict[int, set[int]] = {rater: set() for rater in able}
    load = dict.fromkeys(able, 0)
    for turn, answered in store.turns():
        if turn.rater in seen:
            seen[turn.rater].add(turn.item)
            load[turn.rater] += not answered
    given = reassign(missing, seen, load, seed)
    ends = store.ends()
    by_number = {item.item: item for item in items}
    rows: list[Assignment] = []
    for rater, mine in given.items():
        position, session = ends.get(rater, (-1, 0))
        wanted = [by_number[number] for number in mine]
        turns = turns_for(wanted, items, rater, config, seed, session + 1)
        rows += numbered(rater, turns, position + 1)
    store.replan(drop_open_of, rows)
    count = sum(map(len, given.values()))
    return Replan(count, sum(missing.values()) - count)
