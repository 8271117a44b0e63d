"""A photograph as a linear DNG with JPEG strips or tiles, as Adobe's lossy DNG is: to damage."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from manifests.files import write_atomic

_LOSSY = 34892  # the number of both the compression and LinearRaw
_STRIPS, _TILES = (273, 279), (324, 325)  # tags of offsets and byte counts
_TYPES = {
    "B": (1, 1),
    "s": (2, 1),
    "H": (3, 2),
    "I": (4, 4),
    "2I": (5, 8),
    "i": (10, 4),
    "2i": (10, 8),
}

Tag = tuple[str, Any]  # kind of `_TYPES`; bytes, or a list of numbers


def write_lossy_dng(
    photo: np.ndarray,
    path: Path,
    tile: int | None = None,
    extra: Mapping[int, Tag] | None = None,
    shrink: int = 0,
) -> None:
    """Write `photo` (uint8 (H, W, 3) RGB) as a DNG that LibRaw decodes.

    Args:
        photo: its pixels are taken as linear camera RGB.
        path: of the DNG.
        tile: side of the tiles, a divisor of both sides; one strip without.
        extra: more tags.
        shrink: rows that each JPEG lacks, for a file that is wrong.
    """
    height, width = photo.shape[:2]
    down, right = (tile, tile) if tile else (height, width)
    jpegs = [
        _jpeg(photo[y : y + down - shrink, x : x + right])
        for y in range(0, height, down)
        for x in range(0, width, right)
    ]
    sides: dict[int, Tag] = (
        {322: ("I", [right]), 323: ("I", [down])} if tile else {278: ("I", [down])}
    )
    tags = _tags(width, height) | sides | dict(extra or {})
    write_atomic(path, _tiff(tags, jpegs, _TILES if tile else _STRIPS))


def _jpeg(part: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".jpg", part[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def _tags(width: int, height: int) -> dict[int, Tag]:
    return {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [8, 8, 8]),
        259: ("H", [_LOSSY]),
        262: ("H", [_LOSSY]),
        271: ("s", b"NIKON CORPORATION\0"),
        272: ("s", b"NIKON D7000\0"),
        277: ("H", [3]),
        50706: ("B", bytes((1, 4, 0, 0))),  # DNGVersion
        50707: ("B", bytes((1, 4, 0, 0))),
        50708: ("s", b"NIKON D7000\0"),
        50721: ("2i", [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]),  # ColorMatrix1
        50728: ("2I", [1, 1, 1, 1, 1, 1]),  # AsShotNeutral
        50778: ("H", [21]),
    }


def _tiff(tags: dict[int, Tag], segments: list[bytes], where: tuple[int, int]) -> bytes:
    """A little-endian TIFF of one directory; `where`: tags of the segments' offsets and counts."""
    tags = tags | {
        where[0]: ("I", [0] * len(segments)),
        where[1]: ("I", [len(s) for s in segments]),
    }
    first = 8 + 2 + 12 * len(tags) + 4
    values = {tag: _value(*told) for tag, told in tags.items()}
    at = first + sum(len(value) + len(value) % 2 for value in values.values() if len(value) > 4)
    starts = [at + sum(len(segment) for segment in segments[:n]) for n in range(len(segments))]
    values[where[0]] = _value("I", starts)
    directory, beside = struct.pack("<H", len(tags)), b""
    for tag in sorted(tags):
        value, (number, size) = values[tag], _TYPES[tags[tag][0]]
        directory += struct.pack("<HHI", tag, number, len(value) // size)
        if len(value) <= 4:
            directory += value.ljust(4, b"\0")
        else:
            directory += struct.pack("<I", first + len(beside))
            beside += value + bytes(len(value) % 2)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + beside + b"".join(segments)


def _value(kind: str, value: Any) -> bytes:
    return value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{kind[-1]}", *value)
