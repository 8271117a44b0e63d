"""FSDP2: processes that share the parameters take up what one began, and one what they did."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import fsdp_on_cpu
import numpy as np
import pytest

from manifests.config import Config, TrainConfig
from manifests.errors import SeagullError
from manifests.presets import to_yaml
from pipeline.run import learners
from training.train import learning
from training.train.loop import Trainer
from training.train.processes import accelerator

TRAINING = TrainConfig(
    steps=4, batch=4, rois=2, threads=1, checkpoint_every=1, validate_every=2, validate_rois=4
)
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
    "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
}


class StopError(Exception):
    pass


def add_val(workspace):
    """The training split's shards once more, as the val split."""
    shutil.copytree(workspace.shards("train"), workspace.shards("val"), dirs_exist_ok=True)
    card = json.loads(workspace.dataset_card.read_text())
    card["counts"]["val"] = card["counts"]["train"]
    workspace.dataset_card.write_text(json.dumps(card))


def rows(workspace, name):
    lines = (workspace.models / "pretrain" / name).read_text().splitlines()
    return [json.loads(line) for line in lines]


def shared(workspace, config, tmp_path, until):
    """Train with two processes that share the parameters, from the checkpoint to a step."""
    described = tmp_path / "config.yaml"
    described.write_text(to_yaml(config))
    command = [sys.executable, fsdp_on_cpu.__file__, str(workspace.root), str(described), until]
    root = str(Path(learning.__file__).parents[2])
    common = os.environ | FSDP | learners._meeting(2) | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(command, env=common | {"RANK": str(n), "LOCAL_RANK": str(n)})
        for n in range(2)
    ]
    try:
        assert [process.wait(timeout=300) for process in started] == [0, 0]
    finally:
        for process in started:
            process.kill()


def test_parameters_are_shared_and_brought_together(workspace, small, tmp_path, monkeypatch):
    add_val(workspace)
    config = Config(network=small, pretrain=TRAINING)
    learning.pretrain(workspace, config)
    losses = [row["loss"] for row in rows(workspace, "curve.jsonl")]
    validation = rows(workspace, "validation.jsonl")
    (workspace.models / "pretrain" / "done.json").unlink()

    def stopped(self, run, position):
        real(self, run, position)
        raise StopError

    real = Trainer._after
    with monkeypatch.context() as patched, pytest.raises(StopError):
        patched.setattr(Trainer, "_after", stopped)
        learning.pretrain(workspace, config)
    shared(workspace, config, tmp_path, until="3")
    assert list((workspace.models / "pretrain").glob("checkpoint-*3"))
    learning.pretrain(workspace, config)
    found = [row["loss"] for row in rows(workspace, "curve.jsonl")]
    assert len(found) == 4
    np.testing.assert_allclose(found, losses, rtol=1e-5)
    for one, other in zip(rows(workspace, "validation.jsonl"), validation, strict=True):
        assert one["step"] == other["step"] and one.keys() == other.keys()
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "asks for DEEPSPEED"),
        ({"ACCELERATE_USE_FSDP": "true"}, "fsdp_version: 2"),
    ],
)
def test_what_accelerate_may_ask_for_and_is_not_here_is_said(asked, words, monkeypatch):
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SeagullError, match=words):
        accelerator(dataclasses.replace(TRAINING), "no", 1)
