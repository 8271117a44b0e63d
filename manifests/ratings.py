"""SEAGULL-3k's records: one rating of one ROI by one person, and what a ROI's ratings come to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rating:
    """Paper, section 3.2. Severities: 0 extreme .. 4 trivial, 5 nonexistent."""

    rendering_id: str
    roi_id: str
    scene_id: str
    rater: str
    raters: str  # people | simulated
    quality: int  # 0 bad .. 4 excellent
    importance: int  # 0 unimportant .. 4 essential
    exposure: int
    noise: int
    blur: int
    contrast: int
    colorfulness: int
    compression: int


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
