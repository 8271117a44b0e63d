"""The noise that a file already has: as its DNG NoiseProfile says, else as measured on its mosaic
(or on its RGB, where it has none).
"""

import logging
from pathlib import Path

import numpy as np
import tifffile

from isp.distortions.noise_model import NoiseModel, measure_planes
from isp.raw.sensor import Sensor


def own_noise(sensor: Sensor) -> NoiseModel:
    """Shot and read noise of R, G, B on linear [0, 1]; measured within Brooks' range of cameras."""
    told = noise_profile(sensor.path)
    if told is not None:
        return told
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


def noise_profile(path: Path) -> NoiseModel | None:
    """DNG's NoiseProfile (tag 51041), one pair of shot and read for all planes or one a plane."""
    # What is wrong with a file is said once, by `open_sensor`.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    try:
        with tifffile.TiffFile(path) as tiff:
            tag = tiff.pages.first.tags.get(51041)
            values = None if tag is None else np.asarray(tag.value, np.float64).ravel()
    except (OSError, ValueError, tifffile.TiffFileError, KeyError, IndexError):
        return None
    if values is None or values.size not in (2, 6) or not (values > 0).all():
        return None
    pairs = np.broadcast_to(values.reshape(-1, 2), (3, 2)).tolist()
    return NoiseModel(tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs))
