"""What is promised, tried: kills, damage, full disks, two writers; a row a promise.

`docs/promises.md` says what each row means. A program that tries more promises is a module of this
room named `torture_*` with a function `rows(short)`, a row's `held` being those of its `trials`
that went as promised; it is found by its name.
"""

import importlib
import pkgutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pipeline.tools
from pipeline.tools import torture_raw
from pipeline.tools.small_build import write_raws

PREFIX = "torture_"
COLUMNS = ("promise", "trials", "held", "note")

Row = Mapping[str, Any]


def programs() -> list[str]:
    """Return the modules that try something, by name."""
    names = [module.name for module in pkgutil.iter_modules(pipeline.tools.__path__)]
    return sorted(name for name in names if name.startswith(PREFIX))


def rows(short: bool, raws: Sequence[Path] = ()) -> Iterator[Row]:
    """Try everything, a row at a time.

    Args:
        short: as much as a test can afford.
        raws: RAW files to damage beside those made from photographs.
    """
    for name in programs():
        module = importlib.import_module(f"pipeline.tools.{name}")
        if module is torture_raw:
            yield from _damaged_raws(short, raws)
        else:
            yield from module.rows(short)


def _damaged_raws(short: bool, raws: Sequence[Path]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as folder:
        made = sorted(write_raws(Path(folder) / "raw").glob("*.dng"))
        for row in torture_raw.rows([*made, *raws], 25 if short else 1000):
            kept = {k: n for k, n in row.items() if k not in ("damage", "files", "faults") and n}
            yield {
                "promise": f"RAW files {row['damage']}: refused, or a picture as it must be; no"
                " crash, no hang, memory under the limit",
                "trials": row["files"],
                "held": row["files"] - row["silent"] - row["faults"],
                "note": ", ".join(f"{what} {n}" for what, n in kept.items()),
            }


def markdown(table: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for row in table:
        yield f"| {' | '.join(str(row[name]) for name in COLUMNS)} |"
