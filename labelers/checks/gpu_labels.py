"""Segmenter and label engine on a GPU against the CPU, for `seagull gpu-check`.

Random weights, a drawn image. For each precision the rate and the largest error against fp32 on
the CPU.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop
from labelers.engine.rois import random_points
from labelers.loading.iqa import create_metric

_EDGE = 512
_POINTS = 16
_RENDERINGS = 8


def rows(device: str, sam: Any, edge: int = _EDGE) -> list[dict[str, Any]]:
    """One row a model and precision: what, per_s (a second of `device`), error, unit."""
    reference = _drawn(edge, 0)
    return [_masks(device, sam, reference), *_labels(device, reference)]


def _drawn(edge: int, number: int) -> Image:
    """Smooth colors with noise that grows with `number`, edge x edge."""
    rng = np.random.default_rng(number)
    across, down = np.meshgrid(np.linspace(0, 200, edge), np.linspace(0, 200, edge))
    base = np.stack([down, across, 200 - across], axis=-1)
    return np.clip(base + rng.normal(0, 10 + 5 * number, base.shape), 0, 255).astype(np.uint8)


def _masks(device: str, sam: Any, reference: Image) -> dict[str, Any]:
    from labelers.loading.precision import precision
    from labelers.segmenters.sam import SamSegmenter

    edge = reference.shape[0]
    xy = random_points(edge, edge, "gpu-check", 0, _POINTS)

    def found(where: str) -> list[Any]:
        with precision("fp32", where):
            prompted = SamSegmenter(sam.to(where), -1e9).open(reference)
            return [c.mask for candidates in prompted.points(xy) for c in candidates]

    expected = found("cpu")
    masks, seconds = _timed(lambda: found(device), device)
    differ = max(float((a != b).mean()) for a, b in zip(masks, expected, strict=True))
    return _row("SAM masks, fp32", len(masks) / seconds, differ, "share of pixels")


def _labels(device: str, reference: Image) -> list[dict[str, Any]]:
    import torch

    from labelers.scorers.topiq import Topiq

    torch.manual_seed(0)
    metric = create_metric("topiq_fr", device="cpu", pretrained=False, backbone_pretrain=False)
    renderings = [_drawn(reference.shape[0], k + 1) for k in range(_RENDERINGS)]
    edge = reference.shape[0]
    boxes = [(0, 0, edge // 4, edge // 4), (edge // 3, edge // 4, edge // 2, edge // 3)]
    crops = [Crop(box, np.ones((box[3], box[2]), np.bool_)) for box in boxes]
    expected = Topiq(metric, "cpu").scores(reference, crops, renderings)
    made = []
    for name in ("fp32", "tf32", "bf16"):
        engine = Topiq(metric, device, name)
        run = lambda engine=engine: engine.scores(reference, crops, renderings)  # noqa: E731
        scores, seconds = _timed(run, device)
        error = max(
            float(np.abs(scores.quality - expected.quality).max()),
            float(np.abs(scores.importance - expected.importance).max()),
        )
        rate = len(crops) * len(renderings) / seconds
        made.append(_row(f"TOPIQ labels, {name}", rate, error, "score"))
    return made


def _timed(work: Callable[[], Any], device: str) -> tuple[Any, float]:
    """Return the second run's result and seconds: the first one warms up a GPU."""
    import torch

    if device != "cpu":
        work()
        torch.cuda.synchronize()
    start = time.perf_counter()
    result = work()
    return result, max(time.perf_counter() - start, 1e-9)


def _row(what: str, rate: float, error: float, unit: str) -> dict[str, Any]:
    return {"what": what, "per_s": round(rate, 2), "error": f"{error:.1e}", "unit": unit}


def published_sam() -> Any:
    """Segment-anything's vit_b with random weights."""
    import torch
    from segment_anything import sam_model_registry

    torch.manual_seed(0)
    return sam_model_registry["vit_b"]().eval()
