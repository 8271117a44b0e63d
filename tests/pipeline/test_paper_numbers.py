"""The paper's numbers: against its text, where that is at hand, and against its own averages."""

import re
from decimal import ROUND_HALF_UP, Decimal

import pytest

from manifests.paper_numbers import ASSESSMENT, SEAGULL, TYPES, paper_rows
from pipeline.look.report_tables import assessment_table, type_table


def test_the_papers_averages_are_those_of_its_columns():
    for model, row in paper_rows(2).items():
        mean = sum(row[name] for name in TYPES) / len(TYPES)
        assert row["mean"] == pytest.approx(mean, abs=6e-5), model
    assert paper_rows(1)[SEAGULL]["type_f1"] == 0.5908


def printed(text: str, table: int) -> list[list[str]]:
    """The numbers of a table's lines in the paper's text, as they are printed."""
    lines = text.split(f"Table {table}. ", 1)[1].split("\n\n", 2)[1].splitlines()
    rows = [re.findall(r"\d+\.\d\d+", line) for line in lines]
    return [row for row in rows if row]


def test_every_number_is_the_papers(shared):
    paper = shared / "paper" / "seagull.md"
    if not paper.is_file():
        pytest.skip("needs ../shared/paper/seagull.md, which is not here")
    text = paper.read_text()
    ours = {
        table: [
            [f"{v:.4f}" if "cc" in name else f"{100 * v:.2f}" for name, v in row.items()]
            for row in paper_rows(table).values()
        ]
        for table in (1, 2)
    }
    assert [len(row) for row in ours[1]] == [4] * 4 + [10] * 9
    assert {table: printed(text, table) for table in (1, 2)} == ours


def test_the_report_rounds_them_as_one_does_by_hand():
    first, second = paper_rows(1)[SEAGULL], paper_rows(2)[SEAGULL]
    shown = assessment_table({}).rows[-1].cells
    for name, cell in zip(ASSESSMENT, shown, strict=True):
        whole, places = (4, "0.001") if "cc" in name else (2, "0.1")
        value = first[name] * (1 if "cc" in name else 100)
        exact = Decimal(f"{value:.{whole}f}")
        assert Decimal(cell) == exact.quantize(Decimal(places), ROUND_HALF_UP), name
    for name, cell in zip((*TYPES, "mean"), type_table({}).rows[-1].cells, strict=True):
        exact = Decimal(f"{100 * second[name]:.2f}")
        assert Decimal(cell) == exact.quantize(Decimal("0.1"), ROUND_HALF_UP), name
