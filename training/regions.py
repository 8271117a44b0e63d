"""A sample becomes arrays: the overview, and for some of its ROIs a mask, a native patch, colour.

The overview shows content at the encoder's size; noise, blur and JPEG blocks live in the native
patch, cut on JPEG's grid of 8 pixels; exposure, contrast and colourfulness in the statistics of the
pixels inside the mask and of the whole image. No change of scale, brightness or saturation augments
the samples: those are what is to be judged. Flips, transposition and a permutation of the colour
channels leave every label as it is (nearly so for luminance-weighted ones).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from manifests.errors import SeagullError
from training.shards import RawSample

GRID = 8  # JPEG's blocks
STATISTICS_PIXELS = 4096  # at most about so many pixels are looked at for one colour vector
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
COLOUR = 2 * (6 + 2 + len(QUANTILES) + 2)
"""Length of a colour vector: mean and deviation of R, G, B and of saturation, quantiles of
luminance, shares of clipped dark and bright pixels; of the ROI, then of the whole image."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """An augmentation: one of the 8 symmetries of the square and an order of the channels."""

    flip: bool = False
    turns: int = 0  # quarter turns
    channels: tuple[int, ...] = (0, 1, 2)

    def frame(self, array: NDArray[Any]) -> NDArray[Any]:
        """`array` (H, W, ...) flipped and turned; H and W may swap."""
        return np.rot90(array[:, ::-1] if self.flip else array, self.turns)


def draw_change(rng: np.random.Generator) -> Change:
    """An augmentation with all 8 symmetries and 6 channel orders alike."""
    order = tuple(int(i) for i in rng.permutation(3))
    return Change(bool(rng.integers(2)), int(rng.integers(4)), order)


@dataclass(frozen=True)
class Region:
    """One ROI. V is the overview's side, S the patch's."""

    mask: Bytes  # (V, V), 0 or 1; never empty
    patch: Bytes  # (S, S, 3) RGB encoded, native pixels
    inside: Bytes  # (S, S), 0 or 1: the mask in the patch
    colour: NDArray[np.float32]  # (COLOUR,)


@dataclass(frozen=True)
class Prepared:
    """One rendering with the ROIs asked for."""

    view: Bytes  # (V, V, 3) RGB encoded, the whole image squashed to a square
    regions: list[Region]


def decode(sample: RawSample) -> Bytes:
    """The image, (H, W, 3) uint8 RGB, sRGB encoded."""
    image = cv2.imdecode(np.frombuffer(sample.image, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SeagullError(f"{sample.rendering_id}: its image cannot be read; run `make shards`")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def decode_mask(roi: Mapping[str, Any]) -> Bytes:
    """The ROI's mask, (H, W) uint8 0 or 1, from its COCO RLE."""
    from pycocotools import mask

    rle = {"size": [roi["height"], roi["width"]], "counts": roi["rle"].encode()}
    return np.asarray(mask.decode(rle), np.uint8)


def prepare(
    sample: RawSample,
    chosen: Sequence[int],
    view: int,
    patch: int,
    rng: np.random.Generator,
    change: Change | None = None,
) -> Prepared:
    """The sample with the ROIs at the indices `chosen`; the patch lies where `rng` says."""
    change = change or Change()
    image = decode(sample)[..., change.channels]
    overall = statistics(_few(image).reshape(-1, 3))
    overview = cv2.resize(image, (view, view), interpolation=cv2.INTER_AREA)
    regions = [
        _region(image, decode_mask(sample.rois[i]), view, patch, overall, rng, change)
        for i in chosen
    ]
    return Prepared(np.ascontiguousarray(change.frame(overview)), regions)


def _region(
    image: Bytes,
    mask: Bytes,
    view: int,
    patch: int,
    overall: NDArray[np.float32],
    rng: np.random.Generator,
    change: Change,
) -> Region:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    crop, inside = image[box], mask[box]
    step = _stride(inside.size)
    few = crop[::step, ::step][inside[::step, ::step] > 0]
    colour = statistics(few if len(few) else crop[inside > 0])
    where = _patch_at(mask, patch, rng)
    return Region(
        np.ascontiguousarray(change.frame(shrink_mask(mask, view))),
        np.ascontiguousarray(change.frame(_cut(image, where, patch))),
        np.ascontiguousarray(change.frame(_cut(mask, where, patch))),
        np.concatenate([colour, overall]),
    )


def shrink_mask(mask: Bytes, view: int) -> Bytes:
    """(V, V): 1 where any pixel of the mask falls, so that no small ROI vanishes."""
    rows, columns = np.nonzero(mask)
    height, width = mask.shape
    small = np.zeros((view, view), np.uint8)
    small[rows * view // height, columns * view // width] = 1
    return small


def _patch_at(mask: Bytes, patch: int, rng: np.random.Generator) -> tuple[int, int]:
    """Row and column of the patch around a pixel of the ROI, on the grid, inside the image."""
    inside = np.flatnonzero(mask)
    row, column = divmod(int(inside[rng.integers(len(inside))]), mask.shape[1])
    top, left = (
        max(0, min((at - patch // 2) // GRID * GRID, (size - patch) // GRID * GRID))
        for at, size in zip((row, column), mask.shape, strict=True)
    )
    return top, left


def _cut(array: Bytes, where: tuple[int, int], patch: int) -> Bytes:
    """(S, S, ...) from row and column `where`; zeros beyond the image."""
    top, left = where
    found = array[top : top + patch, left : left + patch]
    missing = [(0, patch - found.shape[0]), (0, patch - found.shape[1])]
    return np.pad(found, missing + [(0, 0)] * (array.ndim - 2)) if any(map(sum, missing)) else found


def _stride(pixels: int) -> int:
    return max(1, int(np.sqrt(pixels / STATISTICS_PIXELS)))


def _few(image: Bytes) -> Bytes:
    step = _stride(image.shape[0] * image.shape[1])
    return image[::step, ::step]


def statistics(pixels: Bytes) -> NDArray[np.float32]:
    """Half a colour vector of (N, 3) RGB pixels, N > 0; every number in [0, 1]."""
    values = pixels.astype(np.float32) / 255
    luminance = np.sort(values @ np.array([0.299, 0.587, 0.114], np.float32))
    saturation = values.max(1) - values.min(1)
    positions = [int(q * (len(luminance) - 1) + 0.5) for q in QUANTILES]
    clipped = [(pixels <= 2).mean(), (pixels >= 253).mean()]
    return np.concatenate(
        [
            values.mean(0),
            values.std(0),
            [saturation.mean(), saturation.std()],
            luminance[positions],
            clipped,
        ],
        dtype=np.float32,
    )
