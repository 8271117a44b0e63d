"""DNGs to damage: pixels as JPEG in strips or tiles, as Adobe's lossy DNG has them."""

import struct
from pathlib import Path

import cv2
import numpy as np

SIDE = 96


def picture() -> np.ndarray:
    """uint8 (96, 96, 3) RGB with structure everywhere."""
    draw = np.random.default_rng(7)
    small = draw.integers(0, 255, (12, 12, 3), np.uint8)
    return cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def polynomial(plane: int, degree: int = 1) -> bytes:
    """A MapPolynomial opcode (DNG 1.4) for one plane: the identity."""
    body = struct.pack(">4I4I", 0, 0, SIDE, SIDE, plane, 1, 1, 1) + struct.pack(">I", degree)
    body += struct.pack(f">{degree + 1}d", 0.0, 1.0, *[0.0] * (degree - 1))
    return struct.pack(">4I", 8, 0x01030000, 0, len(body)) + body


def opcodes(*members: bytes) -> bytes:
    """An opcode list."""
    return struct.pack(">I", len(members)) + b"".join(members)


def lossy_dng(
    path: Path, tile: int | None = None, extra: dict | None = None, shrink: int = 0
) -> Path:
    """A linear DNG of `picture()` with JPEG strips, or tiles of `tile` pixels.

    `extra`: more tags; `shrink`: rows that each JPEG lacks.
    """
    side = tile or SIDE
    tiles = [
        picture()[y : y + side - shrink, x : x + side]
        for y in range(0, SIDE, side)
        for x in range(0, SIDE, side)
    ]
    jpegs = [cv2.imencode(".jpg", t[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1] for t in tiles]
    layout = (
        {322: ("I", [tile]), 323: ("I", [tile]), 324: ("I", []), 325: ("I", [])}
        if tile
        else {273: ("I", []), 278: ("I", [SIDE]), 279: ("I", [])}
    )
    one = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags = {
        256: ("I", [SIDE]),
        257: ("I", [SIDE]),
        258: ("H", [8, 8, 8]),
        259: ("H", [34892]),
        262: ("H", [34892]),
        271: ("s", b"NIKON CORPORATION\0"),
        272: ("s", b"NIKON D7000\0"),
        277: ("H", [3]),
        50706: ("B", bytes((1, 4, 0, 0))),
        50707: ("B", bytes((1, 4, 0, 0))),
        50708: ("s", b"NIKON D7000\0"),
        50721: ("i", one),  # ColorMatrix1
        50728: ("2I", [1, 1, 1, 1, 1, 1]),  # AsShotNeutral
        50778: ("H", [21]),
        **layout,
        **(extra or {}),
    }
    path.write_bytes(
        _tiff(tags, [bytes(jpeg) for jpeg in jpegs], (324, 325) if tile else (273, 279))
    )
    return path


_TYPES = {"B": 1, "s": 2, "H": 3, "I": 4, "2I": 5, "i": 10}


def _tiff(
    tags: dict[int, tuple[str, object]], segments: list[bytes], where: tuple[int, int]
) -> bytes:
    """A little-endian TIFF of one directory; `where`: the tags of the segments' offsets, counts."""
    tags = tags | {
        where[0]: ("I", [0] * len(segments)),
        where[1]: ("I", [len(s) for s in segments]),
    }
    first = 8 + 2 + 12 * len(tags) + 4
    values = {tag: _value(kind, value) for tag, (kind, value) in tags.items()}
    at = first + sum(len(value) + len(value) % 2 for value in values.values() if len(value) > 4)
    offsets = []
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    values[where[0]] = _value("I", offsets)
    directory, beside = struct.pack("<H", len(tags)), b""
    for tag in sorted(tags):
        value, kind = values[tag], tags[tag][0]
        count = len(value) // {"B": 1, "s": 1, "H": 2, "I": 4, "2I": 8, "i": 8}[kind]
        directory += struct.pack("<HHI", tag, _TYPES[kind], count)
        if len(value) <= 4:
            directory += value.ljust(4, b"\0")
        else:
            directory += struct.pack("<I", first + len(beside))
            beside += value + bytes(len(value) % 2)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(4) + beside + b"".join(segments)


def _value(kind: str, value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    assert isinstance(value, list)
    return struct.pack(f"<{len(value)}{kind[-1]}", *value)
