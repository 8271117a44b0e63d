"""Many recipes in one pass: a prefix tree over the modules, walked depth first.

What two recipes share is computed once, and freed when the walk leaves its branch: at any time one
state a module is alive.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from isp.development.recipes import Recipe, Step


@dataclass(frozen=True)
class Module:
    """One place in the chain; `apply` makes the next state from a state and the recipe's step.

    `distortion` is the one whose step this module takes; "" for a module that is always the same.
    """

    distortion: str
    apply: Callable[[Any, Step | None], Any]


def develop_tree(
    state: Any, modules: Sequence[Module], recipes: Sequence[Recipe]
) -> Iterator[tuple[Recipe, Any]]:
    """Every recipe with its last state; branches in the order of their first recipe."""
    if not modules:
        for recipe in recipes:
            yield recipe, state
        return
    module, rest = modules[0], modules[1:]
    for step, group in _branches(recipes, module.distortion).items():
        yield from develop_tree(module.apply(state, step), rest, group)


def _branches(recipes: Sequence[Recipe], distortion: str) -> dict[Step | None, list[Recipe]]:
    branches: dict[Step | None, list[Recipe]] = {}
    for recipe in recipes:
        branches.setdefault(recipe.step(distortion), []).append(recipe)
    return branches
