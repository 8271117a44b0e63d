"""The three labels of every ROI in every rendering (paper, section 3.1.3).

Covers the threshold and the records; the scorers are listed in `scorers/all_scorers.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Scorer, crop_of
from labelers.scorers.all_scorers import scorer_kind
from manifests.config import LabelsConfig, ScorerConfig
from manifests.errors import SeagullError
from manifests.keys import NO_DISTORTION, WITHOUT
from manifests.records import Label, Rendering, Roi

VERSION = 3  # 3: learned metrics on a CPU multiply by oneDNN


@dataclass(frozen=True)
class Labeler:
    """One scorer, loaded once a worker."""

    scorer: str
    version: str
    without_above: float
    engine: Scorer

    def label(
        self,
        reference: Image,
        rois: Sequence[Roi],
        renderings: Sequence[tuple[Rendering, Image]],
    ) -> list[Label]:
        """Labels by rendering, then ROI, in the order given; images are uint8 HxWx3 RGB.

        Scores are rounded to 6 decimals.

        Raises:
            SeagullError: a rendering is not of the reference's size.
        """
        for rendering, image in renderings:
            if image.shape != reference.shape:
                raise SeagullError(
                    f"{rendering.path} is {image.shape[1]}x{image.shape[0]} pixels, its reference "
                    f"{reference.shape[1]}x{reference.shape[0]}; render the scene again"
                )
        crops = [crop_of(roi) for roi in rois]
        scores = self.engine.scores(reference, crops, [image for _, image in renderings])
        return [
            self._label(rendering, roi, scores.quality[row, column], scores.importance[row, column])
            for row, (rendering, _) in enumerate(renderings)
            for column, roi in enumerate(rois)
        ]

    def _label(self, rendering: Rendering, roi: Roi, quality: float, importance: float) -> Label:
        rounded = round(float(quality), 6)
        same = rendering.distortion == NO_DISTORTION or rounded > self.without_above
        return Label(
            rendering_id=rendering.rendering_id,
            roi_id=roi.roi_id,
            scene_id=roi.scene_id,
            quality=rounded,
            importance=round(float(importance), 6) + 0.0,  # no negative zero
            distortion_label=WITHOUT if same else rendering.distortion,
            scorer=self.scorer,
            scorer_version=self.version,
        )


@dataclass(frozen=True)
class Labelers:
    """The dataset's scorer, and others that see the same decoded images."""

    first: Labeler
    others: tuple[Labeler, ...]

    def others_label(
        self,
        reference: Image,
        rois: Sequence[Roi],
        renderings: Sequence[tuple[Rendering, Image]],
    ) -> list[Label]:
        """As `Labeler.label`, by rendering, ROI, then scorer as the configuration names them."""
        by_scorer = [labeler.label(reference, rois, renderings) for labeler in self.others]
        return [label for group in zip(*by_scorer, strict=True) for label in group]


def labeler_identity(config: ScorerConfig) -> str:
    """Scorer, version and threshold: what labels depend on; loads no model.

    Raises:
        SeagullError: the weights are missing, or the scorer has no threshold of its own.
    """
    scorer = described(config)
    return f"{scorer['scorer']} {scorer['scorer_version']} without>{scorer['without_above']}"


def described(config: ScorerConfig) -> dict[str, Any]:
    """Describe what readers of labels must know of their scorer; raises as `labeler_identity`."""
    return {
        "scorer": config.scorer,
        "scorer_version": scorer_kind(config.scorer).version(config),
        "without_above": _threshold(config),
    }


def load_labeler(config: ScorerConfig, device: str) -> Labeler:
    """Load the labeler that `config` names, on `device` ("cpu", "cuda").

    Raises:
        SeagullError: unknown scorer, no threshold for it, missing or foreign weights.
    """
    kind = scorer_kind(config.scorer)
    return Labeler(
        scorer=config.scorer,
        version=kind.version(config),
        without_above=_threshold(config),
        engine=kind.load(config, device),
    )


def load_labelers(config: LabelsConfig, device: str) -> Labelers:
    """All that `config` names; raises as `load_labeler`."""
    others = tuple(load_labeler(other, device) for other in config.also)
    return Labelers(load_labeler(config, device), others)


def _threshold(config: ScorerConfig) -> float:
    if config.without_above is not None:
        return config.without_above
    own = scorer_kind(config.scorer).without_above
    if own is None:
        raise SeagullError(
            f"scorer {config.scorer} has no known 'without distortions' threshold; "
            "set its without_above"
        )
    return own
