"""The order of the endless stream: an epoch shows every rendering of every scene once.

A few scenes are open at once, and each next sample is of one of them, drawn; a scene that is shown
whole makes room for the next. So a RAW is decoded once an epoch, and a batch holds several scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifests.chance import generator


@dataclass(frozen=True)
class Epoch:
    """One epoch. scenes, slots: int (N,), of each sample its scene and which of its renderings."""

    scenes: NDArray[np.int64]
    slots: NDArray[np.int64]


def epoch_order(slots: Sequence[Sequence[int]], together: int, seed: int, epoch: int) -> Epoch:
    """Order an epoch.

    Args:
        slots: of each scene the renderings that are shown.
        together: scenes open at once.
        seed: of the training.
        epoch: from 0.
    """
    rng = generator("endless order", seed, epoch)
    waiting = [
        [(int(scene), int(slot)) for slot in rng.permutation(slots[scene])]
        for scene in rng.permutation(len(slots))
        if len(slots[scene])
    ]
    waiting.reverse()
    shown = []
    opened = [waiting.pop() for _ in range(min(together, len(waiting)))]
    for draw in rng.random(sum(map(len, slots))):
        place = int(draw * len(opened))
        shown.append(opened[place].pop())
        if not opened[place]:
            opened[place] = opened[-1]
            opened.pop()
            if waiting:
                opened.append(waiting.pop())
    pairs = np.array(shown, np.int64).reshape(-1, 2)
    return Epoch(pairs[:, 0], pairs[:, 1])
