"""SQLite: raters, their turns and their votes. Every acknowledged vote is there once.

Write-ahead log with a sync at every commit, so that what was acknowledged survives a kill and a
power cut; every change is a BEGIN IMMEDIATE, for a plain BEGIN that turns into a write fails under
other writers whatever the busy timeout. One connection, one lock: writers wait in the process, not
in SQLite. Tokens are kept as sha256 alone.
"""

import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

from annotation.plan.schedule import Assignment
from annotation.votes.vote import Vote
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS

State = Literal["active", "paused", "left", "excluded"]
_BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE raters (
    rater INTEGER PRIMARY KEY, token_sha256 TEXT UNIQUE, state TEXT NOT NULL DEFAULT 'active',
    decision TEXT NOT NULL DEFAULT '', consented REAL, setup TEXT, seen REAL);
CREATE TABLE turns (
    rater INTEGER NOT NULL, position INTEGER NOT NULL, item INTEGER NOT NULL,
    session INTEGER NOT NULL, purpose TEXT NOT NULL, dropped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (rater, position)) WITHOUT ROWID;
CREATE TABLE votes (
    vote TEXT PRIMARY KEY, rater INTEGER NOT NULL, position INTEGER NOT NULL,
    answers TEXT NOT NULL, seconds REAL NOT NULL, window_width INTEGER NOT NULL,
    window_height INTEGER NOT NULL, zoom REAL NOT NULL, at REAL NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (rater, position) REFERENCES turns (rater, position));
CREATE UNIQUE INDEX one_vote_a_turn ON votes (rater, position) WHERE undone = 0;
"""


class NotNowError(SeagullError):
    """The vote does not fit what the rater is to do next; nothing was stored."""


class NotYoursError(SeagullError):
    """The item is not this rater's."""


@dataclass(frozen=True)
class RaterRow:
    """One rater as the store knows it."""

    rater: int
    state: State
    decision: str  # the leader's word against the screening: "", keep or exclude
    consented: bool
    setup: dict[str, Any] | None  # window, zoom, color plates, as checked before the first item
    seen: float | None  # seconds since the epoch


@dataclass(frozen=True)
class Cast:
    """A vote that counts, with the turn it answers."""

    rater: int
    position: int
    item: int
    session: int
    purpose: str
    answers: dict[str, int]
    seconds: float
    window_width: int
    window_height: int
    zoom: float


@dataclass(frozen=True)
class Standing:
    """Where a rater is: the next turn (None: all done), the one after, and counts."""

    turn: Assignment | None
    ahead: Assignment | None
    done: int
    total: int
    session_done: int
    session_total: int
    sessions: int
    last_vote: str | None  # the vote that an undo would take back
    last_session: int | None


