"""A small RAW cut out of a large one: what a demosaicing does, found out on a fraction of it.

Tiles from all over the mosaic, side by side, in a DNG that only LibRaw reads. Their seams are a
few pixels of thousands.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import rawpy
import tifffile

from isp.raw.sensor import Sensor

TILES = 4  # a side


@contextmanager
def open_excerpt(sensor: Sensor, side: int) -> Iterator[Sensor]:
    """The sensor of an excerpt with about `side` photosites a side, the rest as in `sensor`.

    Args:
        sensor: an open RAW with a 2x2 mosaic at least `side` wide and high.
        side: photosites; made a multiple of 2 TILES, so that every tile begins a period.
    """
    assert sensor.mosaic is not None and sensor.pattern is not None
    tile = side // (2 * TILES) * 2
    mosaic = np.block([[sensor.mosaic[y : y + tile, x : x + tile]
                        for x in _starts(sensor.mosaic.shape[1], tile)]
                       for y in _starts(sensor.mosaic.shape[0], tile)])  # fmt: skip
    with rawpy.imread(io.BytesIO(_dng(sensor, mosaic))) as raw:
        yield replace(
            sensor, raw=raw, mosaic=raw.raw_image_visible.copy(), size=mosaic.shape[::-1], flip=0
        )


def _starts(length: int, tile: int) -> list[int]:
    return [int(at) // 2 * 2 for at in np.linspace(0, length - tile, TILES)]


def _dng(sensor: Sensor, mosaic: np.ndarray) -> bytes:
    """DNG 1.4 with the levels and the color matrix that LibRaw's demosaicing looks at."""
    assert sensor.pattern is not None
    order = [int(color) for color in sensor.pattern.ravel()]
    matrix = np.rint(sensor.raw.rgb_xyz_matrix[:3] * 10000).astype(int).ravel().tolist()
    tags: list[tuple[int, str, int, object, bool]] = [
        (271, "s", 0, "Excerpt", True),
        (272, "s", 0, "Excerpt", True),
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes(1 if color == 3 else color for color in order), True),  # CFAPattern
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50708, "s", 0, "Excerpt", True),  # UniqueCameraModel
        (50713, "H", 2, (2, 2), True),  # BlackLevelRepeatDim
        (50714, "H", 4, [sensor.black[color] for color in order], True),  # BlackLevel
        (50717, "H", 1, sensor.white, True),  # WhiteLevel
        (50721, "2i", 9, [part for v in matrix for part in (v, 10000)], True),  # ColorMatrix1
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    file = io.BytesIO()
    with tifffile.TiffWriter(file, byteorder="<") as tiff:
        tiff.write(
            np.ascontiguousarray(mosaic), photometric=tifffile.PHOTOMETRIC.CFA, software=False,
            metadata=None, extratags=tags,
        )  # fmt: skip
    return file.getvalue()
