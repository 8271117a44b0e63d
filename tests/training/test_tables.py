import csv
import dataclasses
import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from manifests.config import Config, TrainConfig
from manifests.keys import DISTORTIONS
from manifests.workspace import Workspace
from training.data.feed import Feed
from training.data.instructions import Truth
from training.data.shard_reader import read_card
from training.evaluate import metrics
from training.evaluate.evaluation import Answered
from training.network.network import build
from training.tables import columns, table_runs
from training.tables.rendered import write_table
from training.train import stage_training

TRAINING = TrainConfig(steps=1, batch=2, rois=2, threads=1, questions="fixed")


@pytest.fixture
def config(small) -> Config:
    return Config(network=small, pretrain=TRAINING, finetune=TRAINING)


def test_table_4_is_taken_up_and_ends_with_a_table(workspace, config, monkeypatch):
    trained = []
    real = stage_training.train
    monkeypatch.setattr(columns, "REPLICATES", 20)

    def train(stage):
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(stage.name)
        real(stage)

    monkeypatch.setattr(stage_training, "train", train)
    names = [name for wave in table_runs.waves(4, config) for name in wave]
    with pytest.raises(KeyboardInterrupt):
        for name in names:
            table_runs.make(workspace, config, 4, name)
    monkeypatch.setattr(stage_training, "train", lambda s: (trained.append(s.name), real(s))[1])
    for name in names:
        table_runs.make(workspace, config, 4, name)
    # Three pretrainings (whole, no local, no global); five rows.
    assert sorted(trained) == ["finetune"] * 5 + ["pretrain"] * 3
    said = write_table(workspace, config, 4)["table"]
    assert len(trained) == 8
    for run in table_runs.runs(4, config):
        assert f"| {run.name} | this dataset, raters: simulated |" in said
    with (workspace.root / "tables" / "table4.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and rows[-1]["data"].startswith("paper")
    low, value, high = (float(rows[0][f"type_f1{end}"]) for end in ("_low", "", "_high"))
    assert low <= value <= high
    tex = (workspace.root / "tables" / "table4.tex").read_text()
    assert tex.count(r"\\") == 7 and "_" not in tex.replace(r"\_", "")


def test_ablations_differ_in_what_their_names_say(workspace, config):
    study = Workspace(workspace.study)
    found = {}
    for run in table_runs.runs(4, config):
        network = build(run.config.network, 0)
        feed = Feed(
            *(study, read_card(study), run.config.network, run.config.finetune),
            *(network.sequencer, 0),
        )
        epoch = feed._fixed_epoch(0)
        asked = [i.kind for item in enumerate(epoch) for i in feed._draw(item).instructions]
        judged = sum(kind.startswith("judge") for kind in asked)
        tokens = network.look(next(feed.batches(0)).pixels)[0].regions.shape[2]
        found[run.name] = (judged, len(asked) - judged, tokens, run.config.finetune.scratch)
    air = 14 * 2 * 3
    assert found == {
        "without pre-training": (air, air, 2, True),
        "without JIR": (0, air, 2, False),
        "without local view": (air, air, 1, False),
        "without global view": (air, air, 1, False),
        "SEAGULL (ours)": (air, air, 2, False),
    }


def test_scales_take_their_share_of_the_images(workspace, config):
    runs = table_runs.runs(3, config)
    assert [run.name for run in runs] == ["0 %", "25 %", "50 %", "100 %"]
    drawn = dataclasses.replace(TRAINING, questions="drawn", steps=0)
    counts = []
    for run in table_runs.runs(3, dataclasses.replace(config, pretrain=drawn))[1:]:
        sequencer = build(run.config.network, 0).sequencer
        card = read_card(workspace)
        feed = Feed(workspace, card, run.config.network, run.config.pretrain, sequencer, seed=0)
        counts.append(feed.epoch)
    assert counts[0] < counts[1] < counts[2] == 14


def answered(seed, images=40, rois=3):
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(images * rois):
        true, said = rng.random(2)
        severities = {d: 2 for d in DISTORTIONS if rng.random() < 0.3}
        truth = Truth(f"i{n // rois}", f"r{n}", 4 * true, 4 * true, 0, 0, severities)
        rows.append(Answered(truth, 4 * (true + said), 4 * said, 0, 0, "With blur distortions."))
    return rows


def test_intervals_hold_the_number_and_narrow_with_images():
    few, many = answered(0), answered(1, images=400)
    widths = []
    for rows in (few, many):
        found, bounds = columns.numbers(rows), columns.intervals(rows)
        assert all(bounds[name][0] <= found[name] <= bounds[name][1] for name in found)
        low, high = bounds["quality_srocc"]
        widths.append(high - low)
        types = [frozenset(r.truth.severities) for r in rows]
        said = [frozenset({"blur"})] * len(rows)
        averages = metrics.sample_average(said, types)
        assert [found[f"type_{k}"] for k in averages] == pytest.approx(list(averages.values()))
        pooled = metrics.pooled_f1(said, types, DISTORTIONS)
        assert {t: found[t] for t in pooled} == pytest.approx(pooled)
        wanted = spearmanr([r.quality for r in rows], [r.truth.quality for r in rows])[0]
        assert found["quality_srocc"] == pytest.approx(wanted)
    assert widths[1] == pytest.approx(widths[0] / 10**0.5, rel=0.5)


def test_answers_are_written_and_read(tmp_path):
    rows, path = answered(2, images=2), tmp_path / "answers.json"
    assert table_runs.cached_answers(path, "k", lambda: rows) == rows
    assert table_runs.cached_answers(path, "k", lambda: 1 / 0) == rows
    assert json.loads(path.read_text())["key"] == "k"
