import weakref

from isp.development.recipes import REFERENCE, Recipe, Step
from isp.development.tree import Module, develop_tree

STEPS = {name: [Step(name, float(p), "") for p in (1, 2)] for name in ("noise", "blur", "contrast")}
RECIPES = [
    REFERENCE,
    *(Recipe(name, n, (step,)) for name, steps in STEPS.items() for n, step in enumerate(steps)),
    Recipe("mixed", 1, (STEPS["noise"][0], STEPS["contrast"][1])),
]


class State:
    """Remembers what was done, and can be watched."""

    def __init__(self, done):
        self.done = done


def modules(log, alive):
    def module(name):
        def apply(state, step):
            log.append((name, state.done, step))
            made = State((*state.done, step))
            alive.add(made)
            return made

        return Module(name, apply)

    return [module(name) for name in STEPS]


def test_every_recipe_passes_every_module_with_its_own_steps():
    log, alive = [], weakref.WeakSet()
    made = {r: s.done for r, s in develop_tree(State(()), modules(log, alive), RECIPES)}
    assert set(made) == set(RECIPES)
    for recipe, done in made.items():
        assert done == tuple(recipe.step(name) for name in STEPS)


def test_what_is_shared_is_done_once():
    log = []
    list(develop_tree(State(()), modules(log, weakref.WeakSet()), RECIPES))
    assert len(log) == len(set(log))
    assert [name for name, _, _ in log].count("noise") == 3  # none, and two levels
    assert [name for name, _, _ in log].count("blur") == 3 + 2  # under no noise, under each noise


def test_states_are_freed_when_their_branch_is_left():
    alive = weakref.WeakSet()
    most = 0
    for _, state in develop_tree(State(()), modules([], alive), RECIPES):
        most = max(most, len(alive))
        del state
    assert most <= len(STEPS) + 1
    assert len(alive) <= 1


def test_the_reference_comes_first_in_any_order():
    for order in (RECIPES, [REFERENCE, *RECIPES[:0:-1]]):
        first, _ = next(develop_tree(State(()), modules([], weakref.WeakSet()), order))
        assert first is REFERENCE
