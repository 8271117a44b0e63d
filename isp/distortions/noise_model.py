"""Shot and read noise: the model, and what of it a file has already.

Model (Brooks et al., CVPR 2019; Foi et al., 2008), on linear values x in [0, 1] above black:
variance = shot x + read. Raising the gain by S stops while the light falls by as much multiplies
shot by 2^S and read by 4^S; what is added is the difference to the file's own.
"""

from dataclasses import dataclass

import numpy as np

SHOT_RANGE = (1e-4, 1.2e-2)  # Brooks et al.: from the least to the most noisy of common cameras
_BLOCK = 8
_QUANTILE = 0.1  # of the block variances at one brightness: the flattest blocks hold noise alone
_FLATTEST_TO_TRUE = 0.78  # what that quantile is of the true variance for 8x8 blocks
_BINS = 12
_READ_SPREAD = 2.2  # three standard deviations of Brooks et al., either way


@dataclass(frozen=True)
class NoiseModel:
    """Shot and read noise of R, G, B on linear [0, 1]."""

    shot: tuple[float, ...]
    read: tuple[float, ...]

    def added(self, stops: float) -> "NoiseModel":
        """Return the noise that a gain of `stops` adds to the file's own."""
        return NoiseModel(
            tuple(shot * (2.0**stops - 1) for shot in self.shot),
            tuple(read * (4.0**stops - 1) for read in self.read),
        )

    def times(self, factor: float) -> "NoiseModel":
        """All variances times `factor`: n, for what averaging n photosites into a pixel divides."""
        shot, read = (tuple(v * factor for v in part) for part in (self.shot, self.read))
        return NoiseModel(shot, read)


def measure_planes(planes: dict[int, list[np.ndarray]]) -> NoiseModel:
    """Measure a file's noise on planes (float (H, W), linear [0, 1] above black) by color 0..2."""
    fits = [_fit(planes[color]) for color in range(3)]
    return NoiseModel(tuple(fit[0] for fit in fits), tuple(fit[1] for fit in fits))


def likely_read(shot: float) -> float:
    """Read noise that usually goes with this shot noise (Brooks et al., CVPR 2019)."""
    return float(np.exp(2.18 * np.log(shot) + 1.20))


def _fit(planes: list[np.ndarray]) -> tuple[float, float]:
    from scipy.optimize import nnls  # slow to load, and most commands fit nothing

    means, variances = (np.concatenate(part) for part in zip(*map(_blocks, planes), strict=True))
    usable = (means > 0.002) & (means < 0.9)
    means, variances = means[usable], variances[usable]
    if len(means) < _BINS:
        return SHOT_RANGE[0], likely_read(SHOT_RANGE[0])
    edges = np.quantile(means, np.linspace(0, 1, _BINS + 1))
    bins = np.clip(np.searchsorted(edges, means, side="right") - 1, 0, _BINS - 1)
    filled = [b for b in range(_BINS) if (bins == b).any()]
    level = np.array([means[bins == b].mean() for b in filled])
    flat = np.array([np.quantile(variances[bins == b], _QUANTILE) for b in filled])
    design = np.stack([level, np.ones_like(level)], axis=1) / level[:, None]
    (shot, read), _ = nnls(design, flat / _FLATTEST_TO_TRUE / level)
    shot = float(np.clip(shot, *SHOT_RANGE))
    likely = likely_read(shot)
    return shot, float(np.clip(read, likely / _READ_SPREAD, likely * _READ_SPREAD))


def _blocks(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and noise variances of 8x8 blocks; the high-pass is blind to slopes and edges."""
    plane = np.asarray(plane, np.float32)
    detail = (plane[1:, 1:] - plane[:-1, 1:] - plane[1:, :-1] + plane[:-1, :-1]) / 2
    rows, columns = (size // _BLOCK for size in detail.shape)
    if not rows * columns:
        return np.empty(0), np.empty(0)
    cut = (slice(rows * _BLOCK), slice(columns * _BLOCK))
    tiles = (rows, _BLOCK, columns, _BLOCK)
    mean = plane[:-1, :-1][cut].reshape(tiles).mean(axis=(1, 3))
    variance = (detail[cut].reshape(tiles) ** 2).mean(axis=(1, 3))
    return mean.ravel(), variance.ravel()
