"""The folders' benchmarks as Markdown tables. What is measured, and how, is theirs to say."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from isp.tools.bench_renderings import rows as isp_rows
from isp.tools.bench_sizes import rows as size_rows
from labelers.checks.bench_edges import rows as edge_rows
from labelers.checks.bench_labels import rows as labeler_rows
from manifests.config import Config
from pipeline.tools.bench_endless import rows as endless_rows


def tables(
    raw: Path | None, only: str | None, config: Config, workers: int
) -> Iterator[tuple[str, str]]:
    """Title and table, as each is measured; `only` picks one of them by name."""
    if only in (None, "isp"):
        yield "One rendering, CPU seconds", markdown(isp_rows(raw))
    if only in (None, "sizes"):
        yield (
            "A scene and one rendering by size, CPU seconds (a dash: not installed)",
            markdown(list(size_rows())),
        )
    if only in (None, "labelers"):
        yield "Masks and labels, CPU seconds", markdown(labeler_rows())
    if only in (None, "endless"):
        title = f"Samples, long edge {config.render.long_edge}, {workers} workers"
        yield title, markdown(list(endless_rows(raw, config, workers)))
    if only in (None, "edges"):
        title = "Masks and labels of a scene without weights by long edge, CPU seconds"
        yield title, markdown(list(edge_rows()))


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as a Markdown table; a missing value is a dash."""
    keys = list(rows[0])
    lines = [f"| {' | '.join(keys)} |", f"|{'---|' * len(keys)}"]
    for row in rows:
        cells = ["-" if row[key] is None else str(row[key]) for key in keys]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
