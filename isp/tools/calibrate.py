"""Twenty levels that mean something: evenly spaced by a full-reference score on a pilot set.

Each type has one curve of mean score against parameter for each of its sweeps: a sign (exposure,
contrast, colorfulness) or a shape (blur). A curve is measured at a few parameters between the first
that is worth seeing and the last that leaves something to see. The levels of a type lie at even
steps of the score that all its curves reach; signs and shapes take turns. The scorer is passed in:
which one is the caller's business, and the table says which.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import yaml

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.renderer import develop
from isp.distortions.all_distortions import known_distortions
from isp.distortions.distortion import Distortion, Sweep
from isp.distortions.levels import Setting
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.images import decode_image
from manifests.keys import LEVELS

Scorer = Callable[[np.ndarray, np.ndarray], float]
"""(reference, rendering), both uint8 (H, W, 3) RGB, -> quality, 1 for the reference itself."""

_POINTS = 9


@dataclass(frozen=True)
class Curve:
    """One sweep of a distortion."""

    distortion: Distortion
    sweep: Sweep

    def grid(self) -> np.ndarray:
        """Return the parameters at which the curve is measured."""
        space = np.geomspace if self.sweep.geometric else np.linspace
        grid = space(self.sweep.first, self.sweep.last, _POINTS).round(3)
        return grid if self.distortion.decimals else grid.round()

    def holds(self, setting: Setting) -> bool:
        """Whether a level of the distortion lies on this curve."""
        options, first = self.sweep.options, self.sweep.first
        return set(options) <= set(setting.options) and setting.parameter * first > 0


def all_curves() -> list[Curve]:
    """List every sweep of every distortion there is."""
    return [Curve(one, sweep) for one in known_distortions() for sweep in one.sweeps]


@dataclass(frozen=True)
class Measured:
    """A curve with its mean score (float64 (n,)) at each of its parameters (float64 (n,))."""

    curve: Curve
    parameters: np.ndarray
    scores: np.ndarray

    def parameter_at(self, score: float) -> float:
        """Return the parameter at which the falling curve passes `score`; at most its ends."""
        falling = np.minimum.accumulate(self.scores)
        return float(np.interp(-score, -falling, self.parameters))


def measure(
    raws: Sequence[Path], scorer: Scorer, config: RenderConfig, seed: int = 0
) -> list[Measured]:
    """Every curve, its score averaged over the pilot RAWs.

    Raises:
        SeagullError: no RAWs. SceneError: one cannot be developed.
    """
    if not raws:
        raise SeagullError("calibration needs at least one RAW of a pilot set, got none")
    curves = all_curves()
    wanted = [(curve, float(p)) for curve in curves for p in curve.grid()]
    scores = np.mean([_scores(raw, wanted, scorer, config, seed) for raw in raws], axis=0)
    parts = scores.reshape(len(curves), _POINTS)
    return [Measured(curve, curve.grid(), part) for curve, part in zip(curves, parts, strict=True)]


def _scores(
    raw: Path,
    wanted: Sequence[tuple[Curve, float]],
    scorer: Scorer,
    config: RenderConfig,
    seed: int,
) -> list[float]:
    recipes = [REFERENCE, *(_recipe(n, curve, p) for n, (curve, p) in enumerate(wanted, start=1))]
    _, images = develop(raw, sha256_of_file(raw), recipes, config, seed)
    reference, scores = np.empty(0), [0.0] * len(wanted)
    for image in images:
        picture = decode_image(image.content, str(raw))
        if image.recipe is REFERENCE:
            reference = picture
        else:
            scores[image.recipe.level - 1] = scorer(reference, picture)
    return scores


def _recipe(number: int, curve: Curve, parameter: float) -> Recipe:
    name, unit = curve.distortion.name, curve.distortion.unit
    return Recipe(name, number, (Step(name, parameter, unit, curve.sweep.options),))


def table(measured: Sequence[Measured]) -> dict[str, list[Setting]]:
    """Twenty settings a type, by severity."""
    return {
        one.name: _distinct([_setting(*row) for row in _levels(curves)], one)
        for one, curves in _by_distortion(measured)
    }


def _by_distortion(measured: Sequence[Measured]) -> list[tuple[Distortion, list[Measured]]]:
    groups = groupby(measured, key=lambda one: one.curve.distortion)
    return [(distortion, list(curves)) for distortion, curves in groups]


def _distinct(settings: list[Setting], distortion: Distortion) -> list[Setting]:
    """Where two levels of whole parameters meet (JPEG's quality), the milder one gives way."""
    if distortion.decimals:
        return settings
    apart = settings[-1:]
    for setting in reversed(settings[:-1]):
        apart.append(replace(setting, parameter=max(setting.parameter, apart[-1].parameter + 1)))
    return apart[::-1]


def _levels(curves: Sequence[Measured]) -> Iterator[tuple[Curve, float, int]]:
    """(curve, parameter, number) at even steps of a scale that all curves reach, taking turns."""
    first = min(m.scores[0] for m in curves)
    last = max(m.scores.min() for m in curves)
    for number, score in enumerate(np.linspace(first, last, LEVELS)):
        measured = curves[number % len(curves)]
        yield measured.curve, measured.parameter_at(score), number


def _setting(curve: Curve, parameter: float, number: int) -> Setting:
    one, sweep = curve.distortion, curve.sweep
    turn = number // len(one.sweeps)
    turning = tuple((name, values[turn % len(values)]) for name, values in sweep.turns)
    return Setting(round(parameter, one.decimals), one.unit, (*turning, *sweep.options))


def to_yaml(settings: Mapping[str, Sequence[Setting]], about: str) -> str:
    """Write the table in the form of `levels.py`; `about` says from what it was made."""
    parts = ["# " + line for line in about.splitlines()]
    for name, rows in settings.items():
        parts += [f"{name}:", f"  unit: {rows[0].unit}", "  levels:"]
        for row in rows:
            cell = {"parameter": row.parameter, **dict(row.options)}
            parts.append(
                "  - " + yaml.safe_dump(cell, default_flow_style=True, sort_keys=False).strip()
            )
    return "\n".join(parts) + "\n"


def plot(measured: Sequence[Measured], settings: Mapping[str, Sequence[Setting]]) -> bytes:
    """PNG: mean score against parameter for each curve, the twenty levels marked."""
    from matplotlib.figure import Figure

    rows = -(-len(settings) // 3)
    figure = Figure(figsize=(12, 3.25 * rows), layout="constrained")
    panels = figure.subplots(rows, 3, squeeze=False).flat
    for axes, (one, curves) in zip(panels, _by_distortion(measured), strict=False):
        for each in curves:
            label = " ".join(str(value) for _, value in each.curve.sweep.options)
            (line,) = axes.plot(each.parameters, each.scores, label=label)
            at = [s.parameter for s in settings[one.name] if each.curve.holds(s)]
            order = np.argsort(each.parameters)
            marks = np.interp(at, each.parameters[order], each.scores[order])
            axes.plot(at, marks, "o", color=line.get_color(), markersize=4)
        axes.set(title=one.name, xlabel=one.unit, ylabel="mean score", ylim=(0, 1.02))
        if any(each.curve.sweep.options for each in curves):
            axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()
