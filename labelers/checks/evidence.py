"""Why the weight-free scorer is `ssimc` and when it says "without".

Run by `python -m labelers.checks.evidence`.

Two tables, from photographs (scikit-image's bundled ones, or those of a folder) and six plain
distortions made here with OpenCV, so that the choice does not lean on this project's renderer:

1. For each metric and distortion, Spearman's rank correlation of score against severity (-1: falls
   with every step), the worst over photographs and signs, and how far the score falls.
2. The score at which a difference becomes visible: per ROI, the mean CIEDE2000 after the eye's blur
   (the idea of S-CIELAB, Zhang and Wandell, SID 1997, with one Gaussian of a pixel for its three
   channels), seen from 2 units on: 1 is just noticeable in two patches side by side, while paper
   section 3.1.3 asks for "no much difference". The threshold errs equally often on both sides.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, crop_of
from labelers.engine.mask_models import load_mask_models
from labelers.engine.rois import find_rois
from labelers.scorers import metric
from labelers.scorers.ssim import LocalSsim
from manifests.config import MasksConfig
from manifests.images import decode_image, encode_jpeg, fitted, read_image

METRICS = ("ssimc", "ssim", "ms_ssim", "fsim", "vsi", "gmsd", "nlpd", "psnr")
STEPS = np.arange(1, 7)
_LONG_EDGE = 256
_EYE_SIGMA = 1.0  # pixels
_SEEN = 2.0  # CIEDE2000


def _linear(image: Image) -> NDArray[np.float64]:
    v = image / 255.0
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def _encoded(linear: NDArray[np.float64]) -> Image:
    v = np.clip(linear, 0, 1)
    v = np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(v * 255), np.uint8)


def _exposure(image: Image, step: float) -> Image:
    return _encoded(_linear(image) * 2.0 ** (0.4 * step))


def _noise(image: Image, step: float) -> Image:
    noise = np.random.default_rng(0).normal(0, 1, image.shape)
    return np.clip(np.rint(image + 4.0 * step * noise), 0, 255).astype(np.uint8)


def _blur(image: Image, step: float) -> Image:
    return _encoded(cv2.GaussianBlur(_linear(image), (0, 0), 0.5 * step))


def _contrast(image: Image, step: float) -> Image:
    scaled = 128 + (image - 128.0) * (1 + 0.12 * step)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _colorfulness(image: Image, step: float) -> Image:
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[..., 1:] *= 1 + 0.15 * step
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def _compression(image: Image, step: float) -> Image:
    return decode_image(encode_jpeg(image, round(100 - 15 * step), "420"), "compression")


DISTORTIONS: dict[str, tuple[Callable[[Image, float], Image], int]] = {
    "exposure +": (_exposure, 1),
    "exposure -": (_exposure, -1),
    "noise": (_noise, 1),
    "blur": (_blur, 1),
    "contrast +": (_contrast, 1),
    "contrast -": (_contrast, -1),
    "colorfulness +": (_colorfulness, 1),
    "colorfulness -": (_colorfulness, -1),
    "compression": (_compression, 1),
}


def photographs(folder: Path | None) -> list[Image]:
    """Load encoded RGB photographs, uint8, long edge 256 pixels."""
    if folder is None:
        from skimage import data

        images = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    else:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".png"))
        images = [read_image(p) for p in files]
    return [fitted(image, _LONG_EDGE) for image in images]


def falls(name: str, photos: list[Image]) -> tuple[dict[str, tuple[float, float]], float]:
    """By distortion the worst Spearman and the mean fall of the score; seconds an image."""
    from scipy.stats import spearmanr

    score = _ssimc if name == "ssimc" else metric.create(name, "cpu").score
    start, table = time.process_time(), {}
    for distortion, (distort, sign) in DISTORTIONS.items():
        scores = np.array([[score(distort(p, sign * s), p) for s in (0.2, *STEPS)] for p in photos])
        order = [spearmanr(np.arange(row.size), row).statistic for row in scores]
        fall = (scores[:, 0] - scores[:, -1]).mean()
        table[distortion] = (float(np.max(np.nan_to_num(order, nan=1))), float(fall))
    return table, (time.process_time() - start) / (
        len(photos) * len(DISTORTIONS) * (STEPS.size + 1)
    )


def _ssimc(image: Image, reference: Image) -> float:
    """Score the whole image as one crop: the same number as pyiqa's, thirty times sooner."""
    height, width = reference.shape[:2]
    whole = Crop((0, 0, width, height), np.ones((height, width), np.bool_))
    return float(LocalSsim().scores(reference, [whole], [image]).quality[0, 0])


def visible_difference(image: Image, reference: Image) -> NDArray[np.float64]:
    """CIEDE2000 of two encoded RGB images after the eye's blur, HxW."""
    from skimage.color import deltaE_ciede2000

    seen = [cv2.GaussianBlur(_linear(i), (0, 0), _EYE_SIGMA) for i in (image, reference)]
    lab = [cv2.cvtColor(_encoded(s).astype(np.float32) / 255, cv2.COLOR_RGB2LAB) for s in seen]
    return np.asarray(deltaE_ciede2000(*lab), np.float64)


def quality_and_difference(photos: list[Image]) -> Iterator[tuple[str, float, float]]:
    """Distortion, ssimc quality and mean visible difference of every ROI at fine settings."""
    config = MasksConfig(min_area=400)
    models = load_mask_models(config, "cpu")
    for number, photo in enumerate(photos):
        crops = [crop_of(r) for r in find_rois(photo, "photo", str(number), 0, config, models)]
        for distortion, (distort, sign) in DISTORTIONS.items():
            images = [distort(photo, sign * s) for s in np.geomspace(0.05, 5, 16)]
            quality = LocalSsim().scores(photo, crops, images).quality
            for row, image in zip(quality, images, strict=True):
                difference = visible_difference(image, photo)
                for score, crop in zip(row, crops, strict=True):
                    yield distortion, float(score), float(difference[crop.window][crop.mask].mean())


def equal_error(scores: NDArray[np.float64], visible: NDArray[np.bool_]) -> tuple[float, float]:
    """Find the threshold that errs equally often on both sides, and how often."""
    candidates = np.unique(scores)
    seen = np.array([(scores[visible] > t).mean() for t in candidates])
    unseen = np.array([(scores[~visible] <= t).mean() for t in candidates])
    best = int(np.argmin(np.abs(seen - unseen)))
    return float(candidates[best]), float((seen[best] + unseen[best]) / 2)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="a folder of photographs (default: bundled)")
    photos = photographs(parser.parse_args().photos)
    print(f"{len(photos)} photographs; worst Spearman, mean fall")
    print("metric     " + "".join(f"{d:>16}" for d in DISTORTIONS) + "   s/image")
    for name in METRICS:
        table, seconds = falls(name, photos)
        cells = "".join(f"{worst:>8.2f}{fall:>8.3f}" for worst, fall in table.values())
        print(f"{name:<11}{cells}{seconds:>10.3f}", flush=True)
    rows = list(quality_and_difference(photos))
    scores = np.array([r[1] for r in rows])
    visible = np.array([r[2] >= _SEEN for r in rows])
    threshold, error = equal_error(scores, visible)
    print(f"ssimc 'without' above {threshold:.3f}: wrong on {error:.1%} of either side")
    for distortion in DISTORTIONS:
        own = np.array([r[0] == distortion for r in rows])
        said, seen = scores[own] <= threshold, visible[own]
        print(f"  {distortion:<15} agrees on {(said == seen).mean():.1%} of {own.sum()} ROIs")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
