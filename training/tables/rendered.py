"""A table of the paper's as Markdown, CSV and LaTeX, the paper's own numbers beside ours."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manifests.config import Config
from manifests.files import write_atomic
from manifests.paper_numbers import SOURCE, paper_rows
from manifests.workspace import Workspace
from training.data.shard_reader import read_card
from training.evaluate.evaluation import Answered
from training.tables import table_runs
from training.tables.columns import COLUMNS, intervals, numbers

TITLES = {
    1: "ROI-based assessment",
    2: "Distortion types, F1 of each",
    3: "Scales of pre-training",
    4: "Ablations",
}


@dataclass(frozen=True)
class Row:
    """One model: whose numbers they are, each with its interval where there is one."""

    model: str
    source: str
    values: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]


def write_table(workspace: Workspace, config: Config, table: int) -> dict[str, str]:
    """Write `OUT/tables/table{n}.{md,csv,tex}`; where they are."""
    card = read_card(Workspace(workspace.study))
    ours = f"this dataset, raters: {card.raters}"
    asked = {
        **table_runs.answers(workspace, config, table),
        **(baseline_answers(workspace) if table < 3 else {}),
    }
    rows = [_row(name, ours, said) for name, said in asked.items()]
    rows += [Row(name, SOURCE, values, {}) for name, values in paper_rows(table).items()]
    texts = {
        "md": markdown(table, rows),
        "csv": comma_separated(table, rows),
        "tex": latex(table, rows),
    }
    folder = workspace.root / "tables"
    for kind, text in texts.items():
        write_atomic(folder / f"table{table}.{kind}", text)
    return {"table": texts["md"], "files": str(folder / f"table{table}.{{md,csv,tex}}")}


def baseline_answers(workspace: Workspace) -> dict[str, Sequence[Answered]]:
    """What the baselines answered that `seagull baseline` has asked, by name."""
    return {
        path.stem: table_runs.read_answers(path)
        for path in sorted((workspace.root / "tables" / "baselines").glob("*.json"))
    }


def _row(name: str, source: str, answered: Sequence[Answered]) -> Row:
    return Row(name, source, numbers(answered), intervals(answered))


def _headings(table: int) -> list[str]:
    """The columns as people read them: `quality SROCC`, `type F1`, `JIR quality`."""
    names = []
    for column in COLUMNS[table]:
        *subject, metric = column.split("_")
        short = metric.upper() if metric in ("srocc", "plcc", "f1") else metric
        names.append(" ".join([*subject, short]).replace("judged", "JIR"))
    return names


def _cell(row: Row, column: str) -> str:
    if column not in row.values:
        return ""
    bounds = row.bounds.get(column)
    between = f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else ""
    return f"{row.values[column]:.3f}{between}"


def markdown(table: int, rows: Sequence[Row]) -> str:
    """As Markdown, a model a line."""
    names = COLUMNS[table]
    lines = [
        f"## Table {table}: {TITLES[table]}",
        "",
        "Brackets: 95 % bootstrap interval over images. Numbers of the paper are of its own data.",
        "",
        f"| model | data | {' | '.join(_headings(table))} |",
        f"|---|---|{'---|' * len(names)}",
    ]
    lines += [
        f"| {row.model} | {row.source} | {' | '.join(_cell(row, n) for n in names)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def comma_separated(table: int, rows: Sequence[Row]) -> str:
    """As CSV, each column with its two bounds behind it."""
    names, file = COLUMNS[table], io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["model", "data", *(f"{n}{end}" for n in names for end in ("", "_low", "_high"))]
    )
    for row in rows:
        cells = []
        for name in names:
            low, high = row.bounds.get(name, ("", ""))
            cells += [row.values.get(name, ""), low, high]
        writer.writerow([row.model, row.source, *cells])
    return file.getvalue()


def latex(table: int, rows: Sequence[Row]) -> str:
    """As a LaTeX tabular; intervals are in the other two."""
    headings = _headings(table)
    lines = [f"\\begin{{tabular}}{{ll{'r' * len(headings)}}}", "\\hline"]
    lines.append(" & ".join(["model", "data", *headings]) + r" \\ \hline")
    for row in rows:
        cells = [f"{row.values[n]:.3f}" if n in row.values else "" for n in COLUMNS[table]]
        line = " & ".join([row.model, row.source, *cells]).replace("%", r"\%").replace("_", r"\_")
        lines.append(line + r" \\")
    return "\n".join([*lines, "\\hline", "\\end{tabular}", ""])


def waves(workspace: Workspace, config: Config, table: int) -> list[list[str]]:
    """Return the waves of `table_runs.waves`; the workspace is not read."""
    return table_runs.waves(table, config)
