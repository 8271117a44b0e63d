"""The gains that make grey grey: the camera's, else daylight, else grey world; always recorded."""

from collections.abc import Sequence

import numpy as np
import rawpy

from manifests.records import WhiteBalance

_BARE_SENSOR = 1.15  # red or blue of an unbalanced mosaic needs at least this in daylight


def white_balance(
    raw: rawpy.RawPy,
    mosaic: np.ndarray | None,
    pattern: np.ndarray | None,
    black: Sequence[int],
    white: int,
    by_chromaticity: bool = False,
) -> WhiteBalance:
    """Gains on R, G, B with green = 1, and their source.

    camera: as shot. Missing reads [0,1,0,0]; [1,1,1,1] is real: the Nikon D1 and the Kodak DC50
    record a mosaic that is balanced already, and daylight gains on top make it magenta. A DNG may
    give it as a chromaticity (`by_chromaticity`): LibRaw has put that into its daylight gains.
    daylight: LibRaw's multipliers from the camera's matrix; 1,1,1 says that it has none. No bare
    sensor has them near 1 (Apple QuickTake): such a mosaic is balanced too, and stays as recorded.
    gray_world: neither is known.
    """
    if _known(raw.camera_whitebalance):
        return WhiteBalance("camera", _relative_to_green(raw.camera_whitebalance))
    daylight = raw.daylight_whitebalance
    if _known(daylight) and len(set(daylight[:3])) > 1:
        gains = _relative_to_green(daylight)
        if by_chromaticity:
            return WhiteBalance("camera", gains)
        if max(gains) < _BARE_SENSOR:
            return WhiteBalance("camera", (1.0, 1.0, 1.0))
        return WhiteBalance("daylight", gains)
    means = _stack_means(raw) if mosaic is None else _mosaic_means(mosaic, pattern, black, white)
    return WhiteBalance("gray_world", gray_world(means))


def gray_world(means: Sequence[float]) -> tuple[float, ...]:
    """Gains that make the mean color (linear, above black) grey; at most 8."""
    green = max(means[1], 1e-6)
    return tuple(float(np.clip(green / max(mean, 1e-6), 1 / 8, 8)) for mean in means)


def _known(gains: Sequence[float] | None) -> bool:
    if gains is None:
        return False
    rgb = np.asarray(gains[:3], np.float64)
    return bool(np.isfinite(rgb).all() and (rgb > 0).all())


def _relative_to_green(gains: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(gain) / float(gains[1]) for gain in gains[:3])


def _mosaic_means(
    mosaic: np.ndarray, pattern: np.ndarray | None, black: Sequence[int], white: int
) -> list[float]:
    assert pattern is not None
    rows, columns = pattern.shape
    values: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for y in range(rows):
        for x in range(columns):
            color = int(pattern[y, x])
            plane = mosaic[y::rows, x::columns]
            unsaturated = plane[plane < 0.98 * white]
            mean = float(unsaturated.mean()) if unsaturated.size else float(white)
            values[1 if color == 3 else color].append(mean - black[color])
    return [float(np.mean(values[color])) for color in range(3)]


def _stack_means(raw: rawpy.RawPy) -> list[float]:
    image = raw.raw_image_visible[..., :3]
    return [float(mean) for mean in image.reshape(-1, 3).mean(axis=0)]
