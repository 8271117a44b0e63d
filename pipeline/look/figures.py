"""The report's pictures, as PNG bytes: matplotlib for plots, arrays for photographs."""

import io
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from manifests.keys import DISTORTIONS, NO_DISTORTION, WITHOUT, in_order

COLORS = ("#c44e52", "#8172b3", "#4c72b0", "#dd8452", "#55a868", "#937860", "#da8bc3", "#8c8c8c")


def _png(figure: Figure) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return sink.getvalue()


def quality_by_level(labels: pd.DataFrame) -> bytes:
    """Mean quality against level for each distortion, with the middle half of the ROIs shaded.

    Args:
        labels: columns distortion, level, quality.
    """
    names = _distortions(labels.distortion, NO_DISTORTION)
    figure, panels = plt.subplots(1, len(names), figsize=(2.5 * len(names), 2.8), sharey=True)
    for panel, distortion, color in zip(panels, names, cycle(COLORS), strict=False):
        mine = labels[labels.distortion == distortion].groupby("level").quality
        mean, low, high = mine.mean(), mine.quantile(0.25), mine.quantile(0.75)
        panel.fill_between(mean.index, low, high, color=color, alpha=0.2, lw=0)
        panel.plot(mean.index, mean, color=color, marker=".", ms=4)
        panel.set(title=distortion, xlabel="level", xticks=(1, 5, 10, 15, 20), ylim=(0, 1.02))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("quality")
    return _png(figure)


def _distortions(column: pd.Series, absent: str) -> tuple[str, ...]:
    """Return the six, and what else is in the column; `absent` is no distortion."""
    return in_order([*DISTORTIONS, *sorted(set(column) - {absent})])


def distributions(labels: pd.DataFrame, importance_top: float) -> bytes:
    """Histograms of the three labels. Columns quality, importance, distortion_label."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 2.8))
    left.hist(labels.quality, bins=50, color=COLORS[2])
    left.set(title="quality", ylabel="labels")
    middle.hist(labels.importance, bins=50, color=COLORS[3], log=True)
    middle.axvline(importance_top, color="black", lw=1, ls="--", label="M of eq. 1")
    middle.set(title="importance (log count)")
    middle.legend()
    names = _distortions(labels.distortion_label, WITHOUT)
    counts = labels.distortion_label.value_counts().reindex([WITHOUT, *names], fill_value=0)
    right.bar(counts.index, counts, color=("#999999", *islice(cycle(COLORS), len(names))))
    right.set(title="distortion label")
    right.tick_params(axis="x", rotation=25)
    return _png(figure)


def training_curve(
    rows: Sequence[Mapping[str, float]], validated: Sequence[Mapping[str, float]] = ()
) -> bytes:
    """Loss against step, and beside it the metrics of the val split where there is one.

    Args:
        rows: of every step, step and loss.
        validated: of some steps, step, val_loss and metrics named val_...
    """
    panels = 2 if validated else 1
    figure, axes = plt.subplots(1, panels, figsize=(6 * panels, 2.8), squeeze=False)
    steps, loss = (np.array([row[key] for row in rows], float) for key in ("step", "loss"))
    axes[0, 0].plot(steps, loss, color="#bbbbbb", lw=0.8)
    smooth = pd.Series(loss).ewm(span=max(2, len(loss) // 15)).mean()
    axes[0, 0].plot(steps, smooth, color=COLORS[2], label="training, heads included")
    axes[0, 0].set(xlabel="step", ylabel="loss")
    if validated:
        _validation(axes[0, 0], axes[0, 1], validated)
    for axis in axes[0]:
        axis.grid(alpha=0.3)
    return _png(figure)


def _validation(loss: Any, metrics: Any, rows: Sequence[Mapping[str, float]]) -> None:
    steps = [row["step"] for row in rows]
    least = min(rows, key=lambda row: row["val_loss"])
    loss.plot(steps, [row["val_loss"] for row in rows], color=COLORS[0], marker=".", label="val")
    loss.axvline(least["step"], color=COLORS[0], lw=1, ls="--")
    loss.legend()
    for name, color in zip((n for n in rows[0] if n.startswith("val_")), COLORS, strict=False):
        if name != "val_loss":
            metrics.plot(steps, [row[name] for row in rows], color=color, marker=".", label=name)
    metrics.set(xlabel="step", ylabel="on the val split", ylim=(min(0, metrics.get_ylim()[0]), 1))
    metrics.legend(ncols=2, fontsize="small")


def confusion_matrix(names: Sequence[str], counts: Sequence[Sequence[int]]) -> bytes:
    """Rows are the truth, columns the answers; shaded by row share."""
    matrix = np.array(counts, float)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure, panel = plt.subplots(figsize=(0.75 * len(names) + 1.5, 0.6 * len(names) + 1))
    panel.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(matrix):
        dark = share[row, column] > 0.5
        panel.text(column, row, int(value), ha="center", va="center", color="w" if dark else "k")
    panel.set_xticks(range(len(names)), names, rotation=35, ha="right")
    panel.set_yticks(range(len(names)), names)
    panel.set(xlabel="answer", ylabel="truth")
    return _png(figure)


def opinions(estimates: pd.DataFrame) -> bytes:
    """Mean opinions of quality and importance, and the share of ROIs with each distortion.

    Args:
        estimates: columns question, mean (0 to 4, NaN for a distortion that is not there).
    """
    figure, panels = plt.subplots(1, 3, figsize=(12, 2.8))
    for panel, question, color in zip(panels, ("quality", "importance"), COLORS[2:], strict=False):
        means = estimates[estimates.question == question]["mean"].dropna()
        panel.hist(means, bins=np.linspace(0, 4, 21), color=color)
        panel.set(title=f"mean {question}", xlabel="0 bad, 4 excellent", ylabel="ROIs")
    panels[1].set(xlabel="0 unimportant, 4 essential")
    seen = estimates[~estimates.question.isin(("quality", "importance"))]
    shares = seen.groupby("question")["mean"].agg(lambda means: means.notna().mean())
    names = [name for name in in_order(seen.question) if name in shares]
    panels[2].barh(names[::-1], shares[names[::-1]], color=COLORS[3])
    panels[2].set(title="ROIs with the distortion", xlabel="share", xlim=(0, 1))
    figure.tight_layout()
    return _png(figure)
