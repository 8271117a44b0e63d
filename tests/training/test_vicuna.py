"""`network.llm` alone, with a folder as Vicuna's authors published it: fp16, SentencePiece."""

import dataclasses
import json

import numpy as np
import pytest
import timm
import torch
from llama_folders import write_vicuna

from manifests.config import Config, TrainConfig
from manifests.presets import PRESETS
from training import open_network
from training.data.feed import Feed
from training.data.shard_reader import read_card
from training.network.network import READERS, build, without_gradients
from training.train import learning
from training.train.learning_stage import pretraining
from training.train.loop import Trainer


@pytest.fixture(scope="module")
def vicuna(tmp_path_factory):
    return write_vicuna(tmp_path_factory.mktemp("llm") / "vicuna")


def test_half_precision_as_the_file_has_it_is_nan_after_a_step(vicuna):
    """Why the defaults are what they are: the obvious way, transformers' own and AdamW."""
    from transformers import AutoModelForCausalLM

    llm = AutoModelForCausalLM.from_pretrained(vicuna)
    assert llm.dtype == torch.float16
    optimizer = torch.optim.AdamW(llm.parameters(), lr=1e-4)
    ids = torch.tensor([[1, 5, 6, 7]])
    llm(ids, labels=ids).loss.backward()
    optimizer.step()
    assert llm(ids, labels=ids).loss.isnan()


def test_the_folder_alone_implies_lora_and_bf16(vicuna, small):
    config = dataclasses.replace(small, llm=str(vicuna))
    assert (config.rank, config.alpha, build(config, 0).llm.dtype) == (128, 256, torch.bfloat16)
    whole = build(dataclasses.replace(config, lora_rank=0), 0)
    assert whole.llm.dtype == torch.float32 and whole.llm.lm_head.weight.requires_grad


@pytest.mark.parametrize("changed", [{}, {"lora_rank": 0}], ids=["alone", "whole"])
def test_the_folder_alone_is_finite_from_the_first_step(changed, vicuna, small, workspace):
    network = dataclasses.replace(small, llm=str(vicuna), **changed)
    training = TrainConfig(steps=3, batch=2, threads=1)
    learning.pretrain(workspace, Config(network=network, pretrain=training))
    curve = (workspace.models / "pretrain" / "curve.jsonl").read_text().splitlines()
    assert len(curve) == 3 and all(np.isfinite(json.loads(line)["loss"]) for line in curve)


class StopError(Exception):
    pass


def test_steps_resume_export_ask(vicuna, small, workspace, tmp_path, monkeypatch):
    encoder = tmp_path / "encoder.pt"
    torch.save(timm.create_model("test_convnext").state_dict(), encoder)
    network = dataclasses.replace(
        small,
        llm=str(vicuna),
        encoder="test_convnext",
        encoder_weights=str(encoder),
        local_view="crop",
        lora_rank=4,
    )
    training = TrainConfig(
        steps=2, batch=2, threads=1, checkpoint_every=1, learning_rate=1e-4,
        gradient_checkpointing=True, auxiliary=0.0,
    )  # fmt: skip
    config = Config(network=network, pretrain=training, finetune=training)
    real = Trainer._after

    def stopped(self, run, position):
        real(self, run, position)
        raise StopError

    monkeypatch.setattr(Trainer, "_after", stopped)
    with pytest.raises(StopError):
        learning.pretrain(workspace, config)
    monkeypatch.setattr(Trainer, "_after", real)
    assert learning.pretrain(workspace, config)["judged_quality"] >= 0
    curve = (workspace.models / "pretrain" / "curve.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["loss"]) for line in curve) and len(curve) == 2

    folder = tmp_path / "exported"
    learning.export_model(workspace, config, "pretrain", folder, "ours")
    image = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    mask = np.zeros((90, 120), np.bool_)
    mask[10:60, 20:80] = True
    merged = open_network(folder).ask(image, mask)
    adapted = open_network(workspace.models / "pretrain").ask(image, mask)
    # LoRA merged into bf16 weights is rounded once.
    assert merged.quality.score == pytest.approx(adapted.quality.score, abs=0.02)

    model = dataclasses.replace(network, model=str(folder), encoder_weights="")
    asked = learning.evaluate(workspace, dataclasses.replace(config, network=model, seed=1))
    assert asked["quality_grade_majority"] > 0


@pytest.mark.parametrize("preset", ["seagull-7b", "seagull-7b-released"])
def test_every_parameter_that_learns_has_a_gradient(preset, vicuna, workspace, tmp_path):
    """DDP waits for each of them; `auxiliary` is 0, so the loop freezes the heads."""
    encoder = tmp_path / "encoder.pt"
    torch.save(timm.create_model("test_convnext").state_dict(), encoder)
    config = dataclasses.replace(
        PRESETS[preset].network, view=64, patch=64, width=32, lora_rank=4, llm=str(vicuna),
        encoder="test_convnext", encoder_weights=str(encoder),
    )  # fmt: skip
    network = build(config, 0).train()
    without_gradients(network, READERS)
    training = dataclasses.replace(
        PRESETS[preset].pretrain, batch=2, micro_batch=0, rois=2, threads=1
    )
    feed = Feed(workspace, read_card(workspace), config, training, network.sequencer, seed=0)
    batch = next(feed.batches(0))
    with torch.autocast("cpu", torch.bfloat16):
        network(batch, 0.0).backward()
    learning = [n for n, p in network.named_parameters() if p.requires_grad]
    assert any("lora_B" in n for n in learning) and any("project_image" in n for n in learning)
    found = dict(network.named_parameters())
    assert [n for n in learning if found[n].grad is None] == []


def test_every_file_of_weights_is_in_the_fingerprint(vicuna, small, workspace):
    config = Config(network=dataclasses.replace(small, llm=str(vicuna)))
    before = pretraining(workspace, config).key()
    weights = vicuna / "pytorch_model.bin"
    kept = weights.read_bytes()
    weights.write_bytes(kept + b"\0")
    assert pretraining(workspace, config).key() != before
    weights.write_bytes(kept)
