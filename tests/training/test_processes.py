"""Several processes learn what one does; a stopped training goes on with another number of them."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from manifests.config import Config, TrainConfig
from manifests.errors import SeagullError
from manifests.presets import to_yaml
from manifests.workspace import Workspace
from pipeline.run import learners
from training.data.feed import Feed, Ranks
from training.data.shard_reader import read_card
from training.network.network import build
from training.train import learning
from training.train.loop import Trainer

TRAINING = TrainConfig(steps=4, batch=4, rois=2, threads=1, checkpoint_every=2)


class StopError(Exception):
    pass


def losses(workspace):
    lines = (workspace.models / "pretrain" / "curve.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def stopping_after(steps):
    real = Trainer._after

    def after(self, run, position):
        real(self, run, position)
        if position.step == steps:
            raise StopError

    return after


@pytest.fixture(scope="module")
def begun(tmp_path_factory, small, shards_in):
    """What one process learns, and a workspace in which it was stopped after two steps of four."""
    workspace = shards_in(tmp_path_factory.mktemp("processes") / "out")
    config = Config(network=small, pretrain=TRAINING)
    learning.pretrain(workspace, config)
    whole = losses(workspace)
    assert len(whole) == 4
    (workspace.models / "pretrain" / "done.json").unlink()
    with pytest.MonkeyPatch.context() as patched, pytest.raises(StopError):
        patched.setattr(Trainer, "_after", stopping_after(2))
        learning.pretrain(workspace, config)
    assert list((workspace.models / "pretrain").glob("checkpoint-*2"))
    return workspace, config, whole


def by_accelerate(name, workspace, config, processes):
    """As a user of Accelerate starts it; on a machine without GPUs its processes take CPUs."""
    described = workspace.root / "given.yaml"
    described.write_text(to_yaml(config))
    options = ["--multi_gpu", "--num_processes", str(processes), "--num_machines", "1"]
    options += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *options, "-m", "pipeline.cli"]
    command += [name, "--out", str(workspace.root), "--config", str(described)]
    root = str(Path(learning.__file__).parents[2])
    subprocess.run(command, check=True, cwd=root, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning")  # Ray's own
@pytest.mark.parametrize("launch", [learners.by_processes, by_accelerate, learners.by_ray])
def test_two_processes_take_up_what_one_began_and_learn_the_same(
    begun, launch, tmp_path, monkeypatch
):
    stopped, config, whole = begun
    workspace = Workspace(tmp_path / "out")
    shutil.copytree(stopped.root, workspace.root)
    monkeypatch.setenv("PYTHONPATH", str(Path(learning.__file__).parents[2]))  # for Ray's workers
    launch("pretrain", workspace, config, 2)
    assert (workspace.models / "pretrain" / "evaluation.json").is_file()
    np.testing.assert_allclose(losses(workspace), whole, rtol=1e-5)
    assert not list(workspace.root.glob(".ray-*"))


def test_accumulated_micro_batches_learn_the_same(workspace, small):
    # Batch norms see micro-batches: only what has none is the same.
    small = dataclasses.replace(small, encoder="test_convnext", local_view="crop")
    found = []
    for micro in (4, 2):
        training = dataclasses.replace(TRAINING, micro_batch=micro)
        learning.pretrain(workspace, Config(network=small, pretrain=training))
        found.append(losses(workspace))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def feed(workspace, small, ranks=Ranks(), **changes):  # noqa: B008
    training = dataclasses.replace(TRAINING, **changes)
    card = read_card(workspace)
    sequencer = build(small, 0).sequencer
    return Feed(workspace, card, small, training, sequencer, 0, ranks=ranks)


@pytest.mark.parametrize("questions", ["drawn", "fixed"])
def test_ranks_share_each_batch_whatever_their_number(workspace, small, questions):
    def views(ranks, micro, start):
        given = feed(workspace, small, ranks, micro_batch=micro, questions=questions)
        stream = given.batches(start)
        return torch.cat([next(stream).pixels.views for _ in range(given.accumulation)])

    whole = views(Ranks(), 4, start=5)
    shared = [views(Ranks(rank, 2), 1, start=5) for rank in range(2)]
    assert torch.equal(torch.cat(shared), whole)


def test_a_batch_that_does_not_divide_is_refused(workspace, small):
    with pytest.raises(SeagullError, match="does not divide into 3"):
        feed(workspace, small, Ranks(0, 3)).batches(0).__next__()


def test_an_epoch_of_fixed_questions_asks_each_once(workspace, small):
    given = feed(workspace, small, questions="fixed", rois=1)
    assert given.epoch == 14 * 2 * 6
    asked = [(p.rendering_id, pairs) for p, pairs in given._fixed_epoch(0)]
    assert len(set(asked)) == len(asked) == given.epoch
    assert asked != [(p.rendering_id, pairs) for p, pairs in given._fixed_epoch(1)]
    without = feed(workspace, small, questions="fixed", rois=1, judgments=0.0)
    assert without.epoch == 14 * 2 * 3
