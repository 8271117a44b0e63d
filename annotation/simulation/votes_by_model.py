"""What a rater who does not exist would answer about a ROI whose truth is known.

An honest one follows the truth with a bias of its own and noise a vote; nothing measured on it says
anything about people. Biases (standard deviation 0.4 categories) and inconsistencies (0.4 to 1.1,
mean 0.75) are of the size that Li et al. (A simple model for subject behavior in subjective
experiments, 2020) find for trained raters. Others are careless: random, or always "fair".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from manifests.chance import generator
from manifests.keys import DISTORTIONS
from manifests.words import NONEXISTENT

BIAS_SD = 0.4
INCONSISTENCY = (0.4, 1.1)
Manner = Literal["honest", "random", "fair"]


@dataclass(frozen=True)
class Truth:
    """What there is to say about one ROI: continuous, on the scales of the ratings."""

    quality: float  # 0..4
    importance: float  # 0..4
    severities: Mapping[str, float]  # 0 extreme .. 4 trivial, of those that are there
    ambiguity: float = 0.0  # standard deviation that the ROI itself adds to every vote


@dataclass(frozen=True)
class SimulatedRater:
    """One rater: its manner, and for an honest one bias and inconsistency in categories."""

    number: int
    manner: Manner
    bias: float
    inconsistency: float
    seed: int


def simulated_rater(number: int, seed: int, manner: Manner = "honest") -> SimulatedRater:
    """The rater of this number: the same each time."""
    draw = generator("simulated rater", number, seed)
    bias, inconsistency = draw.normal(0, BIAS_SD), draw.uniform(*INCONSISTENCY)
    return SimulatedRater(number, manner, float(bias), float(inconsistency), seed)


def answers(
    rater: SimulatedRater, truth: Truth, what: str, distortions: Sequence[str] = DISTORTIONS
) -> dict[str, int]:
    """A vote on every question; drawn from (rater, `what`, seed), `what` naming item and turn."""
    draw = generator("simulated vote", rater.number, what, rater.seed)
    if rater.manner == "random":
        scores = draw.integers(0, 5, 2).tolist()
        grades = draw.integers(0, NONEXISTENT + 1, len(distortions)).tolist()
    elif rater.manner == "fair":
        scores, grades = [2, 2], [NONEXISTENT] * len(distortions)
    else:
        scores = [_category(rater, true, truth.ambiguity, draw)
                  for true in (truth.quality, truth.importance)]  # fmt: skip
        grades = [_grade(rater, truth.severities.get(name), draw) for name in distortions]
    given = dict(zip(distortions, grades, strict=True))
    return {"quality": scores[0], "importance": scores[1], **given}


def seconds(rater: SimulatedRater, what: str) -> float:
    """How long the vote took: log-normal about 9 s, 1 s for whoever does not look."""
    draw = generator("simulated time", rater.number, what, rater.seed)
    return round(float(np.exp(draw.normal(np.log(9 if rater.manner == "honest" else 4), 0.4))), 2)


def _category(
    rater: SimulatedRater, true: float, ambiguity: float, draw: np.random.Generator
) -> int:
    noise = np.hypot(rater.inconsistency, ambiguity)
    return int(np.clip(round(true + rater.bias + draw.normal(0, noise)), 0, 4))


def _grade(rater: SimulatedRater, true: float | None, draw: np.random.Generator) -> int:
    noise = draw.normal(0, rater.inconsistency)
    if true is None:
        return NONEXISTENT if noise > -2 * rater.inconsistency else 4  # one in 44 sees a trace
    return int(np.clip(round(true + rater.bias + noise), 0, 4))
