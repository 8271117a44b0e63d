"""What weight-free masks and labels cost by the long edge, each in a process of its own."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2

from labelers.checks.bench_labels import noisy, photograph
from labelers.contracts.crops import crop_of
from labelers.engine.mask_models import load_mask_models
from labelers.engine.rois import find_rois
from manifests.config import MasksConfig
from manifests.process.memory import keep_freed_memory, peak_mib

LONG_EDGES = (512, 1024, 2048)
_DISTORTED = 120  # renderings of a scene
_FEW, _MANY = 2, 8  # renderings: what one adds is told apart from what a scene takes once


def rows(long_edges: Sequence[int] = LONG_EDGES) -> Iterator[dict[str, Any]]:
    """One row a long edge; labels are both labels of all ROIs of a scene of 121 renderings."""
    context = multiprocessing.get_context("spawn")
    for edge in long_edges:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            yield {"long_edge": edge} | pool.submit(_row, edge).result()


def _row(edge: int) -> dict[str, Any]:
    from labelers.scorers.ssim import LocalSsim

    cv2.setNumThreads(1)
    keep_freed_memory()
    reference, config = photograph(edge), MasksConfig()
    models = load_mask_models(config, "cpu")
    find_rois(photograph(128), "bench", "0", 0, config, models)  # imports
    begun = time.process_time()
    rois = find_rois(reference, "bench", "0", 0, config, models)
    masks_s, crops = time.process_time() - begun, [crop_of(roi) for roi in rois]
    renderings = [noisy(reference, k) for k in range(_MANY)]
    spent = []
    for count in (_FEW, _MANY):
        begun = time.process_time()
        LocalSsim().scores(reference, crops, renderings[:count])
        spent.append(time.process_time() - begun)
    labels_s = spent[0] + (spent[1] - spent[0]) * (_DISTORTED - _FEW) / (_MANY - _FEW)
    return {
        "rois": len(rois),
        "masks_cpu_s": round(masks_s, 2),
        "labels_cpu_s": round(labels_s, 2),
        "peak_mib": peak_mib(),
    }
