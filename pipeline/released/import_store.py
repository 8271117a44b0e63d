"""What an import has read and done so far, on disk: it goes on after a stop, in little memory.

ROIs and scores by image: the released files are 5.8 GB and more, in an order that is not
documented. Once they are read whole they are not read again, and an image that is done is not done
again, while the files stay what they are. The store goes when the import is complete.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.released.entries import Misfits, Region, Score

_AT_ONCE = 50_000
_TABLES = """
    create table about (name text primary key, value text);
    create table scores
        (image text, folder text, roi text, quality real, importance real, distortion text);
    create table regions (image text, row text);
    create table settled (image text primary key, row text);
"""


class ImportStore:
    """A SQLite file of one import; `inputs` is the fingerprint of what it reads."""

    def __init__(self, path: Path, inputs: str) -> None:
        self.path, self.inputs = path, inputs
        if not _is_of(path, inputs):
            path.unlink(missing_ok=True)
        fresh = not path.exists()
        self.connection = sqlite3.connect(path)
        if fresh:
            self.connection.executescript(_TABLES)

    def fill(self, regions: Iterable[Region], scores: Iterable[Score], misfits: Misfits) -> int:
        """Store all, unless that was done; returns how many scores there are.

        `misfits` are brought to what they were when all was read.
        """
        read = self._about("read")
        if read is None:
            self._insert("regions", ((r.image, json.dumps(asdict(r))) for r in regions))
            self._insert("scores", (
                (s.image, s.folder.name if s.folder else "", s.key, s.quality, s.importance,
                 s.distortion)
                for s in scores
            ))  # fmt: skip
            for table in ("regions", "scores"):
                self.connection.execute(f"create index {table}_by_image on {table} (image)")
            (count,) = self.connection.execute("select count(*) from scores").fetchone()
            read = {"scores": count, **vars(misfits)}
            about = [("read", json.dumps(read)), ("inputs", json.dumps(self.inputs))]
            self._insert("about", iter(about))
            self.connection.commit()
        misfits.shapes, misfits.notes = Counter(read["shapes"]), Counter(read["notes"])
        misfits.examples = read["examples"]
        return int(read["scores"])

    def _insert(self, table: str, rows: Iterator[tuple[Any, ...]]) -> None:
        while batch := list(islice(rows, _AT_ONCE)):
            places = ", ".join("?" * len(batch[0]))
            self.connection.executemany(f"insert into {table} values ({places})", batch)

    def _about(self, name: str) -> Any:
        query = "select value from about where name = ?"
        row = self.connection.execute(query, (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def regions_of(self, image: str) -> list[Region]:
        """Return the image's ROIs, in the order they were read."""
        query = "select row from regions where image = ? order by rowid"
        rows = (json.loads(row) for (row,) in self.connection.execute(query, (image,)))
        return [
            Region(**(row | {"size": tuple(row["size"]) if row["size"] else None})) for row in rows
        ]

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

    def settled(self, image: str) -> dict[str, Any] | None:
        """Return what came of an image, where it was done before."""
        query = "select row from settled where image = ?"
        row = self.connection.execute(query, (image,)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def settle(self, image: str, came: dict[str, Any]) -> None:
        """Keep what came of an image."""
        row = (image, json.dumps(came))
        self.connection.execute("insert or replace into settled values (?, ?)", row)
        self.connection.commit()

    def close(self) -> None:
        """Leave the file for the next run."""
        self.connection.close()

    def remove(self) -> None:
        """Remove the file."""
        self.close()
        self.path.unlink(missing_ok=True)


def _is_of(path: Path, inputs: str) -> bool:
    """Whether the file was filled whole, from these inputs."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as connection:
            query = "select value from about where name = 'inputs'"
            return bool(connection.execute(query).fetchone() == (json.dumps(inputs),))
    except sqlite3.DatabaseError:
        return False
