"""EXPOSURE: a gain in stops on linear light before clipping, so that the headroom counts."""

import numpy as np

from isp.distortions.distortion import Distortion, Slider, Sweep


def expose(linear: np.ndarray, stops: float) -> np.ndarray:
    """`linear` (float32 (H, W, 3), linear, 1 = white, unclipped) times 2 ** stops."""
    return linear * np.float32(2.0**stops)


EXPOSURE = Distortion(
    name="exposure",
    unit="EV",
    range=(-8, 8),
    place="light",
    function=expose,
    sweeps=(Sweep(0.25, 2.75), Sweep(-0.25, -3.5)),
    slider=Slider("Exposure2012", limit=5.0, decimals=2),
)