class VoteStore:
    """One study's votes. Methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SeagullError(f"{path} is missing; run `seagull study init` first")
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Close the file; what was acknowledged is in it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # ---- raters -------------------------------------------------------------------------------

    def about(self, name: str) -> str:
        """A value that `create_store` put there."""
        return str(self._rows("SELECT value FROM about WHERE name = ?", (name,))[0][0])

    @property
    def distortions(self) -> tuple[str, ...]:
        """Those that raters are asked about, in the page's order."""
        rows = self._rows("SELECT value FROM about WHERE name = 'distortions'")
        return tuple(json.loads(rows[0][0])) if rows else DISTORTIONS

    def is_leader(self, secret: str) -> bool:
        """Is this the leader's secret?"""
        return secrets.compare_digest(self.about("leader_sha256"), hash_of(secret))

    def rater_of(self, token: str) -> RaterRow | None:
        """Whose link this is; None for a token that does not exist or was revoked."""
        found = self._raters("WHERE token_sha256 = ?", (hash_of(token),))
        return found[0] if found else None

    def raters(self) -> list[RaterRow]:
        """All raters by number."""
        return self._raters("ORDER BY rater", ())

    def _raters(self, where: str, values: Sequence[Any]) -> list[RaterRow]:
        columns = "rater, state, decision, consented, setup, seen"
        rows = self._rows(f"SELECT {columns} FROM raters {where}", values)
        return [
            RaterRow(rater, state, decision, consented is not None, setup and json.loads(setup), at)
            for rater, state, decision, consented, setup, at in rows
        ]

    def consent(self, rater: int) -> None:
        """The rater has read what the study is and agrees."""
        with self._change() as db:
            db.execute(
                "UPDATE raters SET consented = coalesce(consented, ?) WHERE rater = ?",
                (time.time(), rater),
            )

    def set_up(self, rater: int, setup: dict[str, Any]) -> None:
        """What the check of window, zoom and color vision found."""
        with self._change() as db:
            db.execute(
                "UPDATE raters SET setup = ? WHERE rater = ?",
                (json.dumps(setup, sort_keys=True), rater),
            )

    def set_state(self, rater: int, state: State) -> None:
        """Pause, resume, or take a rater out; turns not answered stay as they are."""
        with self._change() as db:
            db.execute("UPDATE raters SET state = ? WHERE rater = ?", (state, rater))

    def decide(self, rater: int, decision: str) -> None:
        """The leader's word against the screening: keep, exclude, or "" for none."""
        with self._change() as db:
            db.execute("UPDATE raters SET decision = ? WHERE rater = ?", (decision, rater))

    def renew(self, rater: int) -> str:
        """A new token; the old link no longer opens anything."""
        token = new_token()
        with self._change() as db:
            db.execute(
                "UPDATE raters SET token_sha256 = ? WHERE rater = ?", (hash_of(token), rater)
            )
        return token

    def revoke(self, rater: int) -> None:
        """The rater's link opens nothing any more."""
        with self._change() as db:
            db.execute("UPDATE raters SET token_sha256 = NULL WHERE rater = ?", (rater,))

    # ---- turns --------------------------------------------------------------------------------

    def standing(self, rater: int) -> Standing:
        """Where the rater is."""
        with self._lock:
            return _standing(self._db, rater)

    def turn(self, rater: int, position: int) -> Assignment | None:
        """The rater's turn at a position."""
        rows = self._rows(_TURNS + " AND position = ?", (rater, position))
        return Assignment(*rows[0]) if rows else None

    def turns(self) -> list[tuple[Assignment, bool]]:
        """All turns that stand, each with whether it was answered."""
        rows = self._rows(
            "SELECT t.rater, t.position, t.item, t.session, t.purpose, v.vote IS NOT NULL"
            " FROM turns t LEFT JOIN votes v"
            " ON v.rater = t.rater AND v.position = t.position AND v.undone = 0"
            " WHERE t.dropped = 0 ORDER BY t.rater, t.position"
        )
        return [(Assignment(*row[:5]), bool(row[5])) for row in rows]

    def ends(self) -> dict[int, tuple[int, int]]:
        """The last position and session of each rater, dropped ones among them."""
        rows = self._rows("SELECT rater, max(position), max(session) FROM turns GROUP BY rater")
        return {rater: (position, session) for rater, position, session in rows}

    def replan(self, drop_open_of: Sequence[int], further: Sequence[Assignment]) -> None:
        """In one step: drop what these raters have not answered, give others further turns."""
        with self._change() as db:
            for rater in drop_open_of:
                db.execute(
                    "UPDATE turns SET dropped = 1 WHERE rater = ? AND NOT EXISTS (SELECT 1 FROM"
                    " votes v WHERE v.rater = turns.rater AND v.position = turns.position"
                    " AND v.undone = 0)",
                    (rater,),
                )
            _insert_turns(db, further)

    # ---- votes --------------------------------------------------------------------------------

    def cast(self, rater: int, vote: Vote) -> Standing:
        """Store a vote; the same vote again changes nothing.

        Raises:
            NotYoursError: the item is not at this position of this rater.
            NotNowError: another turn comes next, or the rater is paused.
        """
        with self._change() as db:
            known = db.execute("SELECT rater FROM votes WHERE vote = ?", (vote.vote,)).fetchone()
            if known is None:
                _check_turn(db, rater, vote)
                db.execute(
                    "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    (vote.vote, rater, vote.position, json.dumps(dict(vote.answers)), vote.seconds,
                     vote.window_width, vote.window_height, vote.zoom, time.time()),
                )  # fmt: skip
                db.execute("UPDATE raters SET seen = ? WHERE rater = ?", (time.time(), rater))
            elif known[0] != rater:
                raise NotYoursError("this vote's name is taken; every vote needs one of its own")
            return _standing(db, rater)

    def undo(self, rater: int, vote: str) -> tuple[Standing, dict[str, int]]:
        """Take back the rater's last vote, named so that twice is once; gives its answers.

        Raises:
            NotNowError: it is not the last one.
        """
        with self._change() as db:
            row = db.execute(
                "SELECT undone, answers FROM votes WHERE vote = ? AND rater = ?", (vote, rater)
            ).fetchone()
            if row is None:
                raise NotNowError("there is no such vote of yours to take back")
            if not row[0]:
                if _standing(db, rater).last_vote != vote:
                    raise NotNowError("only the last vote of a session can be taken back")
                db.execute("UPDATE votes SET undone = 1 WHERE vote = ?", (vote,))
            return _standing(db, rater), json.loads(row[1])

    def vote_names(self) -> list[str]:
        """The names, given by clients, of all votes that count."""
        return [name for (name,) in self._rows("SELECT vote FROM votes WHERE undone = 0")]

    def votes(self) -> list[Cast]:
        """All votes that count, by rater, then position."""
        rows = self._rows(
            "SELECT t.rater, t.position, t.item, t.session, t.purpose, v.answers, v.seconds,"
            " v.window_width, v.window_height, v.zoom FROM votes v JOIN turns t"
            " ON v.rater = t.rater AND v.position = t.position WHERE v.undone = 0"
            " ORDER BY t.rater, t.position"
        )
        return [Cast(*(*row[:5], json.loads(row[5]), *row[6:])) for row in rows]


