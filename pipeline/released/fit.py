"""Our distortions applied to a finished picture, and the parameter with which one fits a pair.

A released reference is a rendering, not light: it is taken back to linear light (sRGB's curve, and
one of our tone curves where that fits better), distorted there, and brought forward again. Two
things cannot be had back: what was clipped, so pixels near white are left out, and the mosaic, so
noise is fitted by its variance, and in stops only where the RAW file is at hand.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import minimize_scalar, nnls

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.renderer import develop
from isp.development.tone import standard
from isp.distortions.all_distortions import distortion_by_name
from isp.distortions.distortion import Distortion, OptionValue
from isp.raw.color import decode_srgb, encode_srgb
from manifests.config import RenderConfig
from manifests.images import decode_image

CROP = 256  # pixels, from the middle; a multiple of 16 keeps JPEG's blocks
_WHITE = 252  # values above may have been clipped
_NEAR = 31  # pixels around a clipped one that a blur may have drawn from it
_ANGLES = tuple(float(angle) for angle in range(0, 180, 15))
_GRIDS: Mapping[str, np.ndarray] = {
    "exposure": np.arange(-4, 4.01, 0.25),
    "blur": np.geomspace(0.3, 8, 18),
    "contrast": np.arange(-100, 100.1, 10),
    "colorfulness": np.arange(-100, 100.1, 10),
    "compression": np.arange(1, 101),
}
_STOPS = np.array([0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8])

Options = tuple[tuple[str, OptionValue], ...]


@dataclass(frozen=True)
class Fit:
    """What fits a pair best.

    residual: root mean square of what is left, in 8-bit steps; for noise, of the standard
    deviations. distance: the same between reference and distorted picture, nothing fitted.
    tone: neutral or standard, the curve that the reference was taken back through.
    """

    distortion: str
    parameter: float
    unit: str
    options: Options
    tone: str
    residual: float
    distance: float


def fit(distortion: str, reference: np.ndarray, distorted: np.ndarray) -> Fit:
    """Fit one distortion to a pair; uint8 (H, W, 3) RGB, sRGB-encoded, of one size."""
    reference, distorted = _middle(reference), _middle(distorted)
    if distortion == "noise":
        return _noise_on_picture(reference, distorted)
    one = distortion_by_name(distortion)
    valid = _valid(reference, one)
    tones = ("neutral", "standard") if one.place == "light" else ("neutral",)
    fits = (
        _fit_one(one, options, tone, reference, distorted, valid)
        for options, tone in product(_options(one), tones)
    )
    return min(fits, key=lambda found: found.residual)


def _middle(picture: np.ndarray) -> np.ndarray:
    top, left = ((max(size - CROP, 0) // 2) // 16 * 16 for size in picture.shape[:2])
    return picture[top : top + CROP, left : left + CROP]


def _valid(reference: np.ndarray, distortion: Distortion) -> np.ndarray:
    """Where clipping cannot have changed the outcome: bool (H, W); everywhere if that is little."""
    clipped = (reference.max(axis=2) > _WHITE).astype(np.uint8)
    if distortion.place != "light":
        return np.ones(clipped.shape, bool)
    if distortion.name == "blur":
        clipped = cv2.dilate(clipped, np.ones((_NEAR, _NEAR), np.uint8))
    valid = clipped == 0
    return valid if valid.mean() > 0.1 else np.ones_like(valid)


def _options(distortion: Distortion) -> Iterator[Options]:
    """Every combination of choices; an angle where the shape has one."""
    if distortion.name == "blur":
        yield from ((("angle", 0.0), ("shape", shape)) for shape in ("gaussian", "defocus"))
        yield from ((("angle", angle), ("shape", "motion")) for angle in _ANGLES)
    elif distortion.name == "compression":
        yield from ((("codec", "jpeg"), ("subsampling", s)) for s in ("420", "444", "422"))
        yield (("codec", "webp"), ("subsampling", "420"))
    else:
        yield ()


def _fit_one(
    distortion: Distortion,
    options: Options,
    tone: str,
    reference: np.ndarray,
    distorted: np.ndarray,
    valid: np.ndarray,
) -> Fit:
    apply = _on_picture(distortion, dict(options), tone, reference)
    target = distorted[valid].astype(np.float32)

    def residual(parameter: float) -> float:
        return _rms(apply(parameter)[valid] - target)

    grid = _GRIDS[distortion.name]
    values = [residual(float(p)) for p in grid]
    best = int(np.argmin(values))
    parameter, left = float(grid[best]), values[best]
    if distortion.name != "compression":  # its parameter is a whole number
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        found = minimize_scalar(residual, bounds=(low, high), method="bounded")
        if found.fun < left:
            parameter, left = float(found.x), float(found.fun)
    distance = _rms(reference[valid].astype(np.float32) - target)
    return Fit(distortion.name, parameter, distortion.unit, options, tone, left, distance)


def _rms(difference: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(difference, dtype=np.float64))))


def _on_picture(
    distortion: Distortion, options: Mapping[str, OptionValue], tone: str, picture: np.ndarray
) -> Callable[[float], np.ndarray]:
    """Parameter -> the distorted picture: float32 (H, W, 3), sRGB-encoded, 0..255."""
    if distortion.place == "encoding":
        return lambda p: decode_image(
            distortion.function(picture, p, **options).content, distortion.name
        ).astype(np.float32)
    if distortion.place == "curve":
        steps = np.arange(256) / 255.0
        return lambda p: cv2.LUT(
            picture, (255 * distortion.function(steps, p, **options)).astype(np.float32)
        )
    light = cv2.LUT(picture, _to_light(tone))
    if distortion.prepare is not None:
        light = distortion.prepare(light)
    return lambda p: _to_picture(distortion.function(light, p, **options), tone)


@lru_cache(maxsize=2)
def _to_light(tone: str) -> np.ndarray:
    """float32 (256,): the light of the scene before the tone curve, of an 8-bit value."""
    display = decode_srgb(np.arange(256) / 255.0)
    if tone == "neutral":
        return display.astype(np.float32)
    scene = np.linspace(0, 1, 65536) ** 2
    return np.interp(display, standard(scene), scene).astype(np.float32)


def _to_picture(light: np.ndarray, tone: str) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return (255 * encode_srgb(light if tone == "neutral" else standard(light))).astype(np.float32)


def _noise_on_picture(reference: np.ndarray, distorted: np.ndarray) -> Fit:
    """Shot and read variance of what was added, in linear light at the picture's size.

    The parameter is the shot noise: variance a unit of light; stops need the RAW (`fit_noise`).
    """
    light, noisy = (cv2.LUT(p, _to_light("neutral")) for p in (reference, distorted))
    level, variance = _by_brightness(light[..., 1], (noisy - light)[..., 1])
    design = np.stack([level, np.ones_like(level)], axis=1)
    weight = 1 / np.maximum(level, 1e-3)
    (shot, read), _ = nnls(design * weight[:, None], variance * weight)
    left = np.sqrt(design @ (shot, read)) - np.sqrt(variance)
    distance = _rms(reference.astype(np.float32) - distorted)
    options = (("read", round(float(read), 9)),)
    return Fit(
        "noise", float(shot), "shot variance", options, "neutral", 255 * _rms(left), distance
    )


def _by_brightness(light: np.ndarray, added: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean light and variance of what was added, in twelve bins of equal size."""
    usable = (light > 0.01) & (light < 0.8)
    x, d = light[usable], added[usable]
    edges = np.quantile(x, np.linspace(0, 1, 13)) if x.size else np.zeros(13)
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, 11)
    filled = [b for b in range(12) if (place == b).sum() > 8]
    return (
        np.array([x[place == b].mean() for b in filled]),
        np.array([d[place == b].var() for b in filled]),
    )


