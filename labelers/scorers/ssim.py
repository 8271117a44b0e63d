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
from manifests.rle import Mask

Floats = NDArray[np.float64]
Grid = tuple[slice, slice]

WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
_REACH = WINDOW - 1
_TILE = (86, 86)  # rows and columns of windows worked on at once, in a core's cache


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
class _Change:
    """What windows see of a change d: E[d], E[d]^2, var(d), and 2 E[d R] + var(d); HxWx3 each."""

    mean: Floats
    shift: Floats
    spread: Floats
    product: Floats

    @classmethod
    def of(cls, change: Floats, reference: Floats) -> "_Change":
        """From the pixels d and R that the windows see, (H+10)x(W+10)x3."""
        mean = _filtered(change)
        shift = mean * mean
        spread = _filtered(change * change) - shift
        product = 2 * _filtered(change * reference)
        product += spread
        return cls(mean, shift, spread, product)

    def over(self, grid: Grid) -> "_Change":
        return _Change(self.mean[grid], self.shift[grid], self.spread[grid], self.product[grid])


@dataclass(frozen=True)
class _Base:
    """Of image 1 over a grid of windows, HxWx3 each: 2 mean, 2 mean^2 + C1, 2 variance + C2."""

    twice: Floats
    luminance: Floats
    contrast: Floats

    def over(self, grid: Grid) -> "_Base":
        return _Base(self.twice[grid], self.luminance[grid], self.contrast[grid])

    def lost(self, change: _Change) -> float:
        """Sum over the grid of 1 - SSIM."""
        moved = change.mean * self.twice
        lost = change.product - moved
        lost += self.contrast
        np.divide(change.spread, lost, out=lost)
        np.minimum(lost, 1, out=lost)  # pyiqa floors the contrast-structure term at 0
        moved += change.shift
        moved += self.luminance
        np.divide(change.shift, moved, out=moved)
        return float(lost.sum() + moved.sum() - np.vdot(lost, moved))


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


@dataclass(frozen=True)
class _Part:
    """Where a tile meets the grid of a base: in the tile's frame, and the base there."""

    grid: Grid
    base: _Base

    @classmethod
    def of(cls, tile: Grid, base: _Base, grid: Grid) -> "_Part":
        """`tile` and `grid`, the one that `base` covers, are in one frame; they may not meet."""
        met = [
            (max(t.start, g.start), max(t.start, g.start, min(t.stop, g.stop)))
            for t, g in zip(tile, grid, strict=True)
        ]
        rows, cols = (slice(a - t.start, b - t.start) for (a, b), t in zip(met, tile, strict=True))
        down, across = (
            slice(a - g.start, b - g.start) for (a, b), g in zip(met, grid, strict=True)
        )
        return cls((rows, cols), base.over((down, across)))

    def lost(self, change: _Change) -> float:
        return self.base.lost(change.over(self.grid))


@dataclass(frozen=True)
class _Tile:
    """Some windows of a place: the pixels that they see, and what they add to both sums."""

    seen: Grid
    crop: _Part
    image: _Part
    inside: bool  # all that is seen is the ROI: the crop is the image


class _Place:
    """One ROI: the windows that meet its mask, in tiles, and the two bases over them."""

    def __init__(self, scene: _Scene, crop: Crop) -> None:
        x, y, w, h = crop.bbox_xywh
        # A window is named by its first pixel: those from x - 10 to x + w - 1 meet the box.
        top, left = max(0, y - _REACH), max(0, x - _REACH)
        inner = (slice(y - top, y - top + h), slice(x - left, x - left + w))
        self.crop, self.inner = crop, inner
        self.pixels = scene.pixels[top : y + h + _REACH, left : x + w + _REACH]
        self.reference = np.ascontiguousarray(self.pixels[inner])
        self.mask = np.repeat(crop.mask[..., None], 3, axis=2).astype(np.float64)
        self.change = np.zeros_like(self.pixels)  # of one rendering; zero around the box
        rows, cols = (max(n, WINDOW) - _REACH for n in (h, w))
        crop_grid = (slice(y - top, y - top + rows), slice(x - left, x - left + cols))
        self.crop_windows = 3 * rows * cols
        masked = np.zeros((rows + _REACH, cols + _REACH, 3))
        masked[:h, :w] = self.reference * self.mask
        bottom, right = min(scene.windows[0], y + h), min(scene.windows[1], x + w)
        image_grid = (slice(0, bottom - top), slice(0, right - left))
        self.image_windows = 3 * scene.windows[0] * scene.windows[1]
        image_base = scene.base.over((slice(top, bottom), slice(left, right)))
        self.tiles = self._tiles(_base(masked), crop_grid, image_base, image_grid)

    def _tiles(
        self, crop_base: _Base, crop_grid: Grid, image_base: _Base, image_grid: Grid
    ) -> list[_Tile]:
        """List the tiles whose windows meet the mask."""
        covered: Mask = np.zeros(self.pixels.shape[:2], bool)
        covered[self.inner] = self.crop.mask
        tiles = []
        height, width = covered.shape
        for grid in _grids(height - _REACH, width - _REACH):
            seen = _seen_by(grid)
            if covered[seen].any():
                crop = _Part.of(grid, crop_base, crop_grid)
                image = _Part.of(grid, image_base, image_grid)
                tiles.append(_Tile(seen, crop, image, bool(covered[seen].all())))
        return tiles

    def score(self, rendering: Image) -> tuple[float, float]:
        """Quality and importance of the ROI in one rendering."""
        change = self.change[self.inner]
        np.subtract(rendering[self.crop.window], self.reference, out=change)
        change *= self.mask
        if not change.any():
            return 1.0, 0.0
        crop_lost = image_lost = 0.0
        for tile in self.tiles:
            seen = _Change.of(self.change[tile.seen], self.pixels[tile.seen])
            lost = tile.crop.lost(seen)
            crop_lost += lost
            image_lost += lost if tile.inside else tile.image.lost(seen)
        return 1 - crop_lost / self.crop_windows, image_lost / self.image_windows


def _grids(height: int, width: int) -> list[Grid]:
    """Cut height x width windows into tiles."""
    rows, cols = (
        [slice(a, min(a + step, size)) for a in range(0, size, step)]
        for size, step in zip((height, width), _TILE, strict=True)
    )
    return [(down, across) for down in rows for across in cols]


def _seen_by(windows: Grid) -> Grid:
    rows, cols = windows
    return slice(rows.start, rows.stop + _REACH), slice(cols.start, cols.stop + _REACH)


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
    return _Base(2 * mean, 2 * squared + _C1, 2 * variance + _C2)
