"""What is to be rendered: the reference, 6 x 20 distortions, and mixtures of them.

A recipe says what differs from the reference, never how the reference is made (`RenderConfig`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isp.distortions.distortion import OptionValue
from isp.distortions.levels import Setting, load_levels, read_setting, read_yaml
from manifests.chance import generator
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.keys import LEVELS, NO_DISTORTION

MIXED = "mixed"


@dataclass(frozen=True)
class Step:
    """One distortion with its signed parameter in `unit`; `options` are (name, value) pairs."""

    distortion: str
    parameter: float
    unit: str
    options: tuple[tuple[str, OptionValue], ...] = ()

    def option(self, name: str, default: str) -> str:
        """Return the value of an option as text, or `default`."""
        return str(dict(self.options).get(name, default))


@dataclass(frozen=True)
class Recipe:
    """One rendering: `none`, the name of a distortion or `mixed`; level 0 for the reference."""

    distortion: str
    level: int
    steps: tuple[Step, ...]

    @property
    def parameter(self) -> float:
        """The single step's signed parameter; 0.0 for the reference and for mixtures."""
        return self.steps[0].parameter if len(self.steps) == 1 else 0.0

    @property
    def unit(self) -> str:
        """The single step's unit; "" for the reference, "mixed" for mixtures."""
        if self.distortion == MIXED:
            return MIXED
        return self.steps[0].unit if self.steps else ""

    def step(self, distortion: str) -> Step | None:
        """Return this recipe's step of a distortion; None when it has none."""
        return next((step for step in self.steps if step.distortion == distortion), None)


REFERENCE = Recipe(NO_DISTORTION, 0, ())


def recipes(config: RenderConfig) -> list[Recipe]:
    """List the reference, then 6 x 20 in the levels table's order, level 1..20 by severity.

    Raises:
        SeagullError: `config.levels` names a table that is missing or no whole table.
    """
    table = load_levels(config.levels)
    return [REFERENCE] + [
        Recipe(distortion, level, (_step(distortion, setting),))
        for distortion, settings in table.items()
        for level, setting in enumerate(settings, start=1)
    ]


def mixed_recipes(count: int, sha256: str, seed: int, config: RenderConfig) -> list[Recipe]:
    """`count` renderings, each with 1 to 3 distortions at random levels; level = 1..count.

    Drawn from (sha256, seed) alone: the first n of a longer list are the shorter list.
    """
    table = load_levels(config.levels)
    return [_mixture(number, sha256, seed, table) for number in range(1, count + 1)]


def _mixture(number: int, sha256: str, seed: int, table: dict[str, tuple[Setting, ...]]) -> Recipe:
    draw = generator(sha256, MIXED, number, seed)
    distortions = list(table)
    chosen = sorted(draw.permutation(len(distortions))[: draw.integers(1, 4)])
    names = [distortions[index] for index in chosen]
    levels = draw.integers(0, LEVELS, len(names))
    steps = [_step(name, table[name][level]) for name, level in zip(names, levels, strict=True)]
    return Recipe(MIXED, number, tuple(steps))


def mixtures(path: Path) -> list[Recipe]:
    """Mixtures that a YAML names, level 1 onwards: a list of `{distortion: {parameter: ...}, ...}`.

        - {exposure: {parameter: -1.5}, noise: {parameter: 4}}
        - {blur: {parameter: 1.2, shape: motion, angle: 30}, compression: {parameter: 20}}

    Raises:
        SeagullError: no such list, fewer than two distortions, or a setting out of range.
    """
    rows = read_yaml(path)
    if not isinstance(rows, list) or not all(isinstance(r, dict) and len(r) > 1 for r in rows):
        raise SeagullError(f"{path}: expected a list of mixtures of two or more distortions each")
    return [mixture(path, number, row) for number, row in enumerate(rows, start=1)]


def mixture(path: Path, number: int, row: dict[str, Any]) -> Recipe:
    """Read one mixture, `{distortion: {parameter: ...}, ...}`, of the YAML `path`; level `number`.

    Raises:
        SeagullError: a setting out of range, or a distortion that there is not.
    """
    return Recipe(MIXED, number, tuple(_named(path, number, name, row[name]) for name in row))


def _named(path: Path, number: int, name: str, cell: Any) -> Step:
    return _step(name, read_setting(f"{path}: mixture {number}", name, cell))


def _step(distortion: str, setting: Setting) -> Step:
    return Step(distortion, setting.parameter, setting.unit, setting.options)
