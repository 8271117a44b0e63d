"""What a run's event log shows: throughput over time, slowest scenes, where the time went."""

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from pipeline.run.events import Event

_BINS = 40
_SLOWEST = 12


def run_figure(events: Sequence[Event]) -> bytes:
    """A PNG of three panels; at least one event."""
    table = pd.DataFrame([vars(event) for event in events])
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 3.2), width_ratios=(2, 2, 1))
    _throughput(left, table)
    _slowest(middle, table)
    _where(right, table)
    sink = io.BytesIO()
    figure.tight_layout()
    figure.savefig(sink, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return sink.getvalue()


def _throughput(panel: Axes, table: pd.DataFrame) -> None:
    """Scenes a minute by stage. Pauses between runs are left out: their bins are empty."""
    begin = float((table.ended - table.seconds).min())
    minutes = (table.ended - begin) / 60
    edges = np.linspace(0, max(float(minutes.max()), 1e-3) * 1.001, _BINS + 1)
    width = edges[1] - edges[0]
    for stage, mine in minutes.groupby(table.stage):
        count, _ = np.histogram(mine, edges)
        panel.stairs(count / width, edges, label=str(stage), lw=1.5)
    failed = minutes[table.status != "done"]
    if len(failed):
        panel.plot(failed, np.zeros(len(failed)), "rx", label="failed", clip_on=False)
    panel.set(xlabel="minutes since the first began", ylabel="scenes a minute", title="throughput")
    panel.legend(fontsize=8)


def _slowest(panel: Axes, table: pd.DataFrame) -> None:
    totals = table.pivot_table(index="scene", columns="stage", values="seconds", aggfunc="sum")
    order = totals.sum(axis=1).nlargest(_SLOWEST).index[::-1]
    start = np.zeros(len(order))
    for stage in totals.columns:
        seconds = totals.loc[order, stage].fillna(0).to_numpy()
        panel.barh(range(len(order)), seconds, left=start, label=stage)
        start += seconds
    panel.set_yticks(range(len(order)), [str(name)[:28] for name in order], fontsize=7)
    panel.set(xlabel="seconds", title="slowest scenes")


def _where(panel: Axes, table: pd.DataFrame) -> None:
    """Processor time, and the time in which a worker had a scene and waited."""
    sums = table.groupby("stage")[["seconds", "cpu_seconds"]].sum() / 3600
    waiting = (sums.seconds - sums.cpu_seconds).clip(lower=0)
    panel.bar(sums.index, sums.cpu_seconds, label="processor")
    panel.bar(sums.index, waiting, bottom=sums.cpu_seconds, color="#cccccc", label="waiting")
    panel.set(ylabel="hours", title="where the time went")
    panel.legend(fontsize=8)
