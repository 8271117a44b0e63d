"""What labels and masks cost against the obvious loop: same run, same weights, same scores.

Weights are random (the cost does not depend on them), one thread, CPU seconds. Covers TOPIQ's
quality and importance against pyiqa's metric pair by pair, the weight-free scorer against pyiqa's
ssimc, and SAM (vit_b) against its own automatic generator, per mask that passes its filter.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2
import numpy as np

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, crop_of
from labelers.engine.mask_models import load_mask_models
from labelers.engine.rois import find_rois, random_points
from labelers.loading.iqa import create_metric
from labelers.scorers.metric import PlainMetric, create
from labelers.segmenters.sam import SamSegmenter, ready
from manifests.config import MasksConfig
from manifests.process.memory import keep_freed_memory

_LONG_EDGE = 1024
_RENDERINGS = 36
_IN_WHOLE = 6  # renderings of these for importance, which sees the whole image
_GRID = 8  # points a side


def rows() -> list[dict[str, Any]]:
    """One row a comparison, in CPU seconds of one unit; `differ` is the largest gap of scores.

    Each in a process of its own, the peer right before ours: on a busy machine a CPU second is not
    always the same.
    """
    context = multiprocessing.get_context("spawn")
    made: list[dict[str, Any]] = []
    for name in _COMPARISONS:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            made.extend(pool.submit(_rows, name).result())
    return made


def _rows(name: str) -> list[dict[str, Any]]:
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    comparison = _COMPARISONS[name](photograph())
    # Peers as they are found, then ours as in a worker, which keeps its freed memory.
    comparison.peers()
    keep_freed_memory()
    return comparison.ours()


def photograph(long_edge: int = _LONG_EDGE) -> Image:
    """A bundled photograph, scaled."""
    from skimage import data

    image = data.coffee()
    height = round(image.shape[0] * long_edge / image.shape[1])
    return np.asarray(cv2.resize(image, (long_edge, height), interpolation=cv2.INTER_CUBIC))


def noisy(image: Image, number: int) -> Image:
    """The image with noise that grows with `number`."""
    noise = np.random.default_rng(number).normal(0, 6 + 2 * number, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _spread(reference: Image) -> list[Crop]:
    """Four of the photograph's ROIs, at the odd eighths of their areas."""
    config = MasksConfig()
    rois = find_rois(reference, "bench", "0", 0, config, load_mask_models(config, "cpu"))
    rois = sorted(rois, key=lambda roi: roi.area)
    return [crop_of(rois[round(q * (len(rois) - 1))]) for q in (0.125, 0.375, 0.625, 0.875)]


class _Topiq:
    """The first rendering by pyiqa, pair by pair, for all its pairs cost the same; all by us."""

    def __init__(self, reference: Image) -> None:
        self.reference, self.crops = reference, _spread(reference)
        self.renderings = [noisy(reference, k) for k in range(_RENDERINGS)]
        self.metric = create_metric(
            "topiq_fr", device="cpu", pretrained=False, backbone_pretrain=False
        )

    def peers(self) -> None:
        plain = PlainMetric("topiq_fr", self.metric, "cpu")
        reference, one = self.reference, self.renderings[0]
        itself = plain.score(reference, reference)
        self.quality, self.quality_s = _timed(
            lambda: [plain.score(c.masked(one), c.masked(reference)) for c in self.crops]
        )
        self.importance, self.importance_s = _timed(
            lambda: [itself - plain.score(c.pasted(reference, one), reference) for c in self.crops]
        )

    def ours(self) -> list[dict[str, Any]]:
        import torch

        from labelers.scorers.topiq import Topiq

        engine, reference, crops = Topiq(self.metric, "cpu"), self.reference, self.crops
        some = self.renderings[:_IN_WHOLE]
        with torch.inference_mode():
            whole, opening_s = _timed(lambda: engine.opened(reference))
            quality, quality_s = _timed(
                lambda: [engine.quality(c, reference, self.renderings) for c in crops]
            )
            importance, importance_s = _timed(
                lambda: [engine.importance(c, whole, reference, some) for c in crops]
            )
        n, peer = len(crops), "pyiqa, pair by pair"
        return [
            _row("topiq_fr quality, a label", quality_s / n / len(self.renderings), peer,
                 self.quality_s / n, 3.0, _gap(quality, self.quality)),
            _row("topiq_fr importance, a label", importance_s / n / len(some), peer,
                 self.importance_s / n, 6.0, _gap(importance, self.importance)),
            _row("topiq_fr reference, once a scene", opening_s, "none", None, None, None),
        ]  # fmt: skip


