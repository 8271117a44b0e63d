"""EXPOSURE: a gain in stops on linear light before clipping, so that the headroom counts."""

import numpy as np


def expose(linear: np.ndarray, stops: float) -> np.ndarray:
    """`linear` (float32 (H, W, 3), linear, 1 = white, unclipped) times 2 ** stops."""
    return linear * np.float32(2.0**stops)
