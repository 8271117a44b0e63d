"""SSIM over RGB for all ROIs of a scene at once: pyiqa's `ssimc`, computed only where it changes.

Wang et al., TIP 2004. With d = m (Y - R) inside the mask m, a masked crop m Y = m R + d and a
pasted image R + d are two images moved by the same d. So three filterings (d, d R, d^2) give both
the quality map of the crop and the importance map of the whole image, which differs from 1 only at
the windows that reach d. An undistorted ROI gives exactly 1 and exactly 0.

    luminance           1 - E[d]^2 / (mu_1^2 + mu_2^2 + C1)
    contrast-structure  1 - var(d) / (var_1 + var_2 + C2), where var_2 = var_1 + 2 cov + var(d)

References are filtered in double precision, once; changes in single. A variance is the difference
of two means of squares, which are large and nearly equal where a flat area is brightened. So d and
R are filtered less their means over the tile that is worked on, which changes no variance. A score
is then off by less than 1e-6 on photographs and 4e-6 on the worst flat patches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, Scores
from labelers.scorers.gaussian_windows import (
    REACH,
    Doubles,
    Grid,
    Singles,
    colors,
    filtered,
    moments,
    padded,
    repeated,
    rgb,
    seen_by,
    single,
    tiles,
    windows_of,
)
from manifests.rle import Mask

VERSION = 2  # 2: changes are filtered in single precision
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


class LocalSsim:
    """Scores by `ssimc`; crops thinner than the window are padded with zeros to its size."""

    def scores(
        self, reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
    ) -> Scores:
        """Quality in [0, 1] and importance, renderings x crops (see `crops.Scores`)."""
        scene = _Scene(reference)
        lost = np.zeros((2, len(renderings), len(crops)))
        for column, crop in enumerate(crops):
            for tile in _tiles(scene, crop):
                for row, rendering in enumerate(renderings):
                    lost[:, row, column] += tile.lost(rendering)
        of_crops = [3 * np.prod(windows_of(*crop.mask.shape)) for crop in crops]
        return Scores(1 - lost[0] / of_crops, lost[1] / (3 * np.prod(scene.windows)))


@dataclass(frozen=True)
class _Change:
    """What windows see of a change d: E[d], E[d]^2, var(d), and 2 cov(d, R) + var(d)."""

    mean: Singles
    shift: Singles
    spread: Singles
    product: Singles

    @classmethod
    def of(cls, change: Singles, doubled: Singles, doubled_mean: Singles) -> "_Change":
        """From a tile's d, which is overwritten, its 2 (R - r), and the means of that."""
        offset = repeated(cv2.mean(colors(change))[:3], change)
        change -= offset
        mean = filtered(change)
        product = filtered(change * doubled)
        spread = filtered(np.multiply(change, change, out=change))
        squared = mean * mean
        spread -= squared
        product -= np.multiply(mean, doubled_mean, out=squared)
        product += spread
        mean = mean + offset[: mean.shape[1]]
        return cls(mean, np.multiply(mean, mean, out=squared), spread, product)

    def over(self, grid: Grid) -> "_Change":
        at = rgb(grid)
        return _Change(self.mean[at], self.shift[at], self.spread[at], self.product[at])


@dataclass(frozen=True)
class _Base:
    """Of image 1 at windows: 2 mean, 2 mean^2 + C1, 2 variance + C2, and 2 (R's mean - mean)."""

    twice: Singles
    luminance: Singles
    contrast: Singles
    gap: Singles | None  # None where image 1 is R itself

    @classmethod
    def of(cls, mean: Doubles, variance: Doubles, of_reference: Doubles | None = None) -> "_Base":
        twice, contrast = single(2 * mean), single(2 * variance + _C2)
        gap = None if of_reference is None else single(2 * (of_reference - mean))
        return cls(twice, single(2 * mean * mean + _C1), contrast, gap)

    def over(self, grid: Grid) -> "_Base":
        at = rgb(grid)
        gap = None if self.gap is None else self.gap[at]
        return _Base(self.twice[at], self.luminance[at], self.contrast[at], gap)

    def lost(self, change: _Change) -> float:
        """Sum over the windows of 1 - SSIM."""
        lost = change.product + self.contrast
        if self.gap is not None:
            lost += change.mean * self.gap
        np.divide(change.spread, lost, out=lost)
        np.minimum(lost, 1, out=lost)  # pyiqa floors the contrast-structure term at 0
        moved = change.mean * self.twice
        moved += change.shift
        moved += self.luminance
        np.divide(change.shift, moved, out=moved)
        apart = float(lost.sum()) + float(moved.sum())
        lost *= moved
        return apart - float(lost.sum())


