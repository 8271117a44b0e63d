"""A photograph as a tree of regions: Felzenszwalb's graph-based regions, merged pair by pair.

The tree stands in for a promptable segmenter: the nodes above a point are nested masks, from a part
to its whole (as SAM's three), and a node that waits long for its merger is a thing of its own.
Regions: Felzenszwalb and Huttenlocher, IJCV 2004 (scikit-image). Merging by contour strength and
colour: the idea of ultrametric contour maps, Arbelaez et al., PAMI 2011. Neither is copied.

Covers one image at its working size. No classes, no learning.
"""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from labelers.rle import Mask

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


@dataclass(frozen=True)
class Tree:
    """The merge tree over `regions`: node k < n is leaf k, the last node is the whole image.

    `low`/`high` give each node's leaves as a range of `rank`, so that a mask is one comparison.
    """

    regions: Regions
    parent: Ints  # -1 for the root
    height: Floats  # dissimilarity at which the node came about; 0 for leaves
    area: Floats
    rim: Floats  # mean Lab gradient along the node's boundary inside the image
    perimeter: Floats  # pixels, with what lies on the image border
    rank: Ints  # of each leaf, in the order of the dendrogram
    low: Ints
    high: Ints

    def mask(self, node: int) -> Mask:
        """The node's pixels, bool HxW in the frame of `regions.labels`."""
        rank = self.rank[self.regions.labels]
        return (rank >= self.low[node]) & (rank < self.high[node])

    def ancestors(self, leaf: int) -> list[int]:
        """The node itself and all above it, smallest first."""
        chain = [leaf]
        while self.parent[chain[-1]] >= 0:
            chain.append(int(self.parent[chain[-1]]))
        return chain


def working_copy(reference: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`reference` (HxWx3) with its long edge at most WORKING_EDGE pixels."""
    height, width = reference.shape[:2]
    scale = WORKING_EDGE / max(height, width)
    if scale >= 1:
        return reference
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(reference, size, interpolation=cv2.INTER_AREA), np.uint8)


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


def merge(regions: Regions) -> Tree:
    """Merge the least different neighbours, again and again, until one region is left."""
    return _Merger(regions).run()


class _Merger:
    """The greedy agglomeration: a heap of neighbours, stale entries skipped."""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions
        n = len(regions.area)
        self.area = [float(a) for a in regions.area]
        self.lab = [row.copy() for row in regions.lab]
        self.height = [0.0] * n
        self.parent = [-1] * n
        self.children: list[tuple[int, int] | None] = [None] * n
        self.links: list[dict[int, tuple[float, float]]] = [{} for _ in range(n)]
        self.edge = [float(e) for e in regions.edge]
        self.rim: list[tuple[float, float]] = []
        self.heap: list[tuple[float, int, int]] = []
        for (a, b), strength, length in zip(
            regions.pairs.tolist(), regions.contour, regions.length, strict=True
        ):
            self._link(a, b, strength * length, length)
        self.rim.extend(self._rim(leaf) for leaf in range(n))

    def _rim(self, node: int) -> tuple[float, float]:
        """Mean contour strength and perimeter, from the links a node is born with."""
        strength = sum(s for s, _ in self.links[node].values())
        length = sum(n for _, n in self.links[node].values())
        return strength / max(length, 1.0), length + self.edge[node]

    def _link(self, a: int, b: int, strength: float, length: float) -> None:
        self.links[a][b] = self.links[b][a] = (strength, length)
        heapq.heappush(self.heap, (self._difference(a, b), min(a, b), max(a, b)))

    def _difference(self, a: int, b: int) -> float:
        """Contour and colour in Lab units; a small side counts less, so that specks go first."""
        strength, length = self.links[a][b]
        colour = float(np.linalg.norm(self.lab[a] - self.lab[b]))
        share = min(self.area[a], self.area[b]) / float(self.regions.labels.size)
        return float((strength / length + 0.5 * colour) * share**0.25)

    def _join(self, difference: float, a: int, b: int) -> None:
        node = len(self.area)
        whole = self.area[a] + self.area[b]
        self.lab.append((self.lab[a] * self.area[a] + self.lab[b] * self.area[b]) / whole)
        self.area.append(whole)
        self.edge.append(self.edge[a] + self.edge[b])
        self.height.append(max(difference, self.height[a], self.height[b]))
        self.parent.append(-1)
        self.children.append((a, b))
        self.parent[a] = self.parent[b] = node
        self.links.append({})
        joined: dict[int, tuple[float, float]] = {}
        for side in (a, b):
            for other, (strength, length) in self.links[side].items():
                if other not in (a, b):
                    s, n = joined.get(other, (0.0, 0.0))
                    joined[other] = (s + strength, n + length)
                    self.links[other].pop(side)
        for other, (strength, length) in sorted(joined.items()):
            self._link(node, other, strength, length)
        self.rim.append(self._rim(node))

    def run(self) -> Tree:
        while self.heap:
            difference, a, b = heapq.heappop(self.heap)
            if self.parent[a] < 0 and self.parent[b] < 0:
                self._join(difference, a, b)
        rank, low, high = self._order()
        return Tree(
            self.regions,
            np.array(self.parent, np.int64),
            np.array(self.height),
            np.array(self.area),
            np.array([strength for strength, _ in self.rim]),
            np.array([length for _, length in self.rim]),
            rank,
            low,
            high,
        )

    def _order(self) -> tuple[Ints, Ints, Ints]:
        """Leaves in dendrogram order, and each node's range of it."""
        total, n = len(self.area), len(self.regions.area)
        rank = np.zeros(n, np.int64)
        low, high = np.zeros(total, np.int64), np.zeros(total, np.int64)
        stack, position = [total - 1], 0
        while stack:
            node = stack.pop()
            children = self.children[node]
            if children is None:
                rank[node] = low[node] = position
                position += 1
                high[node] = position
            else:
                stack.extend(reversed(children))
        for node in range(n, total):
            a, b = self.children[node] or (node, node)
            low[node], high[node] = min(low[a], low[b]), max(high[a], high[b])
        return rank, low, high
