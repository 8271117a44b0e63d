"""What a distortion is: one value that everything else reads.

A distortion acts at one place of the development, on one kind of array:

    sensor     Recording -> its pixels changed: uint16, the mosaic, or RGB where there is none
    light      float32 (H, W, 3), linear sRGB, 1 = white, unclipped, working size -> the same
    curve      float64 (65536,), the tone curve as a table, sRGB-encoded [0, 1] -> the same
    display    float32 (H, W, 3), linear sRGB, [0, 1], after the curve -> the same
    encoding   uint8 (H, W, 3), sRGB-encoded -> EncodedImage, the bytes that ship

Which distortions there are is said in all_distortions.py, how far they go in levels.yaml.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from isp.distortions.noise_model import NoiseModel
from manifests.keys import LONGEST_DISTORTION

Place = Literal["sensor", "light", "curve", "display", "encoding"]
OptionValue = str | float | int


@dataclass(frozen=True)
class Recording:
    """What the sensor recorded, as a distortion at the place `sensor` finds it.

    pixels: uint16 (H, W) recorded values, or (H, W, 3) linear white-balanced RGB without a mosaic.
    pattern: small int array, color index (0 R, 1 G, 2 B, 3 second G) of the mosaic's period; None
        for RGB.
    black: value of black by color index. white: value at saturation, of R, G, B.
    noise: the file's own, on linear [0, 1]. photosites: that become one pixel of the rendering.
    """

    pixels: np.ndarray
    pattern: np.ndarray | None
    black: tuple[int, ...]
    white: tuple[float, float, float]
    noise: NoiseModel
    photosites: float


@dataclass(frozen=True)
class Option:
    """A setting beside the parameter: one of `choices`, or a number in `range`."""

    default: OptionValue
    choices: tuple[str, ...] = ()
    range: tuple[float, float] | None = None

    def allows(self, value: object) -> bool:
        """Whether `value` may stand in a table of levels."""
        if self.range is None:
            return value in self.choices
        low, high = self.range
        return isinstance(value, int | float) and low <= value <= high


@dataclass(frozen=True)
class Sweep:
    """Parameters of one sign or shape, mildest first, along which `calibrate` measures.

    From `first` to `last`, evenly spaced or `geometric`; `turns` are options whose values the
    levels take one after the other.
    """

    first: float
    last: float
    options: tuple[tuple[str, OptionValue], ...] = ()
    geometric: bool = False
    turns: tuple[tuple[str, tuple[OptionValue, ...]], ...] = ()


@dataclass(frozen=True)
class Slider:
    """The slider of Camera Raw that does the like: its XMP name, greatest value, decimals."""

    name: str
    limit: float
    decimals: int


@dataclass(frozen=True)
class Distortion:
    """One kind of distortion, whole.

    name: lower-case letters. unit: of the parameter. range: of the parameter; 0 is no distortion.
    place: where it acts (the module's docstring says on what).
    function: pure; (array, parameter, **options), and `draw`, a keyed np.random.Generator, where
        `random` is set. Where `prepare` is given it gets prepare(array) for the array, which is
        made once for all levels of a picture.
    random: draws. reducible: at the sensor, what it adds is noise that knows no neighbours, so that
        a picture of a quarter of the size and less need not be demosaiced anew (reduced_noise.py).
    sweeps: of `calibrate`; `decimals`: to which it rounds.
    describe: what else to write into a rendering's params: (Recording, parameter) -> JSON values.
    """

    name: str
    unit: str
    range: tuple[float, float]
    place: Place
    function: Callable[..., Any]
    sweeps: tuple[Sweep, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    decimals: int = 3
    slider: Slider | None = None
    random: bool = False
    reducible: bool = False
    prepare: Callable[[np.ndarray], Any] | None = None
    describe: Callable[[Recording, float], Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"[a-z]{{2,{LONGEST_DISTORTION}}}", self.name):
            raise ValueError(
                f"distortion '{self.name}': a name is 2..{LONGEST_DISTORTION} lower-case letters"
            )

    @property
    def two_signs(self) -> bool:
        """Whether the parameter goes both ways from 0."""
        return self.range[0] < 0 < self.range[1]

    def settings(self, options: Sequence[tuple[str, OptionValue]]) -> dict[str, OptionValue]:
        """Every option by name: as given, else its default."""
        return {name: option.default for name, option in self.options.items()} | dict(options)
