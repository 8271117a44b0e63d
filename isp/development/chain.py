"""The order of development, in one place: from the mosaic to the bytes that ship.

    mosaic noise, demosaic, lens, camera RGB to sRGB, working size | exposure | blur | tone |
    contrast | colorfulness | encoding

A module without its step is the reference's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import cv2
import numpy as np

from isp.development.demosaic import demosaic, white_level
from isp.development.geometry import to_working_size, upright, working_size
from isp.development.lens import LensCorrection
from isp.development.recipes import Step
from isp.development.tone import Tone, find_tone
from isp.development.tree import Module
from isp.distortions import noise
from isp.distortions.blur import blur
from isp.distortions.colorfulness import Chroma, chroma, scale_chroma
from isp.distortions.compression import Encoded, compress, store
from isp.distortions.contrast import contrast_curve
from isp.distortions.exposure import expose
from isp.raw.color import (
    FULL,
    decode_srgb,
    encode_srgb,
    limit_highlights,
    to_display,
    to_srgb,
)
from isp.raw.sensor import Sensor
from manifests.chance import generator
from manifests.config import RenderConfig


@dataclass(frozen=True, eq=False)
class Table:
    """A curve as a table over uint16 light. values: float64 (65536,), sRGB-encoded, [0, 1]."""

    values: np.ndarray

    @cached_property
    def light(self) -> np.ndarray:
        """float32 (65536,), linear."""
        return decode_srgb(self.values).astype(np.float32)

    @cached_property
    def encoded(self) -> np.ndarray:
        """uint8 (65536,), sRGB-encoded."""
        return np.rint(255 * self.values).astype(np.uint8)


_LIGHT = np.linspace(0, 1, FULL + 1)
IDENTITY = Table(encode_srgb(_LIGHT))


@dataclass(frozen=True)
class Display:
    """A picture on its way out: what the display can show, and the curve it is still to pass.

    linear: uint16 (H, W, 3) RGB, linear sRGB, 65535 = white.
    """

    linear: np.ndarray
    curve: Table

    @cached_property
    def chroma(self) -> Chroma:
        """Lightness and colour after the curve, taken apart once for all colorfulness levels."""
        return chroma(cv2.LUT(self.linear, self.curve.light))

    @cached_property
    def picture(self) -> np.ndarray:
        """uint8 (H, W, 3) RGB, sRGB-encoded."""
        return cv2.LUT(self.linear, self.curve.encoded)


@dataclass(frozen=True)
class Chain:
    """The modules for one open RAW."""

    sensor: Sensor
    own_noise: noise.NoiseModel
    lens: LensCorrection
    config: RenderConfig
    sha256: str
    seed: int

    @cached_property
    def tone(self) -> Tone:
        """The tone of this RAW."""
        return find_tone(self.config.tone, self.sensor.raw, lambda: self.capture(self.sensor, None))

    @cached_property
    def table(self) -> Table:
        """Its curve."""
        return Table(encode_srgb(self.tone.curve(_LIGHT)))

    def modules(self) -> Sequence[Module]:
        """In the order of development."""
        return (
            Module("noise", self.capture),
            Module("exposure", self.exposure),
            Module("blur", self.lens_blur),
            Module("", self.display),
            Module("contrast", self.contrast),
            Module("colorfulness", self.colorfulness),
            Module("compression", self.encode),
        )

    def capture(self, sensor: Sensor, step: Step | None) -> np.ndarray:
        """Sensor -> float32 (H, W, 3) linear sRGB with headroom, working size, upright."""
        mosaic = sensor.mosaic
        if step is not None and mosaic is not None:
            mosaic = self._noisy(mosaic, step)
        image = demosaic(sensor, mosaic, self.config.demosaic)
        white = white_level(sensor)
        if step is not None and mosaic is None:
            image = self._noisy_rgb(image, white, step)
        image = limit_highlights(image, white, sensor.gains)
        image = self.lens.apply(image)
        linear = to_srgb(image, sensor.matrix, white)
        return upright(to_working_size(linear, self.config.long_edge), sensor.flip)

    def added_noise(self, step: Step) -> noise.NoiseModel:
        """Compute what a noise step adds on the mosaic: the same look from any number of pixels."""
        size = self.sensor.size
        photosites = prod(size) / prod(working_size(*size, self.config.long_edge))
        return self.own_noise.added(step.parameter).times(photosites)

    def _noisy(self, mosaic: np.ndarray, step: Step) -> np.ndarray:
        sensor = self.sensor
        assert sensor.pattern is not None
        return noise.noisy_mosaic(
            mosaic, sensor.pattern, sensor.black, sensor.white, self.added_noise(step),
            self._draw(step),
        )  # fmt: skip

    def _noisy_rgb(self, image: np.ndarray, white: float, step: Step) -> np.ndarray:
        saturated = white * self.sensor.gains
        return noise.noisy_rgb(image, saturated, self.added_noise(step), self._draw(step))

    def _draw(self, step: Step) -> np.random.Generator:
        return generator(self.sha256, "noise", repr(step.parameter), self.seed)

    def exposure(self, linear: np.ndarray, step: Step | None) -> np.ndarray:
        """Light, exposed by the step."""
        return linear if step is None else expose(linear, step.parameter)

    def lens_blur(self, linear: np.ndarray, step: Step | None) -> np.ndarray:
        """Light, blurred by the step."""
        if step is None:
            return linear
        shape = step.option("shape", "gaussian")
        return blur(linear, step.parameter, shape, float(step.option("angle", "0")))

    def display(self, linear: np.ndarray, _: Step | None) -> Display:
        """Light -> what the display can show, and the tone curve."""
        return Display(to_display(linear), self.table)

    def contrast(self, display: Display, step: Step | None) -> Display:
        """Put the step's contrast after the curve."""
        if step is None:
            return display
        return replace(display, curve=Table(contrast_curve(display.curve.values, step.parameter)))

    def colorfulness(self, display: Display, step: Step | None) -> Display:
        """Scale the picture's chroma by the step; the curve is spent."""
        if step is None:
            return display
        light = scale_chroma(display.chroma, step.parameter)
        return Display(to_display(light), IDENTITY)

    def encode(self, display: Display, step: Step | None) -> Encoded:
        """Encode the bytes that ship."""
        if step is None:
            return store(display.picture, self.config.format, self.config.jpeg_quality)
        codec, subsampling = step.option("codec", "jpeg"), step.option("subsampling", "420")
        return compress(display.picture, step.parameter, codec, subsampling)
