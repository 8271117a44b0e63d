"""SEAGULL-3k's records: ratings of ROIs by people, what they come to, and how far to trust them.

Raters are numbers here; who they are is written nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from manifests.keys import DISTORTIONS


def questions(distortions: Sequence[str] = DISTORTIONS) -> tuple[str, ...]:
    """What a rater is asked about a ROI, in the order of the page."""
    return "quality", "importance", *distortions


@dataclass(frozen=True)
class Rating:
    """Paper, section 3.2."""

    rendering_id: str
    roi_id: str
    scene_id: str
    rater: str
    raters: str  # people | simulated
    quality: int  # 0 bad .. 4 excellent
    importance: int  # 0 unimportant .. 4 essential
    severities: dict[str, int]  # by distortion; 0 extreme .. 4 trivial, 5 nonexistent
    valid: bool = True  # False: the rater was left out; opinions are without it
    repeat: bool = False  # a second answer about the same ROI, for reliability; not in opinions
    session: int = 0
    seconds: float | None = None  # from the item's appearance to its answer
    window_width: int | None = None  # CSS pixels of the page
    window_height: int | None = None
    zoom: float | None = None  # screen pixels of one pixel of the photograph, when answered


@dataclass(frozen=True)
class Opinion:
    """The mean opinion of one ROI in one image; a severity is None where the ROI is without."""

    rendering_id: str
    roi_id: str
    scene_id: str
    quality: float  # 0..4
    importance: float  # 0..4
    severities: dict[str, float | None]  # 0..4 by distortion
    ratings: int
    raters: str  # people | simulated


@dataclass(frozen=True)
class Estimate:
    """One question about one ROI: the paper's mean, and the model of bias and inconsistency."""

    rendering_id: str
    roi_id: str
    scene_id: str
    question: str  # quality, importance or a distortion of the dataset
    raters: str  # people | simulated
    ratings: int  # valid ones
    mean: float | None  # of a distortion: over those who saw it; None: a majority saw none
    estimate: float  # of the model; of a distortion on 0 extreme .. 5 nonexistent
    low: float  # of its 95 % interval
    high: float
    label: str  # mean | model: which of the two the shards' labels hold


@dataclass(frozen=True)
class ScreeningFigure:
    """One check of one rater. `figure` None: too little to judge by, which passes."""

    rater: str
    check: str
    figure: float | None
    threshold: float
    bound: str  # least | most
    passed: bool


@dataclass(frozen=True)
class Rater:
    """One rater's part in the study."""

    rater: str
    raters: str  # people | simulated
    votes: int  # about ROIs of the dataset, without repeats
    valid: bool
    why: str  # failed checks or the leader's decision; empty when valid
    bias: float | None  # of quality, in categories
    inconsistency: float | None


@dataclass(frozen=True)
class Agreement:
    """How far the valid raters agree about one question."""

    question: str
    measure: str
    value: float | None  # None: nothing to compare
    raters: int
    rois: int


@dataclass(frozen=True)
class Photograph:
    """Where an image of the study comes from, as its publisher distributes it."""

    scene_id: str
    source: str  # livec | bid | spaq | koniq | folder
    file: str  # within the source's folder
    sha256: str  # of that file
    mos: float | None  # as published
    mos_top: float | None  # the best that the publisher's scale allows
    converted: bool  # to PNG, losslessly, because browsers do not show the format as it came
