"""CONTRAST: a smooth curve about mid-grey, -100 to 100, black and white kept."""

import numpy as np
from scipy.special import expit, logit

from isp.distortions.distortion import Distortion, Slider, Sweep

MID_GREY = 0.4613561  # 18 % reflectance, sRGB-encoded
_MID_ODDS = logit(MID_GREY)
_STOPS = 1.5  # log2 of the slope at mid-grey for 100


def contrast_curve(encoded: np.ndarray, percent: float) -> np.ndarray:
    """Where y / (1 - y) = (m / (1 - m))^(1 - k) * (x / (1 - x))^k, k = 2^(1.5 percent / 100).

    A straight line of slope k through mid-grey m in log-odds: k is the curve's slope at m, and
    -percent undoes percent exactly.

    Args:
        encoded: [0, 1], sRGB-encoded.
        percent: -100 (slope 0.35) to 100 (slope 2.83).

    Returns:
        float64 [0, 1], sRGB-encoded.
    """
    slope = 2.0 ** (_STOPS * percent / 100.0)
    return expit(slope * (logit(encoded) - _MID_ODDS) + _MID_ODDS)


CONTRAST = Distortion(
    name="contrast",
    unit="percent",
    range=(-100, 100),
    place="curve",
    function=contrast_curve,
    sweeps=(Sweep(12, 100), Sweep(-12, -100)),
    decimals=1,
    slider=Slider("Contrast2012", limit=100.0, decimals=0),
)