class _Scene:
    """The reference, padded so that every window of every crop exists, and its base."""

    def __init__(self, reference: Image) -> None:
        self.windows = windows_of(*reference.shape[:2])
        height, width = (n + 2 * REACH for n in self.windows)
        self.pixels = padded(reference, height, width)
        self.mean, variance = moments(self.pixels)
        self.base = _Base.of(self.mean, variance)


@dataclass(frozen=True)
class _Part:
    """Windows of a tile that one of the two images has: which, and the image's base there."""

    grid: Grid
    base: _Base

    @classmethod
    def of(cls, tile: Grid, base: _Base, grid: Grid) -> "_Part":
        """`base` covers `grid`, which is in the frame of `tile`; the two may not meet."""
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


class _Tile:
    """Windows that meet a ROI's mask, and what a change there adds to 1 - SSIM of both images."""

    def __init__(self, scene: _Scene, windows: Grid, mask: Mask, crop: _Part, image: _Part) -> None:
        """`mask`, bool, is of the pixels that the windows see."""
        self.crop, self.image = crop, image
        self.seen = seen_by(windows)
        pixels, mean = scene.pixels[rgb(self.seen)], scene.mean[rgb(windows)]
        self.reference = single(pixels)
        offset = colors(pixels).mean(axis=(0, 1))
        self.doubled = single(2 * (pixels - repeated(offset, pixels)))
        self.doubled_mean = single(2 * (mean - repeated(offset, mean)))
        self.inside = bool(mask.all())  # all that is seen is the ROI: the crop is the image
        self.mask = single(np.repeat(mask, 3, axis=1))

    def lost(self, rendering: Image) -> tuple[float, float]:
        """Of the crop and of the image, summed over windows and colors."""
        change = self._change(rendering)
        if not change.any():
            return 0.0, 0.0
        seen = _Change.of(change, self.doubled, self.doubled_mean)
        lost = self.image.lost(seen)
        return lost if self.inside else self.crop.lost(seen), lost

    def _change(self, rendering: Image) -> Singles:
        there = rendering[self.seen]  # the scene is padded, the rendering is not
        rows, values = len(there), 3 * there.shape[1]
        change = np.zeros_like(self.reference)
        part = change[:rows, :values]
        np.subtract(there.reshape(rows, values), self.reference[:rows, :values], out=part)
        if not self.inside:
            change *= self.mask
        return change


def _tiles(scene: _Scene, crop: Crop) -> Iterator[_Tile]:
    """Cut the windows that meet a ROI's mask into tiles."""
    x, y, w, h = crop.bbox_xywh
    rows, cols = windows_of(h, w)
    of_crop = (slice(y, y + rows), slice(x, x + cols))
    of_image = (slice(0, scene.windows[0]), slice(0, scene.windows[1]))
    base = _masked_base(scene, crop, of_crop)
    covered: Mask = np.zeros((len(scene.pixels), scene.pixels.shape[1] // 3), bool)
    covered[crop.window] = crop.mask
    # Those from y - 10 to y + h - 1 meet the box; beyond the image only a padded crop has any.
    down, across = (
        slice(max(0, box.start - REACH), max(min(image.stop, box.stop), own.stop))
        for box, own, image in zip(crop.window, of_crop, of_image, strict=True)
    )
    for windows in tiles((down, across)):
        mask = covered[seen_by(windows)]
        if mask.any():
            parts = _Part.of(windows, base, of_crop), _Part.of(windows, scene.base, of_image)
            yield _Tile(scene, windows, mask, *parts)


def _masked_base(scene: _Scene, crop: Crop, windows: Grid) -> _Base:
    """Compute the base of the masked crop, which has these windows of the scene."""
    h, w = crop.mask.shape
    masked = np.zeros_like(scene.pixels[rgb(seen_by(windows))])
    mask = np.repeat(crop.mask, 3, axis=1)
    np.multiply(scene.pixels[rgb(crop.window)], mask, out=masked[:h, : 3 * w])
    return _Base.of(*moments(masked), scene.mean[rgb(windows)])
