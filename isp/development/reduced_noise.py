"""Noise renderings without demosaicing each: the reference plus a field of noise at working size.

The field is what the noise on the mosaic leaves of its quads (superpixel.py), brought to what a
demosaicing would have left (noise_match.py), which is measured on an excerpt of the file.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from isp.development.demosaic import demosaic, to_light
from isp.development.excerpt import open_excerpt
from isp.development.lens import LensCorrection
from isp.development.noise_match import LEAST_REDUCTION, NoiseMatch, brightness_of, match
from isp.development.superpixel import has_quads, superpixels
from isp.raw.sensor import Sensor

ANCHORS = (1.0, 3.0, 5.0, 6.5, 8.0)  # stops at which the match is measured: the levels' span
_EXCERPT = 256  # pixels of the rendering, each side of the excerpt


def can_reduce(sensor: Sensor, size: tuple[int, int]) -> bool:
    """Whether noise renderings of (width, height) need no demosaicing of their own."""
    return has_quads(sensor) and sensor.size[0] >= LEAST_REDUCTION * size[0]


@dataclass(frozen=True)
class ReducedNoise:
    """The fields of one open RAW at one size.

    noisy: (mosaic, stops) -> the mosaic with noise of this strength, for the excerpt.
    """

    sensor: Sensor
    lens: LensCorrection
    algorithm: str
    size: tuple[int, int]
    noisy: Callable[[np.ndarray, float], np.ndarray]

    def field(self, mosaic: np.ndarray) -> np.ndarray:
        """Return what the noise of `mosaic` adds to the reference.

        Args:
            mosaic: uint16 (H, W), the sensor's own with noise.

        Returns:
            float32 (height, width, 3), linear sRGB, of either sign, lens-corrected, not turned.
        """
        noise = superpixels(self.sensor, mosaic, self.size) - self._clean
        return self._carry(self._match.apply(noise, self._brightness))

    @cached_property
    def _carry(self) -> Callable[[np.ndarray], np.ndarray]:
        return self.lens.for_noise((self.size[1], self.size[0]))

    @cached_property
    def _clean(self) -> np.ndarray:
        assert self.sensor.mosaic is not None
        return superpixels(self.sensor, self.sensor.mosaic, self.size)

    @cached_property
    def _brightness(self) -> np.ndarray:
        return brightness_of(self._clean)

    @cached_property
    def _match(self) -> NoiseMatch:
        reduction = self.sensor.size[0] / self.size[0]
        side = min(round(_EXCERPT * reduction), *self.sensor.size)
        with open_excerpt(self.sensor, side) as excerpt:
            assert excerpt.mosaic is not None
            edge = round(excerpt.size[0] / reduction)
            clean = superpixels(excerpt, excerpt.mosaic, (edge, edge))
            return match(brightness_of(clean), self._pairs(excerpt, clean))

    def _pairs(self, excerpt: Sensor, clean: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        assert excerpt.mosaic is not None
        size = clean.shape[1], clean.shape[0]
        before = self._demosaiced(excerpt, excerpt.mosaic, size)
        for stops in ANCHORS:
            mosaic = self.noisy(excerpt.mosaic, stops)
            demosaiced = self._demosaiced(excerpt, mosaic, size)
            yield demosaiced - before, superpixels(excerpt, mosaic, size) - clean

    def _demosaiced(self, sensor: Sensor, mosaic: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        linear = to_light(sensor, demosaic(sensor, mosaic, self.algorithm))
        return cv2.resize(linear, size, interpolation=cv2.INTER_AREA)
