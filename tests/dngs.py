"""DNGs to damage, and opcode lists for them."""

import struct
from pathlib import Path

import cv2
import numpy as np

from isp.tools.lossy_dng import write_lossy_dng

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


def lossy_dng(path: Path, tile: int | None = None, **wrong) -> Path:
    """A linear DNG of `picture()` with JPEG strips, or tiles of `tile` pixels."""
    write_lossy_dng(picture(), path, tile, **wrong)
    return path
