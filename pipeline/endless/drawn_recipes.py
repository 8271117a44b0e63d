"""A level's setting, or one drawn anew between it and the next of its kind."""

from collections.abc import Sequence
from dataclasses import replace

from isp.development.recipes import Recipe, Step
from isp.distortions.all_distortions import distortion_by_name
from manifests.chance import generator


def drawn(recipes: Sequence[Recipe], slot: int, *key: str | int) -> Recipe:
    """The recipe at `slot` with a parameter drawn by `key`.

    It lies between this level's and that of the next level of the same sign and shape or codec,
    evenly, rounded as a table of levels is; a distortion's last levels stay as they are. The level
    stays the same, for it is the highest whose severity is reached.
    """
    recipe = recipes[slot]
    if len(recipe.steps) != 1:
        return recipe
    (step,) = recipe.steps
    distortion = distortion_by_name(step.distortion)
    for other in recipes[slot + 1 :]:
        if other.distortion != recipe.distortion:
            break
        if _kind(other.steps[0]) == _kind(step):
            share = generator("endless parameter", *key).random()
            between = step.parameter + share * (other.steps[0].parameter - step.parameter)
            parameter = round(float(between), distortion.decimals)
            return replace(recipe, steps=(replace(step, parameter=parameter),))
    return recipe


def _kind(step: Step) -> tuple[object, ...]:
    """Sign and shape or codec: all options but those that are numbers, as a motion's angle."""
    options = distortion_by_name(step.distortion).options
    named = [(name, value) for name, value in step.options if options[name].range is None]
    return step.parameter > 0, tuple(named)
