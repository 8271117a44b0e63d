"""Votes once and only once, whatever ends the server; undo; who takes over."""

import sqlite3
import threading
from collections import Counter
from dataclasses import replace

import pytest

from annotation.votes.replan import add_votes, spend_best, take_over
from annotation.votes.vote import Vote
from annotation.votes.vote_store import NotNowError, NotYoursError, VoteStore, create_store
from manifests.errors import SeagullError
from manifests.ratings import questions


def vote(turn, name: str, quality: int = 2) -> Vote:
    answers = dict.fromkeys(questions(), 4) | {"quality": quality}
    return Vote(name, turn.position, turn.item, answers, 5.0, 1920, 1080, 1.0)


def rate_all(store: VoteStore, rater: int, most: int = 10**6) -> int:
    count = 0
    while (turn := store.standing(rater).turn) and count < most:
        store.cast(rater, vote(turn, f"vote-{rater}-{turn.position}", turn.item % 5))
        count += 1
    return count


def test_a_vote_sent_twice_counts_once_and_only_the_next_turn_is_taken(planned):
    store = planned.store
    first = store.standing(1).turn
    one = vote(first, "vote-one")
    assert store.cast(1, one) == store.cast(1, one)
    assert len(store.votes()) == 1
    second = store.standing(1).turn
    assert second.position == first.position + 1
    with pytest.raises(NotNowError, match="answered"):
        store.cast(1, replace(one, vote="vote-two"))  # answered already, by another name
    with pytest.raises(NotNowError):
        store.cast(1, vote(store.turn(1, second.position + 1), "vote-three"))
    with pytest.raises(NotYoursError):
        store.cast(1, replace(vote(second, "vote-four"), item=second.item + 1))
    with pytest.raises(NotYoursError):
        store.cast(2, replace(vote(store.standing(2).turn, "vote-one")))
    assert len(store.votes()) == 1


def test_undo_takes_back_the_last_vote_once_and_gives_its_answers(planned):
    store = planned.store
    rate_all(store, 1, 5)  # two training items, three of the first session
    last = store.standing(1).last_vote
    standing, answers = store.undo(1, last)
    assert standing.turn.position == 4 and answers["quality"] == standing.turn.item % 5
    assert store.undo(1, last)[0] == standing  # the same undo again
    with pytest.raises(NotNowError):
        store.undo(1, "vote-1-2")  # not the last
    with pytest.raises(NotNowError):
        store.undo(2, last)  # not hers
    store.cast(1, vote(standing.turn, "vote-again", 0))
    assert [v.answers["quality"] for v in store.votes()][-1] == 0 and len(store.votes()) == 5


def test_a_session_that_is_over_cannot_be_undone(planned):
    store = planned.store
    rate_all(store, 1, 2)
    assert store.standing(1).last_vote is None  # training is over
    rate_all(store, 1, 12)
    standing = store.standing(1)
    assert standing.turn.session == 2 and standing.last_vote is None


def test_many_writers_lose_nothing(planned):
    stores = [VoteStore(planned.folder.votes) for _ in range(4)]  # as many processes would
    threads = [
        threading.Thread(target=rate_all, args=(store, rater))
        for rater, store in enumerate(stores, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(planned.store.votes()) == len(planned.turns)
    for store in stores:
        store.close()
    with sqlite3.connect(planned.folder.votes) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_who_leaves_is_replaced_and_the_plan_adds_up_again(planned):
    store, study = planned.store, planned.config.study
    rate_all(store, 1, 10)
    store.set_state(1, "left")
    made = take_over(store, planned.items, study, seed=0)
    assert made.given > 0 and store.standing(1).turn is None
    for rater in (2, 3, 4):
        rate_all(store, rater)
    rated = Counter(v.item for v in store.votes() if v.purpose == "rating")
    assert set(rated.values()) == {3} and len(rated) == 24 and made.short == 0
    again = take_over(store, planned.items, study, seed=0)
    assert (again.given, again.short) == (0, 0)
    store.set_state(1, "excluded")  # now what she said does not count either
    made = take_over(store, planned.items, study, seed=0)
    assert made.given > 0 and made.short == 0  # three are left for three
    store.set_state(2, "excluded")
    assert take_over(store, planned.items, study, seed=0).short == 24


def test_further_votes_go_to_raters_who_have_not_seen_the_roi(planned):
    store, study = planned.store, planned.config.study
    for rater in (1, 2, 3, 4):
        rate_all(store, rater)
    made = spend_best(store, planned.items, study, 0, budget=6)
    assert made.given == 6
    assert add_votes(store, planned.items, study, 0, {0: 9}).short >= 8
    turns = Counter((t.rater, t.item) for t, _ in store.turns() if t.purpose == "rating")
    assert max(turns.values()) == 1


def test_a_study_is_planned_once_and_needs_a_plan(planned, tmp_path):
    with pytest.raises(SeagullError, match="planned once"):
        create_store(planned.folder.votes, planned.turns, "", "people")
    with pytest.raises(SeagullError, match="study init"):
        VoteStore(tmp_path / "none.sqlite")


def test_tokens_are_kept_as_hashes_and_can_be_replaced_and_revoked(planned):
    token = planned.links[2].removeprefix("/r/")
    assert planned.store.rater_of(token).rater == 2
    assert token.encode() not in planned.folder.votes.read_bytes()
    new = planned.store.renew(2)
    assert planned.store.rater_of(token) is None and planned.store.rater_of(new).rater == 2
    planned.store.revoke(2)
    assert planned.store.rater_of(new) is None
