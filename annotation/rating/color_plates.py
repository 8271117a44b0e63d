"""Plates of dots in the manner of Ishihara: a digit that differs from its ground in hue alone.

The first plate everyone reads; the others differ along the red-green confusion lines, with the
lightness of every dot drawn at random, so that whoever lacks one of these cones finds no digit. A
screening hint for the study's leader, not a diagnosis.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from manifests.chance import generator
from manifests.images import encode_png

_SIZE, _DOTS = 360, 12000
_COLORS = {  # figure and ground, sRGB
    "all": ((40, 80, 190), (225, 165, 60)),
    "red": ((214, 122, 96), (150, 150, 96)),
    "green": ((122, 168, 104), (196, 146, 104)),
}


@dataclass(frozen=True)
class Plate:
    """A picture, the digit on it, and who reads it."""

    png: bytes
    digit: str
    read_by: str  # all | red | green: the cones it asks for


def color_plates(seed: int) -> list[Plate]:
    """Four plates: one for everyone, three for red-green vision; the same for the same seed."""
    draw = generator("colour plates", seed)
    digits = [str(d) for d in draw.choice([2, 3, 5, 6, 8, 9], 4, replace=False)]
    kinds = ("all", "red", "green", "red")
    return [
        Plate(_png(digit, kind, draw), digit, kind)
        for digit, kind in zip(digits, kinds, strict=True)
    ]


def _png(digit: str, kind: str, draw: np.random.Generator) -> bytes:
    figure = _figure(digit)
    plate = np.full((_SIZE, _SIZE, 3), 246, np.uint8)
    taken = np.zeros((_SIZE, _SIZE), np.uint8)
    centre = _SIZE // 2
    for _ in range(_DOTS):
        x, y = draw.integers(8, _SIZE - 8, 2).tolist()
        radius = int(draw.integers(3, 9))
        if np.hypot(x - centre, y - centre) > centre - 10:
            continue
        if taken[y - radius : y + radius + 1, x - radius : x + radius + 1].any():
            continue
        cv2.circle(taken, (x, y), radius, 1, -1)
        color = np.array(_COLORS[kind][0 if figure[y, x] else 1]) * draw.uniform(0.8, 1.15)
        cv2.circle(plate, (x, y), radius, np.clip(color, 0, 255).tolist(), -1, cv2.LINE_AA)
    return encode_png(plate)


def _figure(digit: str) -> np.ndarray:
    figure = np.zeros((_SIZE, _SIZE), np.uint8)
    (width, height), _ = cv2.getTextSize(digit, cv2.FONT_HERSHEY_SIMPLEX, 9, 44)
    at = ((_SIZE - width) // 2, (_SIZE + height) // 2)
    cv2.putText(figure, digit, at, cv2.FONT_HERSHEY_SIMPLEX, 9, 1, 44)
    return figure.astype(bool)
