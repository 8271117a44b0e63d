"""Learned metrics of pyiqa with weights from a file, made without the network."""

from pathlib import Path

import numpy as np
import pytest
import torch

from labelers.contracts.crops import Crop
from labelers.loading.iqa import blank_metric
from labelers.scorers.metric import LEARNED, PlainMetric, load_learned
from manifests.errors import SeagullError


def _lively(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    net = blank_metric(name, "cpu").net
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    return net


@pytest.mark.parametrize("name", ["lpips", "dists", "msswd"])
def test_scores_are_the_networks(name: str, tmp_path: Path) -> None:
    net, path = _lively(name), tmp_path / "weights.pth"
    torch.save(net.state_dict(), path)
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, (70, 90, 3)).astype(np.uint8)
    noisy = np.clip(reference + rng.normal(0, 40, reference.shape), 0, 255).astype(np.uint8)
    crop = Crop((5, 3, 48, 40), np.ones((40, 48), np.bool_))
    scores = load_learned(name, path, "cpu").scores(reference, [crop], [noisy, reference])

    def distance(image: np.ndarray, other: np.ndarray) -> float:
        pair = [torch.from_numpy(i.transpose(2, 0, 1))[None].float() / 255 for i in (image, other)]
        with torch.inference_mode():
            return float(net.eval()(*pair))

    masked = [crop.masked(i) for i in (noisy, reference)]
    assert scores.quality[0, 0] == pytest.approx(1 - distance(*masked), abs=1e-6)
    pasted = distance(crop.pasted(reference, noisy), reference)
    itself = distance(reference, reference)
    assert scores.importance[0, 0] == pytest.approx(pasted - itself, abs=1e-6)
    assert scores.importance[1, 0] == 0


# Left out: the same code over VGG, or seconds to fill it with random weights.
_SLOW = {"deepdc", "pieapp", "stlpips-vgg", "lpips-vgg", "lpips-vgg+"}


@pytest.mark.parametrize("name", sorted(set(LEARNED) - _SLOW))
def test_every_learned_metric_can_be_made_and_takes_its_least_crop(name: str) -> None:
    metric = PlainMetric(name, blank_metric(name, "cpu"), "cpu")
    side = LEARNED[name]
    image = np.random.default_rng(1).integers(0, 256, (side, side, 3)).astype(np.uint8)
    assert np.isfinite(metric.score(image, 255 - image))


def test_another_metrics_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(_lively("msswd").state_dict(), path)
    with pytest.raises(SeagullError, match=r"is not lpips: 0\.0% of its tensors match"):
        load_learned("lpips", path, "cpu")
