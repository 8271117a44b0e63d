"""What pixels say in numbers: their color, and their texture as no-reference metrics measure it.

Exposure, contrast and colorfulness are in the statistics of color; noise, blur and compression in
those of texture at two scales: naturalness as BRISQUE has it (Mittal, Moorthy and Bovik, IEEE TIP
2012), what a Laplacian leaves (Immerkaer 1996), local contrast, and the steps at the borders of
JPEG's blocks (Wang, Sheikh and Bovik, ICIP 2002). Texture is that of the mean of the channels:
neither their order nor, but for rounding, a flip or a turn of the image changes it.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

GRID = 8  # JPEG's blocks
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)  # of color
COLOR = 6 + 2 * len(QUANTILES) + 2
SPREAD = (0.1, 0.5, 0.9)  # quantiles of texture
SCALES = 2
TEXTURE = SCALES * (9 + 1 + 2 * len(SPREAD)) + 3

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Places = tuple[NDArray[Any], NDArray[Any]]
"""Rows and columns of N > 0 pixels."""

_WINDOW, _SIGMA = (7, 7), 7 / 6  # BRISQUE's
_LAPLACIAN = np.outer((1, -2, 1), (1, -2, 1)).astype(np.float32) / 6
_LEAST = 0.1  # 8-bit steps: added before a logarithm


def color(pixels: Bytes) -> Floats:
    """(COLOR,) of (N, 3) RGB pixels; every number in [0, 1].

    Mean and deviation of R, G and B, quantiles of luminance and of saturation, the shares of
    clipped dark and bright values.
    """
    planes = np.ascontiguousarray(pixels.T)
    values = planes.astype(np.float32) / 255
    mean = values.mean(1)
    variance = np.einsum("cn,cn->c", values, values) / values.shape[1] - mean * mean
    luminance = np.sort(np.array([0.299, 0.587, 0.114], np.float32) @ values)
    saturation = np.sort(planes.max(0) - planes.min(0))
    positions = [int(q * (len(luminance) - 1) + 0.5) for q in QUANTILES]
    clipped = np.array([np.count_nonzero(planes <= 2), np.count_nonzero(planes >= 253)])
    return np.concatenate(
        [
            mean,
            np.sqrt(np.maximum(variance, 0)),
            luminance[positions],
            saturation[positions] / np.float32(255),
            clipped / planes.size,
        ],
        dtype=np.float32,
    )


@dataclass(frozen=True)
class Texture:
    """Maps of an image, made once, from which the texture of any of its pixels is read."""

    scales: tuple["Scale", ...]

    @classmethod
    def of(cls, image: Bytes) -> "Texture":
        """The maps of (H, W, 3) uint8 RGB, H and W at least 2."""
        grey = cv2.transform(image.astype(np.float32), np.full((1, 3), 1 / 3))
        half = (grey.shape[1] // 2, grey.shape[0] // 2)
        small = cv2.resize(grey, half, interpolation=cv2.INTER_AREA)
        return cls((Scale.of(grey), Scale.of(np.asarray(small))))

    def at(self, places: Places) -> Floats:
        """(TEXTURE,) of the pixels at `places`."""
        rows, columns = places
        numbers = [s.at((rows >> n, columns >> n)) for n, s in enumerate(self.scales)]
        return np.concatenate([*numbers, self.scales[0].blocks(places)], dtype=np.float32)


@dataclass(frozen=True)
class Scale:
    """One scale of a grey image; maps are flat, of its rows with a pixel more on every side."""

    size: tuple[int, int]  # height and width, without the border
    grey: Floats  # in 8-bit steps, as the next two
    deviation: Floats
    residual: Floats  # size of what a Laplacian leaves
    natural: Floats  # less the local mean, over the local deviation and 1

    @classmethod
    def of(cls, grey: Floats) -> "Scale":
        """The maps of (H, W) float32."""
        height, width = grey.shape
        grey = np.asarray(cv2.copyMakeBorder(grey, 1, 1, 1, 1, cv2.BORDER_REPLICATE))
        mean = cv2.GaussianBlur(grey, _WINDOW, _SIGMA)
        variance = cv2.GaussianBlur(grey * grey, _WINDOW, _SIGMA) - mean * mean
        deviation = np.sqrt(np.maximum(variance, 0))
        residual = np.abs(cv2.filter2D(grey, -1, _LAPLACIAN))
        maps = (grey, deviation, residual, (grey - mean) / (deviation + 1))
        return cls((height, width), *(np.asarray(m).ravel() for m in maps))

    def at(self, places: Places) -> Floats:
        """Naturalness, the logarithms of the mean residual and of quantiles of two maps."""
        at = self._flat(places)
        residual, deviation = self.residual.take(at), self.deviation.take(at)
        spread = _quantiles(residual), _quantiles(deviation)
        logarithms = np.log(np.concatenate([[residual.mean()], *spread]) + _LEAST)
        return np.concatenate([self._naturalness(at), logarithms], dtype=np.float32)

    def _naturalness(self, at: NDArray[Any]) -> Floats:
        """Moments of normalised values, and of their products with neighbours (BRISQUE)."""
        below = self.size[1] + 2
        here = self.natural.take(at)
        square = here * here
        power = square.mean()
        own = [np.abs(here).mean(), np.sqrt(power), (square @ square) / len(at) / (power + 0.01)]
        around = at + np.array([[1], [below], [below + 1], [below - 1]])
        products = (here * self.natural.take(around)).reshape(2, -1)  # straight, slanted
        moments = [products.mean(1), np.abs(products).mean(1), products.std(1)]
        return np.concatenate([own, *moments], dtype=np.float32)

    def blocks(self, places: Places) -> Floats:
        """Steps across borders of JPEG's blocks against the others; these; the share of no step."""
        at = self._flat(places)
        before = np.stack([at - self.size[1] - 2, at - 1])
        steps = np.abs(self.grey.take(at) - self.grey.take(before))
        border = np.stack([axis % GRID == 0 for axis in places])
        across, within = (_mean(steps[where]) + _LEAST for where in (border, ~border))
        still = (steps < 0.5).mean()
        return np.array([np.log(across / within), np.log(within), still], np.float32)

    def _flat(self, places: Places) -> NDArray[Any]:
        height, width = self.size
        rows, columns = np.minimum(places[0], height - 1), np.minimum(places[1], width - 1)
        return (rows + 1) * (width + 2) + columns + 1


def _quantiles(values: Floats) -> Floats:
    ordered = np.sort(values)
    return ordered[[int(q * (len(ordered) - 1) + 0.5) for q in SPREAD]]


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0
