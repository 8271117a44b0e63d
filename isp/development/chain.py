"""The order of development, in one place: from the mosaic to the bytes that ship.

    distortions of the sensor | demosaic, lens, camera RGB to sRGB, working size | of the light |
    tone | of the curve | of the display | of the encoding, or the reference's encoding

Distortions of one place follow each other as all_distortions.py lists them. One without its step
leaves the state as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from isp.development.demosaic import demosaic, to_light, white_level
from isp.development.geometry import photosites_a_pixel, upright
from isp.development.lens import LensCorrection
from isp.development.recipes import Step
from isp.development.reduced_noise import ReducedNoise, can_reduce
from isp.development.tone import Tone, find_tone
from isp.development.tree import Module
from isp.distortions.all_distortions import known_distortions
from isp.distortions.distortion import Distortion, Place, Recording
from isp.distortions.noise import add_noise
from isp.distortions.noise_model import NoiseModel
from isp.raw.color import (
    FULL,
    decode_srgb,
    encode_srgb,
    to_display,
)
from isp.raw.sensor import Sensor
from manifests.chance import generator
from manifests.config import RenderConfig
from manifests.images import EncodedImage, decode_image, encode_image, fitted, fitted_size, png

VERSION = 2
"""Counts the changes that alter pixels; part of the fingerprint of everything rendered."""


@dataclass(frozen=True, eq=False)
class Table:
    """A curve as a table over uint16 light. values: float64 (65536,), sRGB-encoded, [0, 1]."""

    values: np.ndarray

    @cached_property
    def light(self) -> np.ndarray:
        """The curve's values in linear light: float32 (65536,)."""
        return decode_srgb(self.values).astype(np.float32)

    @cached_property
    def encoded(self) -> np.ndarray:
        """The curve's values as they are stored: uint8 (65536,), sRGB-encoded."""
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
    _prepared: dict[str, Any] = field(default_factory=dict)

    def prepared(self, distortion: Distortion) -> Any:
        """Return what the distortion acts on, made once for all its levels: see `Distortion`."""
        if distortion.name not in self._prepared:
            light = cv2.LUT(self.linear, self.curve.light)
            made = light if distortion.prepare is None else distortion.prepare(light)
            self._prepared[distortion.name] = made
        return self._prepared[distortion.name]

    @cached_property
    def picture(self) -> np.ndarray:
        """The picture after its curve: uint8 (H, W, 3) RGB, sRGB-encoded."""
        return cv2.LUT(self.linear, self.curve.encoded)


@dataclass(frozen=True, eq=False)
class Frame:
    """Recorded pixels on their way to be developed; `reducible`: see `Distortion`."""

    pixels: np.ndarray
    reducible: bool = True


