"""From the light of the scene to the light of the display: one curve for all three channels.

neutral: no curve. standard: the documented curve below. camera: not yet.
"""

from collections.abc import Callable

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
STANDARD_CONTRAST = 1.2
STANDARD_SHOULDER = 0.714


def neutral(linear: np.ndarray) -> np.ndarray:
    """The identity on [0, 1]."""
    return linear


def standard(linear: np.ndarray) -> np.ndarray:
    """The default: x^c (1 + s) / (x^c + s), c = 1.2, s = 0.714; 0 -> 0, 0.18 -> 0.26, 1 -> 1.

    The response of film and of photoreceptors (Naka and Rushton, 1966) scaled to end at white: half
    a stop up in the middle, a shoulder in the lights, a soft toe.
    """
    power = np.asarray(linear, np.float64) ** STANDARD_CONTRAST
    return power * (1 + STANDARD_SHOULDER) / (power + STANDARD_SHOULDER)


CURVES: dict[str, Curve] = {"neutral": neutral, "standard": standard}
