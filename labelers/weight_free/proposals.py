"""Objects from regions: sets of leaves that stand out and are closed by a contour.

Candidates are the connected components of the saliency map over several levels, and the nodes of
the merge tree as a fall-back where saliency finds nothing. All features are sums over leaves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from labelers.weight_free.merge_tree import Tree
from labelers.weight_free.regions import Floats, Regions
from manifests.rle import Mask

LeafSets = NDArray[np.bool_]  # k x n leaves

_LEVELS = np.linspace(0.15, 0.9, 16)
_CONTOUR_HALF = 8.0  # Lab units a pixel at which a contour counts half
_LARGEST = 0.6  # of the image
_WEAK = 0.25  # of a boundary
_OVERLAP = 0.5  # IoU above which two proposals are one object
_WEAKEST = 0.2  # of the best proposal's score


@dataclass(frozen=True)
class Proposal:
    """A mask at the regions' size (bool HxW) and its objectness in [0, 1]."""

    mask: Mask
    score: float


def propose(tree: Tree, salience: Floats, smallest: float, most: int) -> list[Proposal]:
    """At most `most` distinct objects of at least `smallest` pixels, best first."""
    regions = tree.regions
    sets = np.concatenate([_salient_sets(regions, salience), _node_sets(tree)])
    area = sets @ regions.area
    sets = sets[(area >= smallest) & (area <= _LARGEST * regions.labels.size)]
    if not len(sets):
        return []
    scores = objectness(regions, sets, salience)
    kept = _distinct(sets, scores, regions.area, most)
    return [Proposal(sets[k][regions.labels], round(float(scores[k]), 6)) for k in kept]


def _salient_sets(regions: Regions, salience: Floats) -> LeafSets:
    """Find the connected components of {leaf: salience >= level} over the levels."""
    found = [np.zeros((0, len(salience)), np.bool_)]
    a, b = regions.pairs.T
    for level in _LEVELS:
        inside = salience >= level
        both = inside[a] & inside[b]
        n = len(salience)
        graph = csr_matrix((np.ones(both.sum()), (a[both], b[both])), shape=(n, n))
        count, label = connected_components(graph, directed=False)
        members = label[None] == np.arange(count)[:, None]
        found.append(members[(members & inside).any(axis=1)])
    return np.unique(np.concatenate(found), axis=0)


def _node_sets(tree: Tree) -> LeafSets:
    rank = tree.rank[None]
    return (rank >= tree.low[:, None]) & (rank < tree.high[:, None])


def objectness(regions: Regions, sets: LeafSets, salience: Floats) -> Floats:
    """Salience inside over outside, times contour, compactness and freedom from the edge.

    Each factor is in [0, 1]; a set without a boundary inside the image scores 0. The contour is
    the one that a quarter of the boundary stays under: a mean would hide where a set leaks.
    """
    a, b = regions.pairs.T
    area = sets @ regions.area
    crossing = (sets[:, a] ^ sets[:, b]) * regions.length
    length = np.maximum(crossing.sum(axis=1), 1e-9)
    outer = np.where(sets[:, a], salience[b], salience[a])
    contrast = (sets @ (regions.area * salience)) / area - (crossing * outer).sum(axis=1) / length
    rim = _weak_contour(crossing, regions.contour)
    edge = sets @ regions.edge
    perimeter = length + edge
    compact = np.minimum(4 * np.pi * area / perimeter**2, 1)
    share = area / regions.labels.size
    return (
        np.maximum(contrast, 0)
        * (rim / (rim + _CONTOUR_HALF))
        * compact**0.25
        * (1 - np.minimum(edge / perimeter, 1))
        * (share * (1 - share)) ** 0.25
    )


def _weak_contour(crossing: Floats, contour: Floats) -> Floats:
    """For each set (row) the contour strength that _WEAK of its boundary stays under."""
    order = np.argsort(contour, kind="stable")
    reached = np.cumsum(crossing[:, order], axis=1)
    first = (reached >= _WEAK * reached[:, -1:]).argmax(axis=1)
    return np.asarray(contour[order][first])


def _distinct(sets: LeafSets, scores: Floats, area: Floats, most: int) -> list[int]:
    """Greedy choice by score; what overlaps a better one is left out."""
    kept: list[int] = []
    sizes = sets @ area
    for k in np.argsort(-scores, kind="stable"):
        if len(kept) == most or scores[k] <= _WEAKEST * scores.max():
            break
        shared = (sets[kept] & sets[k]) @ area
        if not (shared > _OVERLAP * (sizes[kept] + sizes[k] - shared)).any():
            kept.append(int(k))
    return kept
