"""What labels and masks cost against the obvious loop: same run, same weights, same scores.

Weights are random (the cost does not depend on them), one thread, CPU seconds. Covers TOPIQ's
quality and importance against pyiqa's metric pair by pair, the weight-free scorer against pyiqa's
ssimc, and SAM (vit_b) against its own automatic generator on equally many points.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from labelers.candidates import Image
from labelers.crops import Crop, crop_of
from labelers.iqa import create_metric
from labelers.metric import PlainMetric, create
from labelers.models import load_mask_models
from labelers.rois import find_rois, random_points
from manifests.config import MasksConfig

_LONG_EDGE = 1024
_RENDERINGS = 12
_IN_WHOLE = 3  # renderings of these for importance, which sees the whole image
_POINTS = 6  # a side


def rows() -> list[dict[str, Any]]:
    """One row a comparison, in CPU seconds of one unit; `differ` is the largest gap of scores."""
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    reference = _photograph()
    renderings = [_noisy(reference, k) for k in range(_RENDERINGS)]
    crops = _spread(reference)
    return [
        *_topiq_rows(reference, crops, renderings),
        _ssimc_row(reference, crops[1:2], renderings),
        *_mask_rows(reference),
    ]


def _photograph() -> Image:
    from skimage import data

    image = data.coffee()
    height = round(image.shape[0] * _LONG_EDGE / image.shape[1])
    return np.asarray(cv2.resize(image, (_LONG_EDGE, height), interpolation=cv2.INTER_CUBIC))


def _noisy(image: Image, number: int) -> Image:
    noise = np.random.default_rng(number).normal(0, 6 + 2 * number, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _spread(reference: Image) -> list[Crop]:
    """Four of the photograph's ROIs, at the odd eighths of their areas."""
    config = MasksConfig()
    rois = find_rois(reference, "bench", "0", 0, config, load_mask_models(config, "cpu"))
    rois = sorted(rois, key=lambda roi: roi.area)
    return [crop_of(rois[round(q * (len(rois) - 1))]) for q in (0.125, 0.375, 0.625, 0.875)]


def _topiq_rows(
    reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
) -> list[dict[str, Any]]:
    """All renderings by us, the first one by pyiqa: its pairs all cost the same."""
    import torch

    from labelers.topiq import Topiq

    torch.manual_seed(0)
    metric = create_metric("topiq_fr", device="cpu", pretrained=False, backbone_pretrain=False)
    plain, ours, one = PlainMetric("topiq_fr", metric, "cpu"), Topiq(metric, "cpu"), renderings[0]
    plain.least = 1
    itself = plain.score(reference, reference)
    with torch.inference_mode():
        whole, opening = _timed(lambda: ours.opened(reference))
        quality, quality_s = _timed(lambda: [ours.quality(c, reference, renderings) for c in crops])
        moved, moved_s = _timed(
            lambda: [ours.importance(c, whole, reference, renderings[:_IN_WHOLE]) for c in crops]
        )
    loop_quality, loop_quality_s = _timed(
        lambda: [plain.score(c.masked(one), c.masked(reference)) for c in crops]
    )
    loop_moved, loop_moved_s = _timed(
        lambda: [itself - plain.score(c.pasted(reference, one), reference) for c in crops]
    )
    pairs = len(crops)
    return [
        _row("topiq_fr quality, a label", quality_s / pairs / len(renderings),
             "pyiqa, pair by pair", loop_quality_s / pairs, 3.0, _gap(quality, loop_quality)),
        _row("topiq_fr importance, a label", moved_s / pairs / _IN_WHOLE, "pyiqa, pair by pair",
             loop_moved_s / pairs, 6.0, _gap(moved, loop_moved)),
        _row("topiq_fr reference, once a scene", opening, "none", None, None, None),
    ]  # fmt: skip


def _ssimc_row(
    reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
) -> dict[str, Any]:
    from labelers.ssim import LocalSsim

    plain = create("ssimc", "cpu")
    ours, ours_s = _timed(lambda: LocalSsim().scores(reference, crops, renderings))
    one = renderings[:1]
    theirs, theirs_s = _timed(lambda: plain.scores(reference, crops, one))
    labels = len(crops) * len(renderings)
    gap = max(
        float(np.abs(ours.quality[:1] - theirs.quality).max()),
        float(np.abs(ours.importance[:1] - theirs.importance).max()),
    )
    return _row("ssimc, both labels", ours_s / labels, "pyiqa, pair by pair",
                theirs_s / len(crops), None, gap)  # fmt: skip


def _mask_rows(reference: Image) -> list[dict[str, Any]]:
    """Masks of random weights say nothing, so a candidate mask is the unit, embedding included."""
    import torch
    from segment_anything import SamAutomaticMaskGenerator, sam_model_registry

    from labelers.sam import SamSegmenter

    torch.manual_seed(0)
    sam = sam_model_registry["vit_b"]().eval()
    height, width = reference.shape[:2]
    xy = random_points(height, width, "bench", 0, _POINTS**2)
    _, ours_s = _timed(lambda: SamSegmenter(sam).open(reference).points(xy))
    generator = SamAutomaticMaskGenerator(
        sam, points_per_side=_POINTS, pred_iou_thresh=-9.0, stability_score_thresh=-9.0
    )
    _, theirs_s = _timed(lambda: generator.generate(reference))
    config = MasksConfig()
    models = load_mask_models(config, "cpu")
    found, embedded_s = _timed(lambda: find_rois(reference, "bench", "0", 0, config, models))
    count = 3 * _POINTS**2
    return [
        _row("sam vit_b, a candidate mask", ours_s / count, "its automatic generator",
             theirs_s / count, 3.0, None),
        _row("embedded, a kept mask", embedded_s / len(found), "none", None, None, None),
    ]  # fmt: skip


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _gap(ours: Sequence[Any], theirs: Sequence[float]) -> float:
    return float(np.abs(np.array([o[0] for o in ours]) - theirs).max())


def _row(
    what: str, ours: float, peer: str, theirs: float | None, target: float | None, gap: float | None
) -> dict[str, Any]:
    return {
        "what": what,
        "cpu_s": round(ours, 4),
        "peer": peer,
        "peer_cpu_s": None if theirs is None else round(theirs, 4),
        "times_ours": None if theirs is None else round(theirs / ours, 1),
        "target": target,
        "differ": None if gap is None else f"{gap:.0e}",
    }
