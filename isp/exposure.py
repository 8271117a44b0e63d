"""EXPOSURE: a gain in stops on linear camera RGB before clipping, so that headroom counts."""

import numpy as np


def expose(camera: np.ndarray, stops: float) -> np.ndarray:
    """`camera` (float32 (H, W, 3), linear, 1 = white, unclipped) times 2 ** stops."""
    return camera * np.float32(2.0**stops)