@dataclass(frozen=True)
class Chain:
    """The development of one open RAW: its modules, and what they need to know of it."""

    sensor: Sensor
    own_noise: NoiseModel
    lens: LensCorrection
    config: RenderConfig
    sha256: str
    seed: int

    @cached_property
    def recording(self) -> Recording:
        """What the sensor recorded; files without a mosaic are RGB by LibRaw."""
        sensor = self.sensor
        saturated = [float(sensor.white)] * 3
        pixels = sensor.mosaic
        if pixels is None:
            pixels = demosaic(sensor, None, self.config.demosaic)
            saturated = list(white_level(sensor) * sensor.gains)
        red, green, blue = saturated
        return Recording(
            pixels=pixels,
            pattern=sensor.pattern,
            black=sensor.black,
            white=(red, green, blue),
            noise=self.own_noise,
            photosites=photosites_a_pixel(sensor.size, self.config.long_edge),
        )

    @cached_property
    def tone(self) -> Tone:
        """Which tone curve this RAW gets: see `find_tone`."""
        return find_tone(self.config.tone, self.sensor.raw, lambda: self.reference)

    @cached_property
    def table(self) -> Table:
        """The tone curve as a table, sRGB-encoded: what a distortion of the curve acts on."""
        return Table(encode_srgb(self.tone.curve(_LIGHT)))

    def modules(self) -> Sequence[Module]:
        """List the modules in the order of development."""
        return (
            *self._at("sensor"),
            Module("", self.develop),
            *self._at("light"),
            Module("", self.display),
            *self._at("curve"),
            *self._at("display"),
            *self._at("encoding"),
            Module("", self.encode),
        )

    def _at(self, place: Place) -> list[Module]:
        return [self._module(one) for one in known_distortions() if one.place == place]

    def _module(self, distortion: Distortion) -> Module:
        change = _CHANGES[distortion.place]

        def apply(state: Any, step: Step | None) -> Any:
            return state if step is None else change(self, state, distortion, step)

        return Module(distortion.name, apply)

    def develop(self, frame: Frame, _: Step | None) -> np.ndarray:
        """Recorded pixels -> float32 (H, W, 3) linear sRGB with headroom, working size, upright."""
        if frame.pixels is self.recording.pixels:
            return self.reference
        if frame.reducible and self.reduced_noise is not None:
            field = self.reduced_noise.field(frame.pixels)
            return np.maximum(self.reference + upright(field, self.sensor.flip), 0)
        return self._demosaiced(frame.pixels)

    @cached_property
    def reference(self) -> np.ndarray:
        """What the undistorted pixels develop to."""
        return self._demosaiced(self.recording.pixels)

    @cached_property
    def reduced_noise(self) -> ReducedNoise | None:
        """How noise is developed without a demosaicing; None where it is not."""
        size = fitted_size(*self.sensor.size, self.config.long_edge)
        if self.config.noise == "demosaiced" or not can_reduce(self.sensor, size):
            return None

        def noisy(mosaic: np.ndarray, stops: float) -> np.ndarray:
            draw = generator(self.sha256, "noise match", repr(stops), self.seed)
            return add_noise(replace(self.recording, pixels=mosaic), stops, draw)

        return ReducedNoise(self.sensor, self.lens, self.config.demosaic, size, noisy)

    def _demosaiced(self, pixels: np.ndarray) -> np.ndarray:
        sensor = self.sensor
        if sensor.mosaic is None:
            image = pixels.copy()  # highlights are limited in place
        else:
            image = demosaic(sensor, pixels, self.config.demosaic)
        linear = to_light(sensor, image, self.lens)
        return upright(fitted(linear, self.config.long_edge), sensor.flip)

    def display(self, linear: np.ndarray, _: Step | None) -> Display:
        """Light -> what the display can show, and the tone curve."""
        return Display(to_display(linear), self.table)

    def encode(self, state: Display | EncodedImage, _: Step | None) -> EncodedImage:
        """Encode the bytes that ship, unless a distortion of the encoding has made them."""
        if isinstance(state, EncodedImage):
            same = self.config.format == state.extension or state.extension == "png"
            # A dataset of PNG is all PNG: what JPEG left is stored without further loss.
            return state if same else png(decode_image(state.content, "JPEG"))
        return encode_image(state.picture, self.config.format, self.config.jpeg_quality)

    def changed(self, state: Any, distortion: Distortion, step: Step) -> Any:
        """Return the distortion's function of `state` by the step."""
        options: dict[str, Any] = distortion.settings(step.options)
        if distortion.random:
            key = (self.sha256, distortion.name, repr(step.parameter), self.seed)
            options["draw"] = generator(*key)
        return distortion.function(state, step.parameter, **options)


def _on_sensor(chain: Chain, frame: Frame, distortion: Distortion, step: Step) -> Frame:
    pixels = chain.changed(replace(chain.recording, pixels=frame.pixels), distortion, step)
    return Frame(pixels, frame.reducible and distortion.reducible)


def _on_light(chain: Chain, linear: np.ndarray, distortion: Distortion, step: Step) -> np.ndarray:
    prepare = distortion.prepare
    return chain.changed(linear if prepare is None else prepare(linear), distortion, step)


def _on_curve(chain: Chain, display: Display, distortion: Distortion, step: Step) -> Display:
    values = chain.changed(display.curve.values, distortion, step)
    return Display(display.linear, Table(values))


def _on_display(chain: Chain, display: Display, distortion: Distortion, step: Step) -> Display:
    """The curve is spent on what comes out."""
    light = chain.changed(display.prepared(distortion), distortion, step)
    return Display(to_display(light), IDENTITY)


def _on_encoding(
    chain: Chain, state: Display | EncodedImage, distortion: Distortion, step: Step
) -> EncodedImage:
    if isinstance(state, EncodedImage):
        return chain.changed(decode_image(state.content, distortion.name), distortion, step)
    return chain.changed(state.picture, distortion, step)


_CHANGES: Mapping[Place, Callable[[Chain, Any, Distortion, Step], Any]] = {
    "sensor": _on_sensor,
    "light": _on_light,
    "curve": _on_curve,
    "display": _on_display,
    "encoding": _on_encoding,
}
