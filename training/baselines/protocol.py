"""What a baseline is: something that says what it thinks of one region of an image.

Whatever it is not asked for stays open: a metric gives a quality and no words.
"""

from dataclasses import dataclass
from math import nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.data.instructions import Instruction

Image = NDArray[np.uint8]  # (H, W, 3) RGB, sRGB encoded
Mask = NDArray[np.uint8]  # (H, W), 0 or 1


@dataclass(frozen=True)
class Said:
    """One ROI's answers; nan, nothing or None where there is none."""

    quality: float = nan  # any scale that rises with it
    importance: float = nan
    distortions: str = ""
    judged: tuple[bool, bool, bool] | None = None  # Yes to each of three JIRs


class Baseline(Protocol):
    """Answers about a region; `zero_shot` when it never saw SEAGULL-3k's training split."""

    name: str
    zero_shot: bool

    def say(self, image: Image, mask: Mask, judgments: tuple[Instruction, ...]) -> Said:
        """Answer about the region `mask` of `image`."""


def box(mask: Mask) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the pixels inside; the last two are exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
