"""Raters that do not exist.

They make SEAGULL-3k's format flow end to end where no people are at hand. What they say follows
the scorer and the levels of the renderings, with a bias a rater and noise a rating; nothing
measured on it says anything about people. Every record carries `raters="simulated"`.

The size of bias and noise (0.4 and 0.75 of a category) is that of trained raters in published
studies (Li et al., A simple model for subject behavior in subjective experiments, 2020).
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np

from manifests.chance import generator
from manifests.config import StudyConfig
from manifests.keys import DISTORTIONS, LEVELS, WITHOUT
from manifests.ratings import Rating
from manifests.records import Label
from manifests.words import NONEXISTENT

BIAS_SD = 0.4
NOISE_SD = 0.75


def simulate_study(
    labels: Sequence[Label],
    levels: Mapping[str, Mapping[str, int]],
    config: StudyConfig,
    seed: int,
) -> list[Rating]:
    """Ratings of a few ROIs in each rendering.

    Args:
        labels: of all ROIs in the mixed renderings, grouped by rendering.
        levels: for each rendering_id, the level 1..20 of each distortion in it.
        config: how many raters there are, and how many rate a ROI.
        seed: of the raters' biases and noise.
    """
    ratings = []
    for rendering, group in groupby(labels, key=lambda label: label.rendering_id):
        for label in _chosen(list(group), config, seed):
            ratings += _rate(label, levels[rendering], config, seed)
    return ratings


def _chosen(labels: list[Label], config: StudyConfig, seed: int) -> list[Label]:
    rng = generator("study rois", labels[0].rendering_id, seed)
    count = min(config.rois_per_image, len(labels))
    return [labels[i] for i in sorted(rng.choice(len(labels), count, replace=False))]


def _rate(label: Label, levels: Mapping[str, int], config: StudyConfig, seed: int) -> list[Rating]:
    rng = generator("study raters", label.rendering_id, label.roi_id, seed)
    raters = sorted(rng.choice(config.raters, min(config.ratings_per_roi, config.raters), False))
    return [_rating(label, levels, int(rater), rng, seed) for rater in raters]


def _rating(
    label: Label, levels: Mapping[str, int], rater: int, rng: np.random.Generator, seed: int
) -> Rating:
    bias = generator("rater", rater, seed).normal(0, BIAS_SD)

    def category(true: float) -> int:
        return int(np.clip(round(true + bias + rng.normal(0, NOISE_SD)), 0, 4))

    visible = label.distortion_label != WITHOUT
    severities = {
        name: category(_severity(levels[name])) if visible and name in levels else NONEXISTENT
        for name in DISTORTIONS
    }
    return Rating(
        rendering_id=label.rendering_id,
        roi_id=label.roi_id,
        scene_id=label.scene_id,
        rater=f"simulated{rater:02d}",
        raters="simulated",
        quality=category(4 * label.quality),
        importance=category(_importance(label)),
        **severities,
    )


def _severity(level: int) -> float:
    """Level 1..20 to trivial (4) .. extreme (0)."""
    return 4 * (1 - (level - 1) / (LEVELS - 1))


def _importance(label: Label) -> float:
    """Map what the whole image loses to 0..4: 0.1 of the scorer's scale is already essential."""
    return 4 * min(label.importance / 0.1, 1.0)
