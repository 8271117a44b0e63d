"""COLORFULNESS: chroma in OKLab, -100 to 100; hue and lightness kept, the gamut respected.

OKLab: B. Ottosson, 2020 (https://bottosson.github.io/posts/oklab/). Cone response = cube root of
LMS; lightness and (a, b) are linear in it, so scaling chroma by s is grey + s * (colour - grey) in
cone response: no Lab value is ever written down.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SRGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
CONES_TO_LIGHTNESS = np.array([0.2104542553, 0.7936177850, -0.0040720468])
_LMS_TO_SRGB = np.linalg.inv(SRGB_TO_LMS).astype(np.float32)
_BISECTIONS = 8
_ROUNDING = 2e-6


@dataclass(frozen=True)
class Chroma:
    """A picture as OKLab lightness plus colour, both in cone response, and the room in the gamut.

    lightness: float32 (H, W, 1). color: float32 (H, W, 3). room: float32 (H, W, 1), the largest
    factor up to 2 on chroma that stays inside sRGB at this lightness and hue.
    """

    lightness: np.ndarray
    color: np.ndarray
    room: np.ndarray


def chroma(linear: np.ndarray) -> Chroma:
    """Take apart a picture: float32 (H, W, 3) RGB, linear sRGB, [0, 1]."""
    lms = cv2.transform(linear, SRGB_TO_LMS.astype(np.float32))
    cones = np.cbrt(np.maximum(lms, 0))
    lightness = cv2.transform(cones, CONES_TO_LIGHTNESS[None].astype(np.float32))[..., None]
    # The grey of lightness L has equal cone responses L.
    color = cones - lightness
    return Chroma(lightness, color, _room(lightness, color))


def scale_chroma(parts: Chroma, percent: float) -> np.ndarray:
    """Chroma times 1 + percent / 100, where the gamut has no room as far as it goes.

    Returns:
        float32 (H, W, 3) RGB, linear sRGB, inside [0, 1] but for rounding.
    """
    factor = np.array(1.0 + percent / 100.0, np.float32)
    if percent > 0:
        return _to_linear(parts.lightness, parts.color, np.minimum(factor, parts.room))
    return _to_linear(parts.lightness, parts.color, factor)


def _to_linear(lightness: np.ndarray, color: np.ndarray, factor: np.ndarray) -> np.ndarray:
    cones = color * factor + lightness
    return cv2.transform(cones * cones * cones, _LMS_TO_SRGB)


def _room(lightness: np.ndarray, color: np.ndarray) -> np.ndarray:
    room = np.full(lightness.shape, 2.0, np.float32)
    outside = ~_in_gamut(_to_linear(lightness, color, room))
    if not outside.any():
        return room
    grey, tint = lightness[outside][:, None], color[outside][:, None]
    low = np.ones((len(grey), 1, 1), np.float32)
    high = np.full_like(low, 2.0)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        fits = _in_gamut(_to_linear(grey, tint, middle))[:, :, None]
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    room[outside] = low[:, 0]
    return room


def _in_gamut(linear: np.ndarray) -> np.ndarray:
    return np.all((linear >= -_ROUNDING) & (linear <= 1 + _ROUNDING), axis=-1)
