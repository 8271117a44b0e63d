import dataclasses

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from manifests.config import NetworkConfig, TrainConfig
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from training.data.feed import Feed
from training.data.shard_reader import read_card
from training.network.network import build
from training.train.footprint import footprint
from training.train.network_plan import rows

TRAINING = TrainConfig(batch=4, rois=2, threads=1, auxiliary=0.0, precision="fp32")


def kept_by_allocator(network, batch) -> int:
    """Bytes that the allocator gave in a forward pass and did not get back."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        loss = network(batch, 0.0)
    del loss
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    before_deletion = [e.nbytes() for e in events]
    level, peak = 0, 0
    for size in before_deletion:
        level += size
        peak = max(peak, level)
    return peak


def test_what_is_counted_is_what_a_small_network_takes(workspace):
    config = NetworkConfig(view=128, patch=64, width=64)
    network = build(config, seed=0).train()
    feed = Feed(workspace, read_card(workspace), config, TRAINING, network.sequencer, seed=0)
    batch = next(feed.batches(0))
    counted = footprint(config, TRAINING, 4)
    assert sum(counted.parameters.values()) == sum(p.numel() for p in network.parameters())
    optimizer = torch.optim.AdamW(network.parameters())
    network(batch, 0.5).backward()
    optimizer.step()
    moments = [t for state in optimizer.state.values() for t in state.values() if t.dim()]
    assert counted.optimizer == sum(t.nbytes for t in moments)
    assert counted.gradients == sum(p.grad.nbytes for p in network.parameters())
    assert counted.saved == pytest.approx(kept_by_allocator(network, batch), rel=0.1)


def test_the_papers_network_is_counted_without_its_weights(tmp_path):
    said = rows(Workspace(tmp_path), PRESETS["seagull-7b"])
    assert said["parameters, llm"] == "6,738,415,616"  # Llama-7B's own count
    assert said["parameters, encoder"] == "196,227,264"  # ConvNeXt-L's features
    # LoRA 128 on the seven linears of 32 layers: r (in + out) each.
    square, wide = 4096 + 4096, 4096 + 11008
    assert said["parameters, lora"] == f"{32 * 128 * (4 * square + 3 * wide):,}"
    assert said["pretrain, steps"] == "30,548" and said["finetune, steps"] == "2,446"
    assert float(said["GiB a GPU, all"]) < 24
    assert said["GPUs of 24 GiB"].startswith("1 to 8")


def test_checkpointing_keeps_less():
    config = dataclasses.replace(PRESETS["seagull-7b"].pretrain, gradient_checkpointing=False)
    network = PRESETS["seagull-7b"].network
    saved = [footprint(network, t, 4).saved for t in (config, PRESETS["seagull-7b"].pretrain)]
    assert saved[1] < saved[0] / 5
