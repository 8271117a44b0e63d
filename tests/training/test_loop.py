import json
import math
import time

import pytest
import torch

from manifests.config import TrainConfig
from manifests.errors import SeagullError
from training.data.batches import prefetch
from training.data.feed import Feed
from training.data.shard_reader import read_card
from training.data.texts import DISTORTION_QUESTION
from training.evaluate.answer import generate_answers
from training.network.network import build
from training.train.loop import Trainer, learning_rate
from training.train.training_state import load_trained, trained_state

CONFIG = TrainConfig(batch=2, rois=2, threads=1, checkpoint_every=2, learning_rate=1e-3)


def trainer(workspace, small, folder, steps=5, key="k"):
    network = build(small, seed=0)
    feed = Feed(workspace, read_card(workspace), small, CONFIG, network.sequencer, seed=0)
    return Trainer(network, CONFIG, steps, folder, key), feed


class StopError(Exception):
    pass


def stopping(batches, after):
    """The same batches, cut off as by a kill."""

    def cut(start):
        for n, batch in enumerate(batches(start), start):
            if n == after:
                raise StopError
            yield batch

    return cut


def test_a_resumed_training_equals_an_uninterrupted_one(workspace, small, tmp_path):
    whole, feed = trainer(workspace, small, tmp_path / "whole")
    whole.run(feed.batches)
    cut, feed = trainer(workspace, small, tmp_path / "cut")
    with pytest.raises(StopError):
        cut.run(stopping(feed.batches, after=3))
    again, feed = trainer(workspace, small, tmp_path / "cut")
    again.run(feed.batches)
    wanted, found = trained_state(whole.network), trained_state(again.network)
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[k], found[k]) for k in wanted)
    curves = [
        [json.loads(line) for line in (tmp_path / name / "curve.jsonl").read_text().splitlines()]
        for name in ("whole", "cut")
    ]
    first, second = ([(r["step"], r["loss"], r["lr"]) for r in curve] for curve in curves)
    assert first == second
    assert [step for step, _, _ in first] == [1, 2, 3, 4, 5]


def test_waiting_for_data_is_measured(workspace, small, tmp_path):
    made, feed = trainer(workspace, small, tmp_path, steps=3)

    def slow(start):
        for batch in feed.batches(start):
            time.sleep(0.3)
            yield batch

    began = time.perf_counter()
    made.run(slow)
    took = time.perf_counter() - began
    row = json.loads((tmp_path / "curve.jsonl").read_text().splitlines()[-1])
    assert 0.9 / took < row["data_wait"] < 1
    assert row["samples_per_s"] > 3 * made.config.batch * made.config.rois / took


def test_a_checkpoint_of_other_data_is_not_resumed(workspace, small, tmp_path):
    first, feed = trainer(workspace, small, tmp_path, steps=3)
    with pytest.raises(StopError):
        first.run(stopping(feed.batches, after=2))
    other, feed = trainer(workspace, small, tmp_path, steps=1, key="other")
    other.run(feed.batches)
    assert len((tmp_path / "curve.jsonl").read_text().splitlines()) == 1


def test_batches_do_not_depend_on_threads(workspace, small):
    network = build(small, seed=0)
    made = []
    for threads in (1, 3):
        config = TrainConfig(batch=2, rois=3, threads=threads)
        feed = Feed(workspace, read_card(workspace), small, config, network.sequencer, seed=0)
        stream = feed.batches(0)
        made.append([next(stream) for _ in range(4)])
    for one, three in zip(*made, strict=True):
        assert torch.equal(one.ids, three.ids)
        assert torch.equal(one.pixels.patches, three.pixels.patches)


def test_ahead_is_map():
    assert list(prefetch(lambda x: x * x, range(50), 3, depth=7)) == [x * x for x in range(50)]


def test_schedule():
    config = TrainConfig(learning_rate=1.0, warm_up=0.1)
    rates = [learning_rate(s, 100, config) for s in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (n + 1) for n in range(10)])
    assert rates[10] == 1.0 and rates[55] == pytest.approx(0.5)
    wanted = [0.5 * (1 + math.cos(math.pi * n / 90)) for n in range(90)]
    assert rates[10:] == pytest.approx(wanted)


def test_it_overfits_a_handful(workspace, small, tmp_path):
    config = TrainConfig(batch=2, rois=2, threads=1, learning_rate=3e-3)
    network = build(small, seed=0)
    feed = Feed(workspace, read_card(workspace), small, config, network.sequencer, seed=0)
    batch = next(feed.batches(0))
    made = Trainer(network, config, 50, tmp_path, "")
    made.run(lambda start: iter([batch] * 50))
    network.eval()
    with torch.no_grad():
        seen, _ = network.look(batch.pixels)
        said = network.token_logits(batch.ids, batch.attention, seen).argmax(-1)[:, :-1]
    learned = batch.labels[:, 1:] != -100
    assert (said == batch.labels[:, 1:])[learned].float().mean() > 0.97
    assert len(generate_answers(network, seen, DISTORTION_QUESTION)) == 4


def test_weights_of_another_network_are_refused(small, tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(SeagullError, match="another network"):
        load_trained(build(small, seed=0), path)
    path.write_bytes(b"cut")
    with pytest.raises(SeagullError, match="cannot be read"):
        load_trained(build(small, seed=0), path)
