"""Noise of a small picture as a demosaicing would have left it, without demosaicing each time.

A noise rendering at a quarter of the file's size and less is the reference plus a field of noise.
The field is drawn on the mosaic as always and reduced by quads (superpixel.py); a demosaicing
would have left it a little smoother, weaker and otherwise correlated between colours. How, is
measured on an excerpt of the same file, demosaiced with and without noise at three strengths:

    slow part      (wider than `_SLOW` pixels: the lift of what is clipped at black)  x gain
    fast part      convolved with [b 1 b] in both directions, then mixed by a 3x3 matrix

b and the matrix give the field the demosaiced one's correlation between neighbours and its
covariance of colours; between strengths all are interpolated. That what comes out cannot be told
from another seed is tested (tests/isp/test_noise_match.py). What is not matched: how a demosaicing
smooths flat areas more than edges, which shows where less is averaged: hence the limit of four.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

LEAST_REDUCTION = 4.0  # photosites a pixel, each way
ANCHORS = (1.0, 4.5, 8.0)  # stops: the shipped levels lie between
_SLOW = 6.0  # pixels, of the Gaussian that parts slow from fast
_ROUNDS = 6  # of the search for b: converges by half each


@dataclass(frozen=True)
class NoiseMatch:
    """By anchor: slow (n, 3), between (n, 3): b, mix (n, 3, 3), all float32."""

    stops: tuple[float, ...]
    slow: np.ndarray
    between: np.ndarray
    mix: np.ndarray

    def apply(self, field: np.ndarray, stops: float) -> np.ndarray:
        """The field of a strength as a demosaicing would have left it.

        Args:
            field: float32 (H, W, 3), linear, noisy minus clean, by superpixels.
            stops: the noise's strength; beyond the anchors the nearest one counts.
        """
        slow = _slow(field)
        fast = cv2.transform(_neighbours(field - slow, self._at(self.between, stops)),
                             self._at(self.mix, stops))  # fmt: skip
        return slow * self._at(self.slow, stops) + fast

    def _at(self, values: np.ndarray, stops: float) -> np.ndarray:
        flat = values.reshape(len(self.stops), -1)
        at = [np.interp(stops, self.stops, column) for column in flat.T]
        return np.array(at, np.float32).reshape(values.shape[1:])


def match(
    stops: Sequence[float],
    demosaiced: Callable[[float], np.ndarray],
    reduced: Callable[[float], np.ndarray],
) -> NoiseMatch:
    """Measure how demosaiced noise differs from reduced noise.

    Args:
        stops: the strengths to measure at, rising.
        demosaiced: strength -> field of noise, float32 (H, W, 3), by a demosaicing.
        reduced: strength -> the field of the same draw by superpixels, same shape.
    """
    found = [_match_one(demosaiced(strength), reduced(strength)) for strength in stops]
    slow, between, mix = (np.array(part, np.float32) for part in zip(*found, strict=True))
    return NoiseMatch(tuple(stops), slow, between, mix)


def _match_one(
    demosaiced: np.ndarray, reduced: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    slow, slow_reduced = _slow(demosaiced), _slow(reduced)
    fast, fast_reduced = demosaiced - slow, reduced - slow_reduced
    gain = (slow * slow_reduced).sum((0, 1)) / np.maximum((slow_reduced**2).sum((0, 1)), 1e-12)
    aim, between, mix = _correlation(fast), np.zeros(3), np.eye(3)
    for _ in range(_ROUNDS):
        spread = _neighbours(fast_reduced, between)
        mix = _root(fast) @ np.linalg.inv(_root(spread))
        have = _correlation(cv2.transform(spread, mix))
        between = np.clip(between + (aim - have) / 2, -0.3, 0.5)
    spread = _neighbours(fast_reduced, between)
    return np.clip(gain, 0.5, 1.5), between, _root(fast) @ np.linalg.inv(_root(spread))


def _slow(field: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(field, (0, 0), _SLOW)


def _neighbours(field: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Each channel convolved with [b 1 b] in both directions, white noise keeping its variance."""
    channels = []
    for channel, b in zip(cv2.split(field), between, strict=True):
        kernel = np.array([b, 1, b]) / np.sqrt(1 + 2 * b**2)
        channels.append(cv2.sepFilter2D(channel, -1, kernel, kernel))
    return cv2.merge(channels)


def _root(field: np.ndarray) -> np.ndarray:
    """Lower triangular root of the covariance of colours, (3, 3)."""
    flat = field.reshape(-1, 3).astype(np.float64)
    covariance = flat.T @ flat / len(flat)
    return np.linalg.cholesky(covariance + np.eye(3) * 1e-12)


def _correlation(field: np.ndarray) -> np.ndarray:
    """Of neighbours, the mean of both directions, by channel."""
    across = (field[:, 1:] * field[:, :-1]).mean((0, 1))
    down = (field[1:] * field[:-1]).mean((0, 1))
    return (across + down) / 2 / np.maximum((field**2).mean((0, 1)), 1e-12)
