"""What a table of models holds: how to load a model, and what its output depends on.

The tables are `detectors/all_detectors.py`, `segmenters/all_segmenters.py` and
`scorers/all_scorers.py`; a user's package adds to them by the entry point groups below.
"""

from collections.abc import Callable
from dataclasses import dataclass

from labelers.contracts.candidates import Detector, Segmenter
from labelers.contracts.crops import Scorer
from manifests.config import MasksConfig, ScorerConfig

DETECTORS_GROUP = "seagull.detectors"
SEGMENTERS_GROUP = "seagull.segmenters"
SCORERS_GROUP = "seagull.scorers"
WEIGHT_FREE = "embedded-1"
"""Identity of the weight-free detector and segmenter; raise it when weight_free/ changes a mask."""


@dataclass(frozen=True)
class DetectorKind:
    """A detector by name. `load` gets the configuration and the device ("cpu", "cuda").

    identity: name and version, with the sha256 of the weights where there are any; masks are made
        anew when it changes. It loads no model.
    """

    load: Callable[[MasksConfig, str], Detector]
    identity: Callable[[MasksConfig], str]


@dataclass(frozen=True)
class SegmenterKind:
    """A promptable segmenter by name; as `DetectorKind`."""

    load: Callable[[MasksConfig, str], Segmenter]
    identity: Callable[[MasksConfig], str]


@dataclass(frozen=True)
class ScorerKind:
    """A full-reference scorer by name, higher for better.

    version: what its scores depend on, with the sha256 of the weights; it goes into the table's
        column scorer_version. It loads no model.
    without_above: the quality above which a ROI shows no distortion; None where the user must say
        it by `labels.without_above`.
    """

    load: Callable[[ScorerConfig, str], Scorer]
    version: Callable[[ScorerConfig], str]
    without_above: float | None = None
