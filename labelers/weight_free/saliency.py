"""Which regions of a photograph stand out: robust background detection.

Zhu, Liang, Wei and Sun, "Saliency Optimization from Robust Background Detection", CVPR 2014:
a region is background when much of the image border belongs to its soft neighbourhood; the
foreground is what differs in color from such regions. Written from the paper's equations 2 to 9,
over Felzenszwalb's regions in place of uniform superpixels.
"""

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import shortest_path
from scipy.sparse.linalg import spsolve

from labelers.weight_free.regions import Floats, Regions

_SIGMA_COLOR = 10.0  # Lab units, the paper's sigma_clr
_SIGMA_SPACE = 0.4  # of the longer side
_SIGMA_BORDER = 1.0
_SMOOTH_FLOOR = 0.1


def saliency(regions: Regions) -> Floats:
    """Foreground value in [0, 1] of each leaf of `regions`."""
    if len(regions.area) < 3:
        return np.zeros(len(regions.area))
    color = np.linalg.norm(regions.lab[:, None] - regions.lab[None], axis=2)
    background = _background(regions, color)
    contrast = _contrast(regions, color, background)
    return _optimise(regions, color, background, contrast)


def _background(regions: Regions, color: Floats) -> Floats:
    """Eq. 3 to 6: probability of background from boundary connectivity."""
    n = len(regions.area)
    a, b = regions.pairs.T
    # A zero in a sparse graph is no edge: keep equal colors connected.
    graph = csr_matrix((np.maximum(color[a, b], 1e-6), (a, b)), shape=(n, n))
    geodesic = shortest_path(graph, directed=False)
    near = np.exp(-(geodesic**2) / (2 * _SIGMA_COLOR**2))
    span = near @ regions.area
    connectivity = (near @ regions.edge) / np.sqrt(span)
    return 1 - np.exp(-(connectivity**2) / (2 * _SIGMA_BORDER**2))


def _contrast(regions: Regions, color: Floats, background: Floats) -> Floats:
    """Eq. 7: background-weighted contrast, scaled to [0, 1]."""
    distance = np.linalg.norm(regions.centre[:, None] - regions.centre[None], axis=2)
    nearness = np.exp(-(distance**2) / (2 * _SIGMA_SPACE**2))
    share = regions.area / regions.area.sum()
    return _unit((color * nearness) @ (background * share))


def _optimise(regions: Regions, color: Floats, background: Floats, contrast: Floats) -> Floats:
    """Eq. 9: least squares of background, foreground and smoothness."""
    n = len(regions.area)
    a, b = regions.pairs.T
    weight = np.exp(-(color[a, b] ** 2) / (2 * _SIGMA_COLOR**2)) + _SMOOTH_FLOOR
    adjacency = csr_matrix((weight, (a, b)), shape=(n, n))
    adjacency = adjacency + adjacency.T
    laplacian = diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency
    system = (laplacian + diags(background + contrast + 1e-6)).tocsc()
    return _unit(np.atleast_1d(spsolve(system, contrast)))


def _unit(values: Floats) -> Floats:
    spread = float(np.ptp(values))
    return (values - values.min()) / spread if spread > 1e-9 else np.zeros_like(values)
