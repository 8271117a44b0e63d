"""Recipes whose steps say where they act, from a YAML: a list of mixtures.

    - {exposure: {parameter: -1.5}, noise: {parameter: 4}}     # everywhere
    - {where: object, feather: 6, blur: {parameter: 2.0}}      # object | component | background
    - {blur: {parameter: 2, where: background}, exposure: {parameter: 1, where: object, feather: 8}}

`where` and `feather` of a recipe are those of its steps that say none.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isp.development.recipes import MIXED, Recipe, Step, mixture, mixtures
from isp.distortions.levels import read_yaml
from manifests.errors import SeagullError

PLACES = ("object", "component", "background")


@dataclass(frozen=True)
class Place:
    """Where a step acts: everywhere (""), or in one of PLACES, feathered in pixels."""

    where: str = ""
    feather: float = 0.0


EVERYWHERE = Place()


@dataclass(frozen=True)
class Placed:
    """A recipe and the place of each of its steps."""

    recipe: Recipe
    places: tuple[Place, ...]

    @property
    def is_mixture(self) -> bool:
        """Whether it is no cell of the table of levels."""
        return self.recipe.distortion == MIXED

    @property
    def is_regional(self) -> bool:
        """Whether any step acts in a region only."""
        return any(place.where for place in self.places)

    def within(self, kinds: Collection[str]) -> "Placed":
        """The recipe for a scene whose ROIs are of `kinds`: everywhere, where a region is none."""
        there = {"", *kinds, *(["background"] if "object" in kinds else [])}
        return self if all(p.where in there for p in self.places) else everywhere(self.recipe)

    def groups(self) -> Iterator[tuple[Place, tuple[Step, ...]]]:
        """The steps by place, in the order of the places' first steps."""
        for place in dict.fromkeys(self.places):
            pairs = zip(self.recipe.steps, self.places, strict=True)
            yield place, tuple(step for step, own in pairs if own == place)


def everywhere(recipe: Recipe) -> Placed:
    """The recipe as it is."""
    return Placed(recipe, (EVERYWHERE,) * len(recipe.steps))


def read_placed(path: Path) -> list[Placed]:
    """Read the YAML.

    Raises:
        SeagullError: it is no list of mixtures, or names a place or a setting that there is not.
    """
    rows = read_yaml(path)
    if not isinstance(rows, list) or not any(_has_place(row) for row in rows):
        return [everywhere(recipe) for recipe in mixtures(path)]
    return [_placed(path, number, row) for number, row in enumerate(rows, start=1)]


def _has_place(row: object) -> bool:
    if not isinstance(row, dict):
        return False
    return any("where" in cell for cell in (row, *row.values()) if isinstance(cell, dict))


def _placed(path: Path, number: int, row: object) -> Placed:
    cells = dict(row) if isinstance(row, dict) else {}
    own = {key: cells.pop(key) for key in ("where", "feather") if key in cells}
    places = [_place(path, number, own | cell if isinstance(cell, dict) else own)
              for cell in cells.values()]  # fmt: skip
    if len(cells) < (1 if any(place.where for place in places) else 2):
        raise SeagullError(
            f"{path}: mixture {number} needs two or more distortions, or `where` and one"
        )
    settings = {name: _setting(cell) for name, cell in cells.items()}
    return Placed(mixture(path, number, settings), tuple(places))


def _place(path: Path, number: int, cell: Mapping[str, Any]) -> Place:
    where, feather = cell.get("where", ""), cell.get("feather", 0)
    if where not in (*PLACES, "") or not isinstance(feather, int | float) or feather < 0:
        raise SeagullError(
            f"{path}: mixture {number}: where is one of {', '.join(PLACES)}, feather pixels from 0"
        )
    return Place(where, float(feather) if where else 0.0)


def _setting(cell: object) -> object:
    if not isinstance(cell, dict):
        return cell
    return {key: value for key, value in cell.items() if key not in ("where", "feather")}
