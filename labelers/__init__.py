"""Models that look at pixels: where the ROIs of a reference are, and what is said of them.

contracts/    what passes between models: candidates and crops
loading/      weight files, checkpoints, transformers folders, processes, batch sizes
weight_free/  regions, saliency, proposals: the detector and segmenter that need no weights
detectors/    learned detectors: transformers, SEEM and detectron2 in a process of their own
segmenters/   learned promptable segmenters: SAM and its kin
scorers/      full-reference quality: SSIM where it changes, TOPIQ exactly, pyiqa's by name
engine/       the doors: ROIs of a reference, labels of every ROI in every rendering
checks/       evidence, costs, CUDA against the CPU

From Python: `labelers.find_rois(image)` and `labelers.score(image, reference, mask)`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelers.engine.one_image import RoiScore, find_rois, score

__all__ = ["RoiScore", "find_rois", "score"]


def __getattr__(name: str) -> Any:
    """Import a function when it is asked for: `import labelers` alone loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'labelers' has no attribute '{name}'")
    from labelers.engine import one_image

    return getattr(one_image, name)
