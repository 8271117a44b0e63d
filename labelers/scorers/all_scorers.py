"""The scorers there are, by the name in `labels.scorer`; others by `seagull.scorers`."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from labelers.contracts.crops import Scorer
from labelers.contracts.kinds import SCORERS_GROUP, ScorerKind
from labelers.loading import weights
from labelers.scorers.metric import HOW_TO_SAVE, LEARNED, WEIGHT_FREE
from manifests.config import ScorerConfig
from manifests.errors import SeagullError
from manifests.plugins import by_name

SSIM = "ssimc"  # what `embedded` is; chosen on evidence: python -m labelers.checks.evidence
_SSIM_WITHOUT = 0.99  # a mean difference of 2 CIEDE2000 is seen: labelers.checks.evidence
_TOPIQ_WITHOUT = 0.92  # paper, section 3.1.3


def scorer_kind(name: str) -> ScorerKind:
    """Return the scorer called `name`; SeagullError when there is none."""
    return by_name(name, SCORERS, SCORERS_GROUP, ScorerKind, "full-reference metric")


def _weights(config: ScorerConfig) -> Path:
    how = HOW_TO_SAVE.format(name=config.scorer) if config.scorer in LEARNED else ""
    return weights.required(config.weights, config.scorer, "labels.weights", how)


def _pyiqa() -> str:
    return f"pyiqa-{version('pyiqa')}"


def _weight_free_version(config: ScorerConfig) -> str:
    return f"{_pyiqa()} weight-free"


def _ssim_version(config: ScorerConfig) -> str:
    from labelers.scorers.ssim import VERSION

    return f"{_weight_free_version(config)} {VERSION}"


def _learned_version(config: ScorerConfig) -> str:
    precise = "" if config.precision == "fp32" else f" {config.precision}"
    return f"{_pyiqa()} {weights.short(_weights(config))}{precise}"


def _load_ssim(config: ScorerConfig, device: str) -> Scorer:
    from labelers.scorers.ssim import LocalSsim

    return LocalSsim()


def _load_topiq(config: ScorerConfig, device: str) -> Scorer:
    from labelers.scorers.topiq import Topiq, load_topiq

    metric = load_topiq(config.scorer, _weights(config), device)
    return Topiq(metric, device, config.precision)


def _load_metric(config: ScorerConfig, device: str) -> Scorer:
    from labelers.scorers.metric import create

    return create(config.scorer, device)


def _load_learned(config: ScorerConfig, device: str) -> Scorer:
    from labelers.scorers.metric import load_learned

    return load_learned(config.scorer, _weights(config), device)


_METRIC = ScorerKind(_load_metric, _weight_free_version)
_LEARNED = ScorerKind(_load_learned, _learned_version)
_SSIM = ScorerKind(_load_ssim, _ssim_version, _SSIM_WITHOUT)


def _cannot_make(config: ScorerConfig, device: str) -> Scorer:
    raise SeagullError(
        f"labels.scorer={RELEASED} stands for labels that were imported and cannot be made here;"
        " choose a scorer with --set labels.scorer=..."
    )


RELEASED = "seagull-100w"  # labels that came with the released dataset: read, never made
SCORERS: Mapping[str, ScorerKind] = {
    RELEASED: ScorerKind(_cannot_make, lambda config: "as released", 0.92),
    "embedded": _SSIM,
    "topiq_fr": ScorerKind(_load_topiq, _learned_version, _TOPIQ_WITHOUT),
    "topiq_fr-pipal": ScorerKind(_load_topiq, _learned_version),
    **dict.fromkeys(WEIGHT_FREE, _METRIC),
    **dict.fromkeys(LEARNED, _LEARNED),
    SSIM: _SSIM,
}
