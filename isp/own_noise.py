"""The noise that a file already has, measured on its mosaic (or on its RGB, where it has none)."""

import numpy as np

from isp.noise import NoiseModel, measure_planes
from isp.sensor import Sensor


def own_noise(sensor: Sensor) -> NoiseModel:
    """Shot and read noise of R, G, B on linear [0, 1], within Brooks' range of real cameras."""
    return measure_planes(_rgb_planes(sensor) if sensor.mosaic is None else _planes(sensor))


def _planes(sensor: Sensor) -> dict[int, list[np.ndarray]]:
    assert sensor.mosaic is not None and sensor.pattern is not None
    rows, columns = sensor.pattern.shape
    planes: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
    for y in range(rows):
        for x in range(columns):
            color = int(sensor.pattern[y, x])
            black = sensor.black[color]
            plane = sensor.mosaic[y::rows, x::columns].astype(np.float32)
            linear = (plane - black) / (sensor.white - black)
            planes[1 if color == 3 else color].append(linear)
    return planes


def _rgb_planes(sensor: Sensor) -> dict[int, list[np.ndarray]]:
    image = sensor.raw.raw_image_visible
    return {color: [image[..., color] / np.float32(sensor.white)] for color in range(3)}
