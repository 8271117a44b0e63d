"""Scores by image, on disk: the released file is 5.8 GB in an order that is not documented."""

import sqlite3
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from pipeline.released.entries import Score

_AT_ONCE = 50_000


class ScoreStore:
    """A SQLite file that lasts as long as the import."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.path = path
        self.connection = sqlite3.connect(path)
        self.connection.executescript(
            "pragma journal_mode = off; pragma synchronous = off; create table scores"
            " (image text, folder text, roi text, quality real, importance real, distortion text)"
        )

    def fill(self, scores: Iterable[Score]) -> int:
        """Store all scores; returns how many."""
        rows = (
            (s.image, s.folder.name if s.folder else "", s.key, s.quality, s.importance,
             s.distortion)
            for s in scores
        )  # fmt: skip
        while batch := list(islice(rows, _AT_ONCE)):
            self.connection.executemany("insert into scores values (?, ?, ?, ?, ?, ?)", batch)
        self.connection.execute("create index by_image on scores (image)")
        self.connection.commit()
        (count,) = self.connection.execute("select count(*) from scores").fetchone()
        return int(count)

    def of_image(self, image: str) -> dict[str, dict[str, tuple[float, float | None, str | None]]]:
        """Return folder name ("" for the reference) -> ROI -> quality, importance, distortion."""
        found: dict[str, dict[str, tuple[float, float | None, str | None]]] = {}
        rows = self.connection.execute(
            "select folder, roi, quality, importance, distortion from scores where image = ?"
            " order by rowid",
            (image,),
        )
        for folder, roi, quality, importance, distortion in rows:
            found.setdefault(folder, {})[roi] = (quality, importance, distortion)
        return found

    def close(self) -> None:
        """Remove the file."""
        self.connection.close()
        self.path.unlink(missing_ok=True)
