"""A training step on a device against the CPU in fp32: rate, and the error of loss and gradients.

The compact network, random weights and pixels, real sequences. It says that the step runs and how
far it is from the CPU's; it says nothing of what is learned.
"""

import time
from collections.abc import Iterator
from typing import Any

import torch

from manifests.config import NetworkConfig
from manifests.keys import DISTORTIONS
from training.data import texts
from training.data.batches import Batch, Pixels, collate
from training.data.instructions import Truth
from training.data.sample_arrays import STATISTICS
from training.network.network import Network, build

_IMAGES, _ROIS = 8, 4


def rows(device: str) -> list[dict[str, Any]]:
    """One row a precision: what, ROIs per_s, relative error (loss, gradient norm), unit."""
    config = NetworkConfig()
    expected, _ = _step(build(config, 0), _batch(config), "cpu", torch.float32)
    return list(_rows(config, expected, device))


def _rows(config: NetworkConfig, expected: torch.Tensor, device: str) -> Iterator[dict[str, Any]]:
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        network = build(config, 0)
        batch = _batch(config)
        numbers, _ = _step(network, batch, device, dtype)
        _, seconds = _step(network, batch, device, dtype)  # the first warms up
        error = float(((numbers - expected) / expected).abs().max())
        yield {
            "what": f"training step, {name}",
            "per_s": round(_IMAGES * _ROIS / seconds, 2),
            "error": f"{error:.1e}",
            "unit": "of loss and gradient norm",
        }


def _step(
    network: Network, batch: Batch, device: str, dtype: torch.dtype
) -> tuple[torch.Tensor, float]:
    """Loss and norm of the gradient, float64 (2,), and the seconds of forward and backward."""
    network.to(device).train().zero_grad(set_to_none=True)
    begun = time.perf_counter()
    half = dtype is torch.bfloat16
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
        loss = network.loss(batch.to(device), 0.5)
    loss.backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients]))
    numbers = torch.stack([loss.detach().float(), norm.float()]).cpu().double()
    return numbers, time.perf_counter() - begun


def _batch(config: NetworkConfig) -> Batch:
    draw = torch.Generator().manual_seed(0)

    def pixels(*shape: int, top: int = 256) -> torch.Tensor:
        return torch.randint(0, top, (_IMAGES, *shape), generator=draw, dtype=torch.uint8)

    view, patch = config.view, config.patch
    seen = Pixels(
        views=pixels(view, view, 3),
        masks=pixels(_ROIS, view, view, top=2),
        patches=pixels(_ROIS, patch, patch, 3),
        inside=pixels(_ROIS, patch, patch, top=2),
        statistics=torch.rand(_IMAGES, _ROIS, STATISTICS, generator=draw),
        keys=torch.arange(_IMAGES * _ROIS).view(_IMAGES, _ROIS),
    )
    present = [DISTORTIONS[n % len(DISTORTIONS)] for n in range(_IMAGES * _ROIS)]
    truths = [Truth("", "", 0.5, 0.5, 2, 2, {name: None}) for name in present]
    sequencer = build(config, 0).sequencer
    sequences = [
        sequencer.sequence(texts.DISTORTION_QUESTION, texts.distortion_answer(truth.severities))
        for truth in truths
    ]
    return collate(seen, truths, sequences, (1.0, 1.0), 0)
