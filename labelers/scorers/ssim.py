"""SSIM over RGB for all ROIs of a scene at once: pyiqa's `ssimc`, computed only where it changes.

Wang et al., TIP 2004. With d = m (Y - R) inside the mask m, a masked crop m Y = m R + d and a
pasted image R + d are two images moved by the same d. So three filterings (d, d R, d^2) give both
the quality map of the crop and the importance map of the whole image, which differs from 1 only at
the windows that reach d. An undistorted ROI gives exactly 1 and exactly 0.

    luminance           1 - E[d]^2 / (mu_1^2 + mu_2^2 + C1)
    contrast-structure  1 - var(d) / (var_1 + var_2 + C2), where var_2 = var_1 + 2 cov + var(d)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, Scores

Floats = NDArray[np.float64]

WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_REACH = WINDOW - 1


class LocalSsim:
    """Scores by `ssimc`; crops thinner than the window are padded with zeros to its size."""

    def scores(
        self, reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
    ) -> Scores:
        """Quality in [0, 1] and importance, renderings x crops (see `crops.Scores`)."""
        scene = _Scene(reference)
        quality = np.ones((len(renderings), len(crops)))
        importance = np.zeros_like(quality)
        for column, crop in enumerate(crops):
            place = _Place(scene, crop)
            for row, rendering in enumerate(renderings):
                quality[row, column], importance[row, column] = place.score(rendering)
        return Scores(quality, importance)


@dataclass(frozen=True)
class _Base:
    """Of image 1 over a grid of windows, HxWx3 each: mean, 2 mean^2 + C1, 2 variance + C2."""

    mean: Floats
    luminance: Floats
    contrast: Floats

    def over(self, grid: tuple[slice, slice]) -> "_Base":
        return _Base(self.mean[grid], self.luminance[grid], self.contrast[grid])

    def lost(self, d: Floats, d_times_r: Floats, d_squared: Floats) -> float:
        """Sum over the grid of 1 - SSIM, from the windowed means of d, d R and d^2."""
        shift = d * d
        spread = d_squared - shift
        twice = d_times_r - d * self.mean
        twice *= 2
        twice += spread
        twice += self.contrast
        spread /= twice
        np.minimum(spread, 1, out=spread)  # pyiqa floors the contrast-structure term at 0
        np.multiply(d, self.mean, out=twice)
        twice *= 2
        twice += shift
        twice += self.luminance
        shift /= twice
        return float(spread.sum() + shift.sum() - np.vdot(spread, shift))


class _Scene:
    """The reference, padded so that every window of every box exists, and its base."""

    def __init__(self, reference: Image) -> None:
        height, width = (max(n, WINDOW) for n in reference.shape[:2])
        grown = [
            (0, n + _REACH - m) for n, m in zip((height, width), reference.shape, strict=False)
        ]
        self.pixels = np.pad(reference, (*grown, (0, 0))).astype(np.float64)
        self.base = _base(self.pixels[:height, :width])
        self.windows = (height - _REACH, width - _REACH)


class _Place:
    """One ROI: the windows that meet its box, and the two bases over them."""

    def __init__(self, scene: _Scene, crop: Crop) -> None:
        x, y, w, h = crop.bbox_xywh
        # A window is named by its first pixel: those from x - 10 to x + w - 1 meet the box.
        top, left = max(0, y - _REACH), max(0, x - _REACH)
        inner = (slice(y - top, y - top + h), slice(x - left, x - left + w))
        self.crop, self.inner = crop, inner
        pixels = scene.pixels[top : y + h + _REACH, left : x + w + _REACH]
        self.reference = np.ascontiguousarray(pixels[inner])
        self.shape = pixels.shape
        rows, cols = (max(n, WINDOW) - _REACH for n in (h, w))
        self.crop_grid = (slice(y - top, y - top + rows), slice(x - left, x - left + cols))
        self.crop_windows = 3 * rows * cols
        masked = np.zeros((rows + _REACH, cols + _REACH, 3))
        masked[:h, :w] = self.reference * crop.mask[..., None]
        self.crop_base = _base(masked)
        bottom, right = min(scene.windows[0], y + h), min(scene.windows[1], x + w)
        self.image_grid = (slice(0, bottom - top), slice(0, right - left))
        self.image_windows = 3 * scene.windows[0] * scene.windows[1]
        self.image_base = scene.base.over((slice(top, bottom), slice(left, right)))

    def score(self, rendering: Image) -> tuple[float, float]:
        """Quality and importance of the ROI in one rendering."""
        change = (rendering[self.crop.window] - self.reference) * self.crop.mask[..., None]
        if not change.any():
            return 1.0, 0.0
        maps = [self._windowed(c) for c in (change, change * self.reference, change * change)]
        crop_lost = self.crop_base.lost(*(m[self.crop_grid] for m in maps))
        image_lost = self.image_base.lost(*(m[self.image_grid] for m in maps))
        return 1 - crop_lost / self.crop_windows, image_lost / self.image_windows

    def _windowed(self, change: Floats) -> Floats:
        canvas = np.zeros(self.shape)
        canvas[self.inner] = change
        return _filtered(canvas)


def _filtered(image: Floats) -> Floats:
    """Gaussian means over all whole windows: HxWx3 to (H-10)x(W-10)x3."""
    kernel = cv2.getGaussianKernel(WINDOW, _SIGMA, cv2.CV_64F)
    means = cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    margin = WINDOW // 2
    return np.asarray(means[margin:-margin, margin:-margin])


def _base(image: Floats) -> _Base:
    mean = _filtered(image)
    squared = mean * mean
    variance = _filtered(image * image) - squared
    return _Base(mean, 2 * squared + _C1, 2 * variance + _C2)
