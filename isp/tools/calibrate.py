"""Twenty levels that mean something: evenly spaced by a full-reference score on a pilot set.

Each type has one curve of mean score against parameter for each sign (exposure, contrast,
colorfulness) or shape (blur). A curve is measured at a few parameters between the first that is
worth seeing and the last that leaves something to see. The levels of a type lie at even steps of
the score that all its curves reach; signs and shapes take turns. The scorer is passed in: which
one is the caller's business, and the table says which.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import yaml

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.renderer import develop
from isp.distortions.levels import UNITS, Setting
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.keys import DISTORTIONS, LEVELS

Scorer = Callable[[np.ndarray, np.ndarray], float]
"""(reference, rendering), both uint8 (H, W, 3) RGB, -> quality, 1 for the reference itself."""

_POINTS = 9
_ANGLES = (0, 30, 60, 90, 120, 150)  # of motion, one after the other


@dataclass(frozen=True)
class Curve:
    """A type's parameters of one sign or shape, from `first` to `last`, and how they are spaced."""

    distortion: str
    first: float
    last: float
    options: tuple[tuple[str, str | float | int], ...] = ()
    geometric: bool = False

    def grid(self) -> np.ndarray:
        """Return the parameters at which the curve is measured."""
        space = np.geomspace if self.geometric else np.linspace
        grid = space(self.first, self.last, _POINTS).round(3)
        return grid.round() if self.distortion == "compression" else grid


CURVES: tuple[Curve, ...] = (
    Curve("exposure", 0.25, 2.75),
    Curve("exposure", -0.25, -3.5),
    Curve("noise", 1.0, 7.5),
    Curve("blur", 0.5, 6.0, (("shape", "gaussian"),), True),
    Curve("blur", 0.5, 6.0, (("shape", "defocus"),), True),
    Curve("blur", 0.5, 6.0, (("shape", "motion"),), True),
    Curve("contrast", 12, 100),
    Curve("contrast", -12, -100),
    Curve("colorfulness", 12, 100),
    Curve("colorfulness", -12, -100),
    Curve("compression", 80, 5, (("codec", "jpeg"), ("subsampling", "420")), True),
)


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
    wanted = [(curve, float(p)) for curve in CURVES for p in curve.grid()]
    scores = np.mean([_scores(raw, wanted, scorer, config, seed) for raw in raws], axis=0)
    parts = scores.reshape(len(CURVES), _POINTS)
    return [Measured(curve, curve.grid(), part) for curve, part in zip(CURVES, parts, strict=True)]


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
        picture = decode(image.content)
        if image.recipe is REFERENCE:
            reference = picture
        else:
            scores[image.recipe.level - 1] = scorer(reference, picture)
    return scores


def _recipe(number: int, curve: Curve, parameter: float) -> Recipe:
    step = Step(curve.distortion, parameter, UNITS[curve.distortion], curve.options)
    return Recipe(curve.distortion, number, (step,))


def decode(content: bytes) -> np.ndarray:
    """Decode an image file: uint8 (H, W, 3) RGB."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def table(measured: Sequence[Measured]) -> dict[str, list[Setting]]:
    """Twenty settings a type, by severity."""
    return {
        name: _distinct([_setting(*row) for row in _levels(_of(measured, name))])
        for name in DISTORTIONS
    }


def _of(measured: Sequence[Measured], distortion: str) -> list[Measured]:
    return [one for one in measured if one.curve.distortion == distortion]


def _distinct(settings: list[Setting]) -> list[Setting]:
    """JPEG qualities are whole: where two levels meet, the milder one gives way upwards."""
    if settings[0].unit != UNITS["compression"]:
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
    digits = {"compression": 0, "contrast": 1, "colorfulness": 1}.get(curve.distortion, 3)
    options = curve.options
    if ("shape", "motion") in options:
        options = (("angle", _ANGLES[number // 3 % len(_ANGLES)]), *options)
    return Setting(round(parameter, digits), UNITS[curve.distortion], options)


def to_yaml(settings: Mapping[str, Sequence[Setting]], about: str) -> str:
    """Write the table in the form of `levels.py`; `about` says from what it was made."""
    parts = ["# " + line for line in about.splitlines()]
    for name, rows in settings.items():
        parts += [f"{name}:", f"  unit: {UNITS[name]}", "  levels:"]
        for row in rows:
            cell = {"parameter": row.parameter, **dict(row.options)}
            parts.append(
                "  - " + yaml.safe_dump(cell, default_flow_style=True, sort_keys=False).strip()
            )
    return "\n".join(parts) + "\n"


def plot(measured: Sequence[Measured], settings: Mapping[str, Sequence[Setting]]) -> bytes:
    """PNG: mean score against parameter for each curve, the twenty levels marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.5), layout="constrained")
    for axes, name in zip(figure.subplots(2, 3).flat, DISTORTIONS, strict=True):
        for one in _of(measured, name):
            label = dict(one.curve.options).get("shape", "")
            (line,) = axes.plot(one.parameters, one.scores, label=str(label) or None)
            at = [s.parameter for s in settings[name] if _belongs(s, one.curve)]
            order = np.argsort(one.parameters)
            marks = np.interp(at, one.parameters[order], one.scores[order])
            axes.plot(at, marks, "o", color=line.get_color(), markersize=4)
        axes.set(title=name, xlabel=UNITS[name], ylabel="mean score", ylim=(0, 1.02))
        if name == "blur":
            axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, metadata={"Software": None})
    return file.getvalue()


def _belongs(setting: Setting, curve: Curve) -> bool:
    return set(curve.options) <= set(setting.options) and setting.parameter * curve.first > 0
