"""Mosaic to linear camera RGB by LibRaw, under one frozen profile.

Frozen: no automatic brightness, `adjust_maximum_thr=0` (LibRaw's default rescales every frame by
its own brightest pixel), no denoising, no gamma, camera colors, the file's flip left to
`geometry.py`. Highlights are not clipped here: the channels with gain above 1 keep their headroom.
"""

import numpy as np
import rawpy

from isp.development.lens import LensCorrection
from isp.raw.color import FULL, limit_highlights, to_srgb
from isp.raw.sensor import Sensor
from manifests.errors import SceneError


def demosaic(sensor: Sensor, mosaic: np.ndarray | None, algorithm: str) -> np.ndarray:
    """Linear camera RGB of a mosaic of this sensor.

    Args:
        sensor: an open RAW.
        mosaic: uint16 (H, W) recorded values, e.g. the sensor's own with noise; None where the
            file has no mosaic.
        algorithm: linear, ppg, ahd, dcb or dht; X-Trans has LibRaw's own whatever is named.

    Returns:
        uint16 (H', W', 3) RGB, linear, white-balanced, not turned; `white_level(sensor)` is white.
        Pixels are square (LibRaw stretches the DC120's).
    """
    if mosaic is not None:
        sensor.raw.raw_image_visible[...] = mosaic
    red, green, blue = (float(gain) for gain in sensor.gains)
    image = sensor.raw.postprocess(
        demosaic_algorithm=rawpy.DemosaicAlgorithm[algorithm.upper()],
        user_wb=[red, green, blue, green],
        output_color=rawpy.ColorSpace.raw,
        output_bps=16,
        gamma=(1, 1),
        no_auto_bright=True,
        adjust_maximum_thr=0.0,
        highlight_mode=rawpy.HighlightMode.Ignore,
        user_flip=0,
    )
    if image.ndim != 3 or image.shape[2] != 3:
        raise SceneError("unsupported", f"{sensor.path}: LibRaw gave an image of {image.shape}")
    return image


def white_level(sensor: Sensor) -> float:
    """Return the value, in `demosaic`'s result, of a saturated first channel: 1.0 from then on."""
    return FULL / float(sensor.gains.max())


def to_light(sensor: Sensor, camera: np.ndarray, lens: LensCorrection | None = None) -> np.ndarray:
    """What white-balanced camera RGB is in linear sRGB, highlights limited and the lens corrected.

    Args:
        sensor: that recorded it.
        camera: uint16 (H, W, 3) RGB, linear, on `demosaic`'s scale; changed in place.
        lens: of a picture of this size; None corrects nothing.

    Returns:
        float32 (H, W, 3) RGB, linear sRGB, 1 = white, at least 0; above 1 is headroom.
    """
    white = white_level(sensor)
    image = limit_highlights(camera, white, sensor.gains)
    return to_srgb(image if lens is None else lens.apply(image), sensor.matrix, white)
