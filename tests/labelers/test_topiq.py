"""The TOPIQ engine against pyiqa's own metric, on the same random weights, pair by pair."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from labelers.contracts.crops import Crop, Scores
from labelers.engine.label_engine import labeler_identity, load_labeler
from labelers.loading.iqa import create_metric
from labelers.scorers.metric import PlainMetric
from labelers.scorers.topiq import Topiq, load_topiq
from manifests.config import LabelsConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file

CASES = [  # height, width, box
    (64, 96, (20, 16, 24, 30)),
    (65, 97, (0, 0, 8, 9)),
    (63, 33, (0, 0, 33, 63)),
    (129, 70, (60, 100, 10, 29)),
    (17, 90, (33, 0, 1, 17)),
    (8, 8, (3, 3, 5, 5)),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the published file's form, with batch norms that do something."""

    torch.manual_seed(0)
    net = create_metric("topiq_fr", pretrained=False, backbone_pretrain=False).net
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    last = [layer for layer in net.score_linear if isinstance(layer, torch.nn.Linear)][-1]
    last.weight.data *= 10  # random scores are all alike; the published weights' span 0 to 1
    path = tmp_path_factory.mktemp("topiq") / "topiq.pth"
    torch.save({"params": net.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def pair(checkpoint: Path) -> tuple[PlainMetric, Topiq]:
    """Pyiqa's metric, pair by pair, and the engine, on the same weights."""
    metric = load_topiq("topiq_fr", checkpoint, "cpu")
    plain = PlainMetric("topiq_fr", metric, "cpu")
    plain.least = 1
    return plain, Topiq(metric, "cpu")


@pytest.mark.parametrize(("height", "width", "box"), CASES)
def test_equals_pyiqa(pair: tuple, height: int, width: int, box: tuple) -> None:
    theirs = _compare(pair, np.random.default_rng(height * width), height, width, box)
    assert np.ptp(theirs.quality[:, 0]) > 0.01 and np.abs(theirs.importance).max() > 1e-3


@pytest.mark.parametrize("seed", range(int(os.environ.get("SEAGULL_RANDOM_CASES", "4"))))
def test_equals_pyiqa_on_random_cases(pair: tuple, seed: int) -> None:
    """Sides 8 to 1024 (mostly small), any box; SEAGULL_RANDOM_CASES=500 for the long run."""
    rng = np.random.default_rng(seed)
    longest = 1024 if seed % 50 == 49 else 160
    height, width = np.exp(rng.uniform(np.log(8), np.log(longest), 2)).astype(int)
    x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
    w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
    if seed % 10 == 9:
        x, y, w, h = 0, 0, int(width), int(height)
    _compare(pair, rng, int(height), int(width), (x, y, w, h))


def _compare(pair: tuple, rng: np.random.Generator, height: int, width: int, box: tuple) -> Scores:
    reference = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    noisy = np.clip(reference + rng.normal(0, 30, reference.shape), 0, 255).astype(np.uint8)
    renderings = [noisy, reference, 255 - reference]
    crops = [
        Crop(box, np.ones((box[3], box[2]), np.bool_)),
        Crop(box, rng.random((box[3], box[2])) < 0.7),
    ]
    plain, engine = pair
    theirs = plain.scores(reference, crops, renderings)
    ours = engine.scores(reference, crops, renderings)
    np.testing.assert_allclose(ours.quality, theirs.quality, atol=1e-5)
    np.testing.assert_allclose(ours.importance, theirs.importance, atol=1e-5)
    assert (ours.importance[1] == 0).all()
    return theirs


def test_labels_do_not_depend_on_batches_or_order(
    pair: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(7)
    reference = rng.integers(0, 256, (70, 90, 3)).astype(np.uint8)
    renderings = [np.clip(reference // k + k, 0, 255).astype(np.uint8) for k in range(1, 8)]
    crops = [Crop(b, np.ones((b[3], b[2]), np.bool_)) for b in ((3, 5, 40, 33), (50, 9, 31, 60))]
    engine = pair[1]
    expected = engine.scores(reference, crops, renderings)
    backwards = engine.scores(reference, crops[::-1], renderings[::-1])
    for pixels in (1, 2**13, 2**20):
        monkeypatch.setattr("labelers.scorers.topiq._PIXELS", pixels)
        for found, turn in ((engine.scores(reference, crops, renderings), 1), (backwards, -1)):
            for name in ("quality", "importance"):
                ours, theirs = getattr(found, name)[::turn, ::turn], getattr(expected, name)
                np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_scorer_by_path(checkpoint: Path, tmp_path: Path) -> None:
    config = LabelsConfig("topiq_fr", str(checkpoint))
    labeler = load_labeler(config, "cpu")
    assert labeler.without_above == 0.92
    assert labeler.version.endswith(sha256_of_file(checkpoint)[:16])
    assert labeler.version in labeler_identity(config)
    with pytest.raises(
        SeagullError, match=r"download https://.*2c4cc61d.pth and set labels.weights"
    ):
        load_labeler(LabelsConfig("topiq_fr"), "cpu")
    state = torch.load(checkpoint, weights_only=True)["params"]
    foreign = tmp_path / "foreign.pth"
    torch.save({k: v for k, v in state.items() if "layer4" not in k}, foreign)
    with pytest.raises(SeagullError, match=r"of its tensors match"):
        load_labeler(LabelsConfig("topiq_fr", str(foreign)), "cpu")
