"""From the light of the scene to the light of the display: one curve for all three channels.

neutral: no curve. standard: a documented one that makes a pleasing reference. camera: the curve
that brings the brightness of our rendering to that of the JPEG preview in the RAW; tone alone, not
the camera's colors, sharpening or noise reduction.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import rawpy

from isp.raw.color import decode_srgb, encode_srgb
from isp.raw.decode import complaints
from manifests.errors import SceneError
from manifests.images import decode_image

STANDARD_CONTRAST = 1.2
STANDARD_SHOULDER = 0.714
_KNOTS = 24
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Tone:
    """A curve by name; for `camera` its knots, sRGB-encoded ours -> preview, rising.

    `name` is what was used: standard where the camera's was asked for and there is no preview.
    """

    name: str
    knots: tuple[tuple[float, float], ...] = ()

    def curve(self, linear: np.ndarray) -> np.ndarray:
        """Scene light [0, 1] -> display light [0, 1], rising, float64."""
        if self.name == "neutral":
            return np.asarray(linear, np.float64)
        if self.name == "standard":
            return standard(linear)
        from scipy.interpolate import PchipInterpolator  # slow to load, for this tone alone

        ours, previews = zip(*self.knots, strict=True)
        return decode_srgb(PchipInterpolator(ours, previews)(encode_srgb(linear)))


def standard(linear: np.ndarray) -> np.ndarray:
    """Apply the default: x^c (1 + s) / (x^c + s), c = 1.2, s = 0.714; 0 -> 0, 0.18 -> 0.26, 1 -> 1.

    The response of film and of photoreceptors (Naka and Rushton, 1966) scaled to end at white: half
    a stop up in the middle, a shoulder in the lights, a soft toe.
    """
    power = np.asarray(linear, np.float64) ** STANDARD_CONTRAST
    return power * (1 + STANDARD_SHOULDER) / (power + STANDARD_SHOULDER)


def find_tone(name: str, raw: rawpy.RawPy, linear: Callable[[], np.ndarray]) -> Tone:
    """Find the tone of a RAW.

    Args:
        name: neutral, standard or camera.
        raw: open; its preview is read for `camera`.
        linear: makes our reference: float32 (H, W, 3) RGB, linear sRGB, 1 = white.
    """
    if name != "camera":
        return Tone(name)
    picture = preview(raw)
    return Tone("standard") if picture is None else Tone("camera", fit(linear(), picture))


def fit(linear: np.ndarray, picture: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Knots that give our luminance the preview's distribution: quantile to quantile.

    Distributions need no alignment: previews are cropped and corrected by the camera.

    Args:
        linear: float32 (H, W, 3) RGB, linear sRGB, 1 = white.
        picture: uint8 (h, w, 3) RGB, sRGB-encoded.
    """
    shares = np.linspace(0.01, 0.99, _KNOTS)
    ours = encode_srgb(np.quantile(np.clip(linear, 0, 1) @ _LUMINANCE, shares))
    light = decode_srgb(picture.reshape(-1, 3) / 255.0).astype(np.float32)
    previews = encode_srgb(np.quantile(light @ _LUMINANCE, shares))
    knots = [(0.0, 0.0)]
    for mine, theirs in zip(ours.tolist(), previews.tolist(), strict=True):
        if mine - knots[-1][0] > 0.01 and mine < 0.99 and theirs < 0.999:
            knots.append((round(mine, 5), round(max(theirs, knots[-1][1]), 5)))
    return (*knots, (1.0, 1.0))


def preview(raw: rawpy.RawPy) -> np.ndarray | None:
    """Read the RAW's preview: uint8 (H, W, 3) RGB, as the camera rendered it; None without one.

    One that libjpeg complains of is none: grey where it ends would pass for the camera's tone.
    """
    try:
        thumb = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    if thumb.format == rawpy.ThumbFormat.BITMAP:
        return _without_bars(np.asarray(thumb.data))
    try:
        with complaints("preview") as said:
            picture = decode_image(thumb.data, "preview")
    except SceneError:
        return None
    return None if said else _without_bars(picture)


def _without_bars(picture: np.ndarray) -> np.ndarray:
    """Cut the black bars that fill a thumbnail of another aspect."""
    lit = picture.max(axis=2) > 8
    rows, columns = (np.flatnonzero(lit.mean(axis=axis) > 0.02) for axis in (1, 0))
    if not rows.size:
        return picture
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