def fit_noise(
    raw: Path, sha256: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], config: RenderConfig
) -> list[Fit]:
    """Stops of noise by the RAW file: those whose development differs from ours by as much.

    Args:
        raw: the scene's file.
        sha256: of it; another key than the renderings' own draws other noise.
        pairs: (reference, distorted) pictures of the scene, uint8 (H, W, 3) RGB.
        config: how the references were developed, as far as it is known.
    """
    wanted = [REFERENCE] + [
        Recipe("noise", n, (Step("noise", float(s), "stops"),)) for n, s in enumerate(_STOPS, 1)
    ]
    _, images = develop(raw, f"audit-{sha256}", wanted, config, 0)
    made = {i.recipe.level: decode_image(i.content, raw.name).astype(np.float32) for i in images}
    spread = [_spread(made[n] - made[0], made[0]) for n in range(1, len(_STOPS) + 1)]
    found = []
    for reference, distorted in pairs:
        seen = _spread(distorted.astype(np.float32) - reference, reference)
        stops = float(np.interp(np.log(seen), np.log(spread), _STOPS))
        left = abs(float(np.interp(stops, _STOPS, spread)) - seen)
        distance = _rms(distorted.astype(np.float32) - reference)
        found.append(Fit("noise", stops, "stops", (), config.tone, left, distance))
    return found


def _spread(difference: np.ndarray, reference: np.ndarray) -> float:
    """Root mean square where nothing is clipped, in 8-bit steps."""
    inside = (reference.max(axis=2) < _WHITE) & (reference.min(axis=2) > 3)
    return max(_rms(difference[inside] if inside.any() else difference), 1e-6)
