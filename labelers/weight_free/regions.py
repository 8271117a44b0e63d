"""A photograph as regions: Felzenszwalb's graph-based ones, and what is known of each.

Regions: Felzenszwalb and Huttenlocher, IJCV 2004 (scikit-image), not copied. Covers one image at
its working size; merge_tree.py makes a tree of them. No classes, no learning.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from manifests.images import fitted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WORKING_EDGE = 512  # pixels of the long edge; half the paper preset's, and three times as fast
_SCALE = 60.0
_SIGMA = 0.8
_SMALLEST = 1 / 4000  # of the image


@dataclass(frozen=True)
class Regions:
    """Leaves 0..n-1 of an image: the label map (HxW) and what is known of each leaf."""

    labels: Ints  # HxW
    lab: Floats  # n x 3, mean CIELAB
    area: Floats  # n, pixels
    centre: Floats  # n x 2, row and column over the longer side
    edge: Floats  # n, pixels on the image border
    pairs: Ints  # m x 2, neighbours a < b
    contour: Floats  # m, mean Lab gradient along the shared boundary
    length: Floats  # m, pixels of the shared boundary


def working_copy(reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale `reference` (HxWx3) to a long edge of at most WORKING_EDGE pixels."""
    return fitted(reference, WORKING_EDGE)


def segment(image: NDArray[np.uint8]) -> Regions:
    """Felzenszwalb's regions of an encoded RGB image, uint8 HxWx3; a flat image has one."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    smallest = max(20, int(image.shape[0] * image.shape[1] * _SMALLEST))
    raw = felzenszwalb(lab / 100, scale=_SCALE, sigma=_SIGMA, min_size=smallest)
    labels = np.unique(raw, return_inverse=True)[1].reshape(raw.shape).astype(np.int64)
    flat, n = labels.ravel(), int(labels.max()) + 1
    area = np.bincount(flat, minlength=n).astype(np.float64)
    rows, cols = np.indices(labels.shape)
    side = max(labels.shape)
    pairs, contour, length = _neighbours(labels, _gradient(lab))
    return Regions(
        labels=labels,
        lab=_means([lab[..., c] for c in range(3)], flat, area),
        area=area,
        centre=_means([rows / side, cols / side], flat, area),
        edge=_border_pixels(labels, n),
        pairs=pairs,
        contour=contour,
        length=length,
    )


def _means(planes: list[NDArray[np.floating]], flat: Ints, area: Floats) -> Floats:
    sums = [np.bincount(flat, p.ravel(), minlength=len(area)) for p in planes]
    return np.stack(sums, axis=1) / area[:, None]


def _gradient(lab: NDArray[np.float32]) -> Floats:
    smooth = cv2.GaussianBlur(lab, (0, 0), 1.0)
    dx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 32
    dy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 32
    return np.sqrt((dx**2 + dy**2).sum(axis=2)).astype(np.float64)


def _border_pixels(labels: Ints, n: int) -> Floats:
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.bincount(border, minlength=n).astype(np.float64)


def _neighbours(labels: Ints, gradient: Floats) -> tuple[Ints, Floats, Floats]:
    """Pairs of touching labels (4-connected), mean gradient and length of their boundary."""
    first = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    second = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    strength = np.concatenate(
        [
            np.maximum(gradient[:, :-1], gradient[:, 1:]).ravel(),
            np.maximum(gradient[:-1], gradient[1:]).ravel(),
        ]
    )
    differ = first != second
    keys = np.sort(np.stack([first[differ], second[differ]], axis=1), axis=1)
    pairs, index = np.unique(keys, axis=0, return_inverse=True)
    index = index.ravel()
    length = np.bincount(index, minlength=len(pairs)).astype(np.float64)
    total = np.bincount(index, strength[differ], minlength=len(pairs))
    return pairs.reshape(-1, 2), total / np.maximum(length, 1), length
