"""Noise of a small picture as a demosaicing would have left it, without demosaicing each time.

A noise rendering at a quarter of the file's size and less is the reference plus a field of noise.
The field is drawn on the mosaic as always and reduced by quads (superpixel.py). A demosaicing
would have left it weaker, a little smoother and otherwise correlated between colors. How, is
measured on an excerpt of the same file, demosaiced with and without noise at some strengths:

    slow part   (wider than `_SLOW` pixels) plus a lift: what clipping at black and white adds
    fast part   convolved with [b 1 b] in both directions, mixed by a 3x3 matrix, times a gain

b and the matrix give the field the demosaiced one's correlation between neighbours and its
covariance of colors; lift and gain go by brightness. A field's strength is the deviation of its
fast part; between strengths that were measured all is interpolated. That the result cannot be told
from another seed's demosaicing is tested (tests/isp/test_noise_match.py).

Not matched: that a demosaicing smooths flat areas more than edges. Averaged over 4 x 4 photosites
it no longer shows, over 2 x 2 it does: hence the limit of four.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

LEAST_REDUCTION = 4.0  # photosites a pixel, each way
_SLOW = 6.0  # pixels, of the Gaussian that parts slow from fast
_NODES = 13  # of what goes by brightness
_BRIGHTEST = 1.44  # linear: the mean of the channels at the last node
_FEW = 100  # pixels: what is measured on fewer counts little
_ROUNDS = 6  # of the search for b: converges by half each


@dataclass(frozen=True)
class NoiseMatch:
    """What was measured, by rising strength: n strengths, B = `_NODES` of brightness.

    lift: (n, B, 3). between: (n, 3), b of each channel. mix: (n, 3, 3). gain: (n, B, 3).
    """

    strengths: tuple[float, ...]
    lift: np.ndarray
    between: np.ndarray
    mix: np.ndarray
    gain: np.ndarray

    def apply(self, field: np.ndarray, brightness: np.ndarray) -> np.ndarray:
        """Return the field as a demosaicing would have left it.

        Args:
            field: float32 (H, W, 3), linear, noisy minus clean, by superpixels. Weaker or stronger
                than all that was measured, the nearest strength counts.
            brightness: uint8 (H, W, 3), `brightness_of` the clean picture.
        """
        slow = _slow(field)
        fast = field - slow
        strength = _strength(fast)
        spread = _neighbours(fast, self._at(self.between, strength))
        mixed = cv2.transform(spread, self._at(self.mix, strength))
        lift, gain = (self._at(part, strength) for part in (self.lift, self.gain))
        return slow + _looked_up(brightness, lift) + mixed * _looked_up(brightness, gain)

    def _at(self, values: np.ndarray, strength: float) -> np.ndarray:
        columns = values.reshape(len(self.strengths), -1).T
        at = [np.interp(strength, self.strengths, column) for column in columns]
        return np.array(at, np.float32).reshape(values.shape[1:])


def brightness_of(clean: np.ndarray) -> np.ndarray:
    """Root of the mean of the channels: float32 (H, W, 3), linear -> uint8 (H, W, 3), all alike."""
    mean = cv2.transform(clean, np.full((1, 3), 1 / 3, np.float32))
    return cv2.merge([np.sqrt(mean / _BRIGHTEST).clip(0, 1) * 255] * 3).astype(np.uint8)


def match(brightness: np.ndarray, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> NoiseMatch:
    """Measure how demosaiced noise differs from reduced noise.

    Args:
        brightness: uint8 (H, W, 3), `brightness_of` the clean picture.
        pairs: by rising strength, the fields of one draw: float32 (H, W, 3) by a demosaicing, and
            the same by superpixels.
    """
    measured = [_match_one(brightness, *pair) for pair in pairs]
    strengths, *parts = zip(*measured, strict=True)
    return NoiseMatch(strengths, *(np.array(part, np.float32) for part in parts))


def _match_one(
    brightness: np.ndarray, demosaiced: np.ndarray, reduced: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    aim, fast = (field - _slow(field) for field in (demosaiced, reduced))
    between, mix = _likeness(aim, fast)
    mixed = cv2.transform(_neighbours(fast, between), mix)
    pixels = _sums(brightness, np.ones_like(reduced))
    lift = _sums(brightness, demosaiced - reduced) / (pixels + _FEW)
    usual = _FEW * (aim**2).mean((0, 1))
    power = (_sums(brightness, field**2) + usual for field in (aim, mixed))
    return _strength(fast), lift, between, mix, np.sqrt(next(power) / next(power))


def _likeness(aim: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find b (3,) and mix (3, 3) that give `field` the correlation and the covariance of `aim`."""
    between = np.zeros(3)
    for _ in range(_ROUNDS):
        spread = _neighbours(field, between)
        mix = _root(aim) @ np.linalg.inv(_root(spread))
        missing = _correlation(aim) - _correlation(cv2.transform(spread, mix))
        between = np.clip(between + missing / 2, -0.3, 0.5)
    return between, _root(aim) @ np.linalg.inv(_root(_neighbours(field, between)))


def _strength(fast: np.ndarray) -> float:
    return float(np.sqrt((fast**2).mean()))


def _sums(brightness: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Sum the field by brightness, to the nearest node: (B, 3)."""
    nearest = np.rint(brightness[..., 0].ravel() * ((_NODES - 1) / 255)).astype(int)
    channels = field.reshape(-1, 3).T
    return np.stack([np.bincount(nearest, channel, _NODES) for channel in channels], axis=-1)


def _looked_up(brightness: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Values of (B, 3) nodes where the brightness is: float32 (H, W, 3)."""
    at = np.linspace(0, _NODES - 1, 256)
    table = np.stack([np.interp(at, np.arange(_NODES), column) for column in nodes.T], axis=-1)
    return cv2.LUT(brightness, table[None].astype(np.float32))


def _slow(field: np.ndarray) -> np.ndarray:
    """Average by area, blur, enlarge: a Gaussian of `_SLOW` at a fraction of its cost."""
    height, width = field.shape[:2]
    small = cv2.resize(field, (-(-width // 4), -(-height // 4)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), _SLOW / 4)
    return cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)


def _neighbours(field: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Convolve each channel with [b 1 b] in both directions; white noise keeps its variance."""
    channels = []
    for channel, b in zip(cv2.split(field), between, strict=True):
        kernel = np.array([b, 1, b]) / np.sqrt(1 + 2 * b**2)
        channels.append(cv2.sepFilter2D(channel, -1, kernel, kernel))
    return cv2.merge(channels)


def _root(field: np.ndarray) -> np.ndarray:
    """Lower triangular root of the covariance of colors, (3, 3)."""
    flat = field.reshape(-1, 3).astype(np.float64)
    return np.linalg.cholesky(flat.T @ flat / len(flat) + np.eye(3) * 1e-12)


def _correlation(field: np.ndarray) -> np.ndarray:
    """Return the correlation of neighbours, the mean of both directions, by channel."""
    across = (field[:, 1:] * field[:, :-1]).mean((0, 1))
    down = (field[1:] * field[:-1]).mean((0, 1))
    return (across + down) / 2 / np.maximum((field**2).mean((0, 1)), 1e-12)