_TURNS = "SELECT rater, position, item, session, purpose FROM turns WHERE rater = ? AND dropped = 0"


def _check_turn(db: sqlite3.Connection, rater: int, vote: Vote) -> None:
    (state,) = db.execute("SELECT state FROM raters WHERE rater = ?", (rater,)).fetchone()
    if state != "active":
        raise NotNowError("the study leader has paused your part; this vote was not stored")
    row = db.execute(_TURNS + " AND position = ?", (rater, vote.position)).fetchone()
    if row is None or row[2] != vote.item:
        raise NotYoursError("this item is not at this place of your list; open your link again")
    turn = _standing(db, rater).turn
    if turn is None or turn.position != vote.position:
        raise NotNowError("this item has been answered, or it is not its turn yet")


def _standing(db: sqlite3.Connection, rater: int) -> Standing:
    last = db.execute(
        "SELECT v.position, v.vote, t.session FROM votes v JOIN turns t ON t.rater = v.rater"
        " AND t.position = v.position WHERE v.rater = ? AND v.undone = 0"
        " ORDER BY v.position DESC LIMIT 1",
        (rater,),
    ).fetchone()
    position, vote, last_session = last or (-1, None, None)
    query = _TURNS + " AND position > ? ORDER BY position LIMIT 2"
    coming = [Assignment(*row) for row in db.execute(query, (rater, position))]
    counts = db.execute(
        "SELECT session, count(*), sum(position <= ?) FROM turns WHERE rater = ? AND dropped = 0"
        " GROUP BY session",
        (position, rater),
    ).fetchall()
    turn, ahead = (*coming, None, None)[:2]
    session = turn.session if turn else last_session
    here = next(((total, done) for number, total, done in counts if number == session), (0, 0))
    return Standing(
        turn=turn,
        ahead=ahead,
        done=sum(done for _, _, done in counts),
        total=sum(total for _, total, _ in counts),
        session_done=here[1],
        session_total=here[0],
        sessions=sum(1 for number, _, _ in counts if number),
        last_vote=vote if last_session and (turn is None or turn.session == last_session) else None,
        last_session=last_session,
    )


def hash_of(secret: str) -> str:
    """Hex sha256 of a token or secret: what the store keeps of it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token() -> str:
    """192 random bits, safe in an address."""
    return secrets.token_urlsafe(24)


def create_store(
    path: Path,
    plan: Sequence[Assignment],
    plan_sha256: str,
    kind: Literal["people", "simulated"],
    distortions: Sequence[str] = DISTORTIONS,
) -> tuple[str, dict[int, str]]:
    """Make the store of a planned study; returns the leader's secret and the raters' tokens.

    Raises:
        SeagullError: there is one already.
    """
    if path.exists():
        raise SeagullError(f"{path} is there already; a study is planned once")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    secret, raters = new_token(), sorted({row.rater for row in plan})
    tokens = {rater: new_token() for rater in raters}
    unfinished = path.with_name(f".tmp-{path.name}")
    unfinished.unlink(missing_ok=True)
    db = sqlite3.connect(unfinished, isolation_level=None)
    db.executescript(_SCHEMA)
    db.execute("BEGIN IMMEDIATE")
    about = {
        "leader_sha256": hash_of(secret),
        "plan_sha256": plan_sha256,
        "raters": kind,
        "distortions": json.dumps(list(distortions)),
    }
    db.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    db.executemany(
        "INSERT INTO raters (rater, token_sha256) VALUES (?, ?)",
        [(rater, hash_of(token)) for rater, token in tokens.items()],
    )
    _insert_turns(db, plan)
    db.execute("COMMIT")
    db.close()
    unfinished.chmod(0o600)
    unfinished.replace(path)
    return secret, tokens


def _insert_turns(db: sqlite3.Connection, rows: Sequence[Assignment]) -> None:
    db.executemany(
        "INSERT INTO turns (rater, position, item, session, purpose) VALUES (?, ?, ?, ?, ?)",
        [astuple(row) for row in rows],
    )
