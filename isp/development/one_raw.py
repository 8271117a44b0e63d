"""One RAW from Python, without a workspace: `isp.render` and `isp.develop`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np

from isp.development import renderer
from isp.development.recipes import MIXED, REFERENCE, Recipe, Step
from isp.distortions.levels import read_setting
from manifests.config import RenderConfig
from manifests.files import sha256_of_file
from manifests.images import decode_image

Cell = float | Mapping[str, Any]
Distortions = Mapping[str, Cell]
"""Distortion -> its parameter, or `{parameter: ..., option: ...}` as a levels table has it."""


def render(
    raw: str | PathLike[str],
    *,
    config: RenderConfig | None = None,
    seed: int = 0,
    **distortions: Cell,
) -> np.ndarray:
    """Render one RAW once.

        isp.render("r0001.NEF")  # the reference
        isp.render("r0001.NEF", exposure=-1.5)
        isp.render("r0001.NEF", noise=4, blur={"parameter": 1.2, "shape": "motion", "angle": 30})

    Args:
        raw: the file.
        config: how the reference is made; by default long edge 1024, standard tone, lens corrected.
        seed: of the noise.
        distortions: parameters by name, in the units of the levels table (exposure in EV, noise in
            stops, blur in px, contrast and colorfulness in percent, compression's JPEG quality).

    Returns:
        uint8 (H, W, 3) RGB, sRGB-encoded; lossless but for compression's own loss.

    Raises:
        SeagullError: no such distortion or option, or a parameter out of range.
        SceneError: the file is missing, no RAW, broken, unsupported or too large.
    """
    (picture,) = develop(raw, [distortions], config=config, seed=seed)
    return picture


@overload
def develop(
    raw: str | PathLike[str],
    recipes: Sequence[Distortions | Recipe],
    *,
    config: RenderConfig | None = None,
    seed: int = 0,
    encoded: Literal[False] = False,
) -> list[np.ndarray]: ...


@overload
def develop(
    raw: str | PathLike[str],
    recipes: Sequence[Distortions | Recipe],
    *,
    config: RenderConfig | None = None,
    seed: int = 0,
    encoded: Literal[True],
) -> list[bytes]: ...


def develop(
    raw: str | PathLike[str],
    recipes: Sequence[Distortions | Recipe],
    *,
    config: RenderConfig | None = None,
    seed: int = 0,
    encoded: bool = False,
) -> list[np.ndarray] | list[bytes]:
    """Render one RAW by many recipes in one pass: what they share is computed once.

        isp.develop("r0001.NEF", [{}, {"exposure": -1}, {"noise": 4, "compression": 20}])

    Args:
        raw: the file.
        recipes: for each rendering its distortions as `render` takes them, `{}` for the reference;
            or Recipes, such as those of `isp.development.recipes.recipes`.
        config: as in `render`.
        seed: of the noise.
        encoded: give the bytes of the image files, as the dataset stores them, for arrays.

    Returns:
        In the order of `recipes`: arrays as `render`'s, or the bytes of JPEG (or PNG) files.

    Raises:
        SeagullError, SceneError: as in `render`.
    """
    path, config = Path(raw), config or RenderConfig()
    wanted = [replace(one) if isinstance(one, Recipe) else _recipe(one) for one in recipes]
    place = {id(recipe): number for number, recipe in enumerate(wanted)}
    stored = config if encoded else replace(config, format="png")
    sha256 = sha256_of_file(path) if path.is_file() else ""  # a missing file is the RAW's error
    _, images = renderer.develop(path, sha256, wanted, stored, seed)
    contents = [b""] * len(wanted)
    for image in images:
        contents[place[id(image.recipe)]] = image.content
    return contents if encoded else [decode_image(content, str(path)) for content in contents]


def _recipe(distortions: Distortions) -> Recipe:
    steps = tuple(_step(name, cell) for name, cell in distortions.items())
    if not steps:
        return replace(REFERENCE)
    return Recipe(MIXED if len(steps) > 1 else steps[0].distortion, 1, steps)


def _step(name: str, cell: Cell) -> Step:
    whole = cell if isinstance(cell, Mapping) else {"parameter": cell}
    setting = read_setting("recipe", name, dict(whole))
    return Step(name, setting.parameter, setting.unit, setting.options)
