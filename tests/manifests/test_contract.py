"""docs/contract.md's tables are the records' columns; `python tests/manifests/test_contract.py`
writes them anew.
"""

import inspect
import re
from dataclasses import fields
from html import escape
from pathlib import Path

import pytest

from manifests.ratings import (
    Agreement,
    Estimate,
    Opinion,
    Photograph,
    Rater,
    Rating,
    ScreeningFigure,
)
from manifests.records import Failure, Label, Rendering, Roi, Scene
from manifests.tables import schema
from pipeline.dataset.samples import IndexRow

DOCUMENT = Path(__file__).parents[2] / "docs" / "contract.md"
TABLES = {
    "scenes": Scene,
    "renderings": Rendering,
    "rois": Roi,
    "labels": Label,
    "failures": Failure,
    "ratings": Rating,
    "estimates": Estimate,
    "raters": Rater,
    "screening": ScreeningFigure,
    "agreement": Agreement,
    "photographs": Photograph,
    "index": IndexRow,
}


def comments(record) -> dict[str, str]:
    """What stands behind each field in the source."""
    found = {}
    for part in reversed(record.__mro__[:-1]):
        for line in inspect.getsource(part).splitlines():
            match = re.match(r"    (\w+): [^#]*# (.*)", line)
            if match:
                found[match[1]] = match[2]
    return found


def markdown(record) -> str:
    """Column, Parquet type, what it is."""
    about = comments(record)
    lines = ["| column | type | |", "|---|---|---|"]
    for field in schema(record):
        text = escape(about.get(field.name, ""), quote=False).replace("|", "\\|")
        kind = str(field.type).replace(" not null", "")
        kind = re.sub(r"list<element: (\w+)>|list<item: (\w+)>", r"list of \1\2", kind)
        kind = re.sub(r"map<(\w+), (\w+).*>", r"map of \1 to \2", kind)
        nullable = " or null" if field.nullable else ""
        lines.append(f"| {field.name} | {kind}{nullable} | {text} |")
    return "\n".join(lines)


def block(name: str, text: str) -> re.Match:
    found = re.search(rf"<!-- table {name} -->\n(.*?)\n<!-- end -->", text, re.S)
    assert found, f"{DOCUMENT.name} has no table {name}"
    return found


@pytest.mark.parametrize("name", TABLES)
def test_the_documents_tables_are_the_records(name):
    assert block(name, DOCUMENT.read_text())[1] == markdown(TABLES[name]), __doc__


def test_opinions_are_told_field_by_field():
    section = DOCUMENT.read_text().split("## A sample")[1].split("\n## ")[0]
    assert all(f"`{field.name}`" in section for field in fields(Opinion))


if __name__ == "__main__":
    document = DOCUMENT.read_text()
    for table, kind in TABLES.items():
        start, end = block(table, document).span(1)
        document = document[:start] + markdown(kind) + document[end:]
    DOCUMENT.write_text(document)
