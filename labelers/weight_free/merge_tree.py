"""A photograph as a tree: its regions merged pair by pair.

The tree stands in for a promptable segmenter: the nodes above a point are nested masks, from a part
to its whole (as SAM's three), and a node that waits long for its merger is a thing of its own.
Merging by contour strength and color: the idea of ultrametric contour maps, Arbelaez et al., PAMI
2011, not copied.
"""

import heapq
from dataclasses import dataclass

import numpy as np

from labelers.weight_free.regions import Floats, Ints, Regions
from manifests.rle import Mask


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
        """Return the node's pixels, bool HxW in the frame of `regions.labels`."""
        rank = self.rank[self.regions.labels]
        return (rank >= self.low[node]) & (rank < self.high[node])

    def ancestors(self, leaf: int) -> list[int]:
        """Yield the node itself and all above it, smallest first."""
        chain = [leaf]
        while self.parent[chain[-1]] >= 0:
            chain.append(int(self.parent[chain[-1]]))
        return chain


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
        """Contour and color in Lab units; a small side counts less, so that specks go first."""
        strength, length = self.links[a][b]
        color = float(np.linalg.norm(self.lab[a] - self.lab[b]))
        share = min(self.area[a], self.area[b]) / float(self.regions.labels.size)
        return float((strength / length + 0.5 * color) * share**0.25)

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
