"""SSIM's Gaussian windows (Wang et al., TIP 2004: 11 x 11, sigma 1.5) over rows of RGB values.

Images are held as rows, H x 3W, so that every operation runs over whole rows. A window is named by
its first pixel: an image has 10 fewer of them than pixels, each way.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]
Grid = tuple[slice, slice]  # rows and columns, of pixels or of windows

WINDOW = 11
REACH = WINDOW - 1
_KERNEL = cv2.getGaussianKernel(WINDOW, 1.5, cv2.CV_64F)
_TILE = 160  # windows a side, at most, that are worked on at once, in a core's cache


def filtered(rows: Any) -> Any:
    """Gaussian means of all windows: Hx3W, float32 or float64, to (H-10)x3(W-10), alike."""
    kernel = _KERNEL.astype(rows.dtype)
    means = cv2.sepFilter2D(colors(rows), -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    margin = WINDOW // 2
    return means.reshape(rows.shape)[margin:-margin, 3 * margin : -3 * margin]


def moments(pixels: Doubles) -> tuple[Doubles, Doubles]:
    """Mean and variance in all windows."""
    mean: Doubles = filtered(pixels)
    return mean, filtered(pixels * pixels) - mean * mean


def windows_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of windows of an image, which is padded where it is thinner than one."""
    return max(height, WINDOW) - REACH, max(width, WINDOW) - REACH


def seen_by(windows: Grid) -> Grid:
    """Pixels that the windows see."""
    rows, cols = windows
    return slice(rows.start, rows.stop + REACH), slice(cols.start, cols.stop + REACH)


def tiles(windows: Grid) -> Iterator[Grid]:
    """Cut windows into parts of about one size, at most 160 x 160."""
    edges = (
        np.linspace(n.start, n.stop, -(-(n.stop - n.start) // _TILE) + 1).astype(int).tolist()
        for n in windows
    )
    rows, cols = edges
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            yield slice(top, bottom), slice(left, right)


def rgb(grid: Grid) -> Grid:
    """Where a grid lies in rows of RGB values."""
    rows, cols = grid
    return rows, slice(3 * cols.start, 3 * cols.stop)


def colors(rows: Any) -> Any:
    """Rows of RGB values as HxWx3."""
    return rows.reshape(len(rows), -1, 3)


def repeated(color: Any, rows: Any) -> Any:
    """A color, rounded to integers, along a row of `rows` and of their type."""
    return np.tile(np.rint(color).astype(rows.dtype), rows.shape[1] // 3)


def single(values: NDArray[Any]) -> Singles:
    """Values in single precision."""
    return values.astype(np.float32)


def padded(image: Image, height: int, width: int) -> Doubles:
    """An image as rows of RGB values, zero below and right of it up to height x width."""
    rows = np.zeros((height, 3 * width))
    rows[: image.shape[0], : 3 * image.shape[1]] = image.reshape(len(image), -1)
    return rows
