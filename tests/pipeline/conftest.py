"""A workspace with a network, for what asks and shows: the small dataset, two steps of training."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tiny, tmp_path_factory) -> Path:
    """A copy of `tiny` with `models/pretrain` beside it."""
    from manifests.config import Config, NetworkConfig, TrainConfig
    from manifests.workspace import Workspace
    from training.train import learning

    out = tmp_path_factory.mktemp("trained") / "out"
    shutil.copytree(tiny, out)
    network = NetworkConfig(view=64, patch=32, width=32)
    training = TrainConfig(steps=2, batch=2, rois=2, threads=1)
    learning.pretrain(Workspace(out), Config(network=network, pretrain=training))
    return out
