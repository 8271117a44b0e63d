"""Operations of one TOPIQ label, counted by torch, and what a dataset's labels would cost a GPU.

    python -m labelers.checks.topiq_flops [SHARE]

counts 2 for a multiplication with its addition, in convolutions, matrix products and attention, for
one rendering of a square ROI at a long edge of 1024. SHARE is the part of a GPU's peak that is
reached (default 0.3); hours are an estimate from counting, not measured.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from labelers.contracts.crops import Crop
from labelers.loading import onednn
from labelers.loading.iqa import create_metric

LABELS = 33_000_000  # of SEAGULL-100w, each a quality and an importance
_HEIGHT, _WIDTH = 683, 1024
_SIDES = (64, 128, 247, 400)  # 247: the mean ROI of 61,000 pixels
_PEAK = 67e12  # operations a second: an H100's fp32, without tensor cores, by its data sheet


def gflop(work: Callable[[], Any]) -> float:
    """Billions of operations that `work` does in torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, sdpa_flop_count

    def convolution(x: Any, weight: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        return int(conv_flop_count(list(x), list(weight), list(out_shape)))

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    def linear(x: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        return 2 * math.prod(out_shape) * int(x[-1])

    aten = torch.ops.aten
    mapping = {
        aten.mkldnn_convolution: convolution,
        aten._scaled_dot_product_flash_attention_for_cpu: attention,
    }
    if onednn.available():
        mapping[torch.ops.mkldnn._linear_pointwise] = linear
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        work()
    return counter.get_total_flops() / 1e9


def count(sides: tuple[int, ...] = _SIDES) -> list[tuple[int, float, float]]:
    """Side of a ROI in the middle, GFLOP of its quality and of its importance, one rendering."""
    import torch

    from labelers.scorers.topiq import Topiq

    metric = create_metric("topiq_fr", device="cpu", pretrained=False, backbone_pretrain=False)
    engine = Topiq(metric, "cpu")
    reference = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    one, rows = [np.full_like(reference, 9)], []
    with torch.inference_mode():
        whole = engine.opened(reference)
        for side in sides:
            box = ((_WIDTH - side) // 2, (_HEIGHT - side) // 2, side, side)
            crop = Crop(box, np.ones((side, side), bool))
            once = gflop(partial(engine.net.features, [crop.masked(reference)]))
            quality = gflop(partial(engine.quality, crop, reference, one)) - once
            importance = gflop(partial(engine.importance, crop, whole, reference, one))
            rows.append((side, quality, importance))
    return rows


def main() -> None:
    """Print the table."""
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3
    for side, quality, importance in count():
        a_second = _PEAK * share / (quality + importance) / 1e9
        print(
            f"ROI {side} x {side}: quality {quality:.1f} GFLOP, importance {importance:.1f}; at"
            f" {share:.0%} of 67 TFLOP/s {a_second:,.0f} labels a second,"
            f" {LABELS / a_second / 3600:,.0f} GPU hours for {LABELS:,}"
        )


if __name__ == "__main__":
    main()
