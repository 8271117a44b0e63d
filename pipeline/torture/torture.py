"""What is promised, tried: kills, damage, full disks, two writers; a row a promise.

`docs/promises.md` says what each row means. A program that tries more promises is a module of this
room named `torture_*` with a function `rows(short)`, a row's `held` being those of its `trials`
that went as promised; it is found by its name.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pipeline.torture

PREFIX = "torture_"
COLUMNS = ("promise", "trials", "held", "note")

Row = Mapping[str, Any]


def programs() -> list[str]:
    """Return the modules that try something, by name."""
    names = [module.name for module in pkgutil.iter_modules(pipeline.torture.__path__)]
    return sorted(name for name in names if name.startswith(PREFIX))


def rows(short: bool) -> Iterator[Row]:
    """Try everything, a row at a time; `short`: as much as a test can afford."""
    for name in programs():
        yield from importlib.import_module(f"pipeline.torture.{name}").rows(short)


def markdown(table: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for row in table:
        yield f"| {' | '.join(str(row[name]) for name in COLUMNS)} |"
