"""One photograph from Python, without a workspace: `labelers.find_rois` and `labelers.score`."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, crop_of
from labelers.engine import rois
from labelers.engine.label_engine import Labeler, load_labeler
from labelers.engine.mask_models import MaskModels, load_mask_models
from manifests.config import MasksConfig, ScorerConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of
from manifests.records import Roi

_LOADED: dict[tuple[str, str], MaskModels] = {}


@dataclass(frozen=True)
class RoiScore:
    """What a scorer says of one ROI; higher is better.

    quality: of the ROI's crop against the reference's. importance: what the whole reference loses
    when the ROI is replaced by its distorted self. without: whether the difference is too small to
    be seen (quality above the scorer's threshold).
    """

    quality: float
    importance: float
    without: bool


def find_rois(
    image: Image, config: MasksConfig | None = None, *, device: str = "cpu", seed: int = 0
) -> list[Roi]:
    """Find the objects and components of a photograph.

        masks = [manifests.rle.mask_of(roi) for roi in labelers.find_rois(image)]

    Args:
        image: uint8 (H, W, 3) RGB, sRGB-encoded.
        config: which models; by default those without weights. They are loaded once a process.
        device: cpu or cuda, of models with weights.
        seed: of the random points.

    Returns:
        Objects, then components, best first, at least 32x32 pixels each; none where nothing passes.

    Raises:
        SeagullError: no such image, or a model's weights are missing.
        SceneError: no_rois, nothing passed the filters.
    """
    _check(image, "image")
    config = config or MasksConfig()
    key = (repr(config), device)
    if key not in _LOADED:
        _LOADED[key] = load_mask_models(config, device)
    sha256 = sha256_of(np.ascontiguousarray(image).tobytes())
    return rois.find_rois(image, f"image-{sha256[:8]}", sha256, seed, config, _LOADED[key])


def score(
    image: Image,
    reference: Image,
    mask: NDArray[np.bool_] | Roi | None = None,
    config: ScorerConfig | None = None,
    *,
    device: str = "cpu",
) -> RoiScore:
    """Score a ROI of a photograph against its reference, as the dataset's labels are made.

    Args:
        image: uint8 (H, W, 3) RGB, sRGB-encoded: the distorted one.
        reference: of the same size.
        mask: bool (H, W), or a ROI of `find_rois(reference)`; without one, the whole image.
        config: which scorer; by default SSIM, which needs no weights. Loaded once a process.
        device: cpu or cuda, of scorers with weights.

    Raises:
        SeagullError: sizes differ, the mask is empty, or the scorer cannot be loaded.
    """
    _check(image, "image")
    _check(reference, "reference")
    crop = crop_of(mask) if isinstance(mask, Roi) else _crop(mask, reference)
    if image.shape != reference.shape:
        raise SeagullError(f"the image is {_size(image)}, its reference {_size(reference)}")
    labeler = _labeler(config or ScorerConfig(), device)
    scores = labeler.engine.scores(reference, [crop], [image])
    quality = round(float(scores.quality[0, 0]), 6)
    importance = round(float(scores.importance[0, 0]), 6) + 0.0  # no negative zero
    return RoiScore(quality, importance, quality > labeler.without_above)


@lru_cache(maxsize=4)
def _labeler(config: ScorerConfig, device: str) -> Labeler:
    return load_labeler(config, device)


def _crop(mask: NDArray[np.bool_] | None, reference: Image) -> Crop:
    if mask is None:
        mask = np.ones(reference.shape[:2], np.bool_)
    if mask.shape != reference.shape[:2]:
        raise SeagullError(f"the mask is {_size(mask)}, the reference {_size(reference)}")
    if not mask.any():
        raise SeagullError("the mask is empty; nothing is inside")
    return Crop.of(mask)


def _check(image: Image, name: str) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise SeagullError(f"{name}: expected uint8 (H, W, 3), got {image.dtype} {image.shape}")


def _size(array: np.ndarray) -> str:
    return f"{array.shape[1]}x{array.shape[0]} pixels"
