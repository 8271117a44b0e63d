"""COLORFULNESS: chroma in OKLab, -100 to 100; hue and lightness kept, the gamut respected.

OKLab: B. Ottosson, 2020 (https://bottosson.github.io/posts/oklab/). Cone response = cube root of
LMS; lightness and (a, b) are linear in it, so scaling chroma by s is grey + s * (color - grey) in
cone response: no Lab value is ever written down.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from isp.distortions.distortion import Distortion, Slider, Sweep

SRGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
CONES_TO_LIGHTNESS = np.array([0.2104542553, 0.7936177850, -0.0040720468])
_LMS_TO_SRGB = np.linalg.inv(SRGB_TO_LMS).astype(np.float32)
_MOST = 2.0  # times the chroma, at 100 percent
_BISECTIONS = 8
_ROUNDING = 2e-6


@dataclass(frozen=True)
class Chroma:
    """A picture as OKLab lightness and color, both in cone response, and its room in the gamut.

    lightness: float32 (H, W, 3), three times the same. color: float32 (H, W, 3).
    tight: int (N,), the pixels in which a factor of 2 on chroma leaves sRGB; there, (N, 1, 3):
    room: float32 (N, 1, 1), the largest factor that stays inside at this lightness and hue.
    """

    lightness: np.ndarray
    color: np.ndarray
    tight: np.ndarray
    tight_lightness: np.ndarray
    tight_color: np.ndarray
    room: np.ndarray


def chroma(linear: np.ndarray) -> Chroma:
    """Take apart a picture: float32 (H, W, 3) RGB, linear sRGB, [0, 1]."""
    lms = cv2.transform(linear, SRGB_TO_LMS.astype(np.float32))
    cones = cube_root(np.maximum(lms, 0))
    # The grey of lightness L has equal cone responses L.
    lightness = cv2.transform(cones, np.tile(CONES_TO_LIGHTNESS, (3, 1)).astype(np.float32))
    color = cones - lightness
    doubled = _to_linear(cv2.scaleAdd(color, _MOST, lightness))
    tight = np.flatnonzero(~_in_gamut(doubled))
    # OpenCV takes pictures, not lists: N pixels are a picture of width 1.
    tight_lightness, tight_color = (m.reshape(-1, 1, 3)[tight] for m in (lightness, color))
    room = _room(tight_lightness, tight_color)
    return Chroma(lightness, color, tight, tight_lightness, tight_color, room)


def scale_chroma(parts: Chroma, percent: float) -> np.ndarray:
    """Chroma times 1 + percent / 100, where the gamut has no room as far as it goes.

    Returns:
        float32 (H, W, 3) RGB, linear sRGB, inside [0, 1] but for rounding.
    """
    factor = 1.0 + percent / 100.0
    linear = _to_linear(cv2.scaleAdd(parts.color, factor, parts.lightness))
    if percent > 0 and parts.tight.size:
        limited = parts.tight_color * np.minimum(np.float32(factor), parts.room)
        linear.reshape(-1, 3)[parts.tight] = _to_linear(limited + parts.tight_lightness)[:, 0]
    return linear


def cube_root(values: np.ndarray) -> np.ndarray:
    """The cube root by Halley's method, relative error under 3e-7; 0 below 1e-12.

    NumPy's own differs in the last bit with the processor's vectors; this is sums, products and
    quotients alone, which IEEE 754 rounds alike everywhere. The first guess divides the exponent.

    Args:
        values: float32, at least 0, contiguous.
    """
    root = (values.view(np.int32) // 3 + 709921077).view(np.float32)
    for _ in range(2):
        cube = root * root * root
        root *= (cube + 2 * values) / (2 * cube + values)
    return np.where(values > 1e-12, root, np.float32(0))


def _to_linear(cones: np.ndarray) -> np.ndarray:
    return cv2.transform(cones * cones * cones, _LMS_TO_SRGB)


def _room(lightness: np.ndarray, color: np.ndarray) -> np.ndarray:
    low = np.ones((len(color), 1, 1), np.float32)
    if not low.size:
        return low
    high = np.full_like(low, _MOST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        fits = _in_gamut(_to_linear(color * middle + lightness))[:, :, None]
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def _in_gamut(linear: np.ndarray) -> np.ndarray:
    red, green, blue = cv2.split(linear)
    least = np.minimum(np.minimum(red, green), blue)
    return (least >= -_ROUNDING) & (np.maximum(np.maximum(red, green), blue) <= 1 + _ROUNDING)


COLORFULNESS = Distortion(
    name="colorfulness",
    unit="percent",
    range=(-100, 100),
    place="display",
    function=scale_chroma,
    sweeps=(Sweep(12, 100), Sweep(-12, -100)),
    decimals=1,
    slider=Slider("Saturation", limit=100.0, decimals=0),
    prepare=chroma,
)
