"""From a Bayer mosaic to a small linear picture without demosaicing: four photosites, one pixel.

Where a file is reduced four times and more, a demosaicing interpolates what the reduction averages
away again. What must happen at the size of the mosaic happens here on its quads: black, saturation
and the gamut are clipped before anything is averaged, as `chain.py` does it on single pixels.
"""

import cv2
import numpy as np

from isp.development.demosaic import to_light, white_level
from isp.raw.sensor import Sensor


def has_quads(sensor: Sensor) -> bool:
    """Whether the mosaic is 2x2 Bayer with square pixels and the size that is developed."""
    mosaic, pattern = sensor.mosaic, sensor.pattern
    if mosaic is None or pattern is None or pattern.shape != (2, 2):
        return False
    return sorted(_colors(pattern)) == [0, 1, 1, 2] and mosaic.shape[::-1] == sensor.size


def superpixels(sensor: Sensor, mosaic: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture of a mosaic of this sensor at a small size.

    Args:
        sensor: an open RAW with `has_quads`.
        mosaic: uint16 (H, W) recorded values.
        size: (width, height), at most half of the mosaic's.

    Returns:
        float32 (height, width, 3) RGB, linear sRGB, 1 = white, at least 0, not turned.
    """
    linear = to_light(sensor, _camera_rgb(sensor, mosaic))
    return cv2.resize(linear, size, interpolation=cv2.INTER_AREA)


def _camera_rgb(sensor: Sensor, mosaic: np.ndarray) -> np.ndarray:
    """Uint16 (H/2, W/2, 3) RGB, white-balanced, on LibRaw's scale (`white_level`)."""
    white = white_level(sensor)
    assert sensor.pattern is not None
    height, width = (size // 2 for size in mosaic.shape)
    planes: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
    for at, (y, x) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        black = sensor.black[int(sensor.pattern[y, x])]
        plane = np.ascontiguousarray(mosaic[y::2, x::2][:height, :width])
        planes[_colors(sensor.pattern)[at]].append(cv2.subtract(plane, float(black)))
    green = cv2.addWeighted(planes[1][0], 0.5, planes[1][1], 0.5, 0)
    scales = [white * gain / (sensor.white - min(sensor.black)) for gain in sensor.gains]
    camera = cv2.merge([planes[0][0], green, planes[2][0]])
    return cv2.multiply(camera, (*scales, 0.0), dtype=cv2.CV_16U)


def _colors(pattern: np.ndarray) -> list[int]:
    return [1 if color == 3 else int(color) for color in pattern.ravel()]