class _Ssimc:
    """The weight-free scorer, both labels."""

    def __init__(self, reference: Image) -> None:
        self.reference, self.crops = reference, _spread(reference)[1:2]
        self.renderings = [noisy(reference, k) for k in range(_RENDERINGS)]

    def peers(self) -> None:
        plain, one = create("ssimc", "cpu"), self.renderings[:1]
        self.theirs, self.theirs_s = _timed(lambda: plain.scores(self.reference, self.crops, one))

    def ours(self) -> list[dict[str, Any]]:
        from labelers.scorers.ssim import LocalSsim

        ours, seconds = _timed(
            lambda: LocalSsim().scores(self.reference, self.crops, self.renderings)
        )
        gap = max(
            float(np.abs(ours.quality[:1] - self.theirs.quality).max()),
            float(np.abs(ours.importance[:1] - self.theirs.importance).max()),
        )
        labels = len(self.crops) * len(self.renderings)
        return [_row("ssimc, both labels", seconds / labels, "pyiqa, pair by pair",
                     self.theirs_s / len(self.crops), None, gap)]  # fmt: skip


class _Sam:
    """SAM's vit_b by its automatic generator and by us, on equally many points.

    Random weights: what a mask looks like says nothing, so both keep what passes the filter of
    predicted IoU, set so that about half pass, and drop no mask for its likeness to another.
    Seconds hold the embedding, which is made once either way.
    """

    def __init__(self, reference: Image) -> None:
        from segment_anything import sam_model_registry

        self.reference = reference
        self.sam = sam_model_registry["vit_b"]().eval()

    def peers(self) -> None:
        from segment_anything import SamAutomaticMaskGenerator

        nested = SamSegmenter(self.sam, -9.0).open(self.reference).points(self._points(6))
        self.least = float(np.median([c.predicted_iou for three in nested for c in three]))
        generator = SamAutomaticMaskGenerator(
            self.sam, points_per_side=_GRID, pred_iou_thresh=self.least,
            stability_score_thresh=-1.0, box_nms_thresh=1.0,
        )  # fmt: skip
        masks, self.seconds = _timed(lambda: generator.generate(self.reference))
        self.seconds /= len(masks)

    def ours(self) -> list[dict[str, Any]]:
        ready(self.sam)
        nested, seconds = _timed(
            lambda: SamSegmenter(self.sam, self.least, quick=True).open(self.reference).points(
                self._points(_GRID**2)
            )
        )  # fmt: skip
        kept = sum(len(candidates) for candidates in nested)
        config = MasksConfig()
        models = load_mask_models(config, "cpu")
        rois, rois_s = _timed(lambda: find_rois(self.reference, "b", "0", 0, config, models))
        return [
            _row(f"sam vit_b, a kept mask of {_GRID**2} points", seconds / kept,
                 "its automatic generator", self.seconds, 3.0, None),
            _row("embedded, a kept mask", rois_s / len(rois), "none", None, None, None),
        ]  # fmt: skip

    def _points(self, count: int) -> Any:
        height, width = self.reference.shape[:2]
        return random_points(height, width, "bench", 0, count)


_COMPARISONS: Mapping[str, type[_Topiq | _Ssimc | _Sam]] = {
    "topiq_fr": _Topiq,
    "ssimc": _Ssimc,
    "sam": _Sam,
}


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
