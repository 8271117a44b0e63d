"""What would be done, how many and how many bytes; and where everything stands.

Bytes are measured, not guessed: a few renderings of the first scene to do are developed in memory.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from isp.development.recipes import Recipe, recipes
from isp.development.renderer import develop
from manifests.config import Config
from manifests.errors import SceneError
from manifests.workspace import Workspace
from pipeline.intake.sources import Source, at_hand
from pipeline.run.ledger import Ledger

SAMPLED_LEVELS = frozenset({0, 1, 7, 14, 20})


@dataclass(frozen=True)
class StageCount:
    """Scenes of one stage by status."""

    stage: str
    done: int
    failed: int
    ready: int
    waiting: int

    @property
    def to_do(self) -> int:
        """Scenes that a run would work on."""
        return self.ready + self.waiting


def count_stages(
    sources: Sequence[Source], names: Sequence[str], workspace: Workspace, config: Config
) -> list[StageCount]:
    """Where the scenes stand in the stages named."""
    ledger = Ledger(workspace, config, names)
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for source in sources:
        for name, state in ledger.states(source).items():
            if name in counts:
                counts[name][state.status] += 1
    return [
        StageCount(
            stage=name,
            done=counts[name]["done"],
            failed=counts[name]["failed"],
            ready=counts[name]["ready"],
            waiting=counts[name]["waiting"],
        )
        for name in names
    ]


@dataclass(frozen=True)
class Sample:
    """What a few renderings of one scene came to."""

    scene_id: str
    renderings: int
    mean_bytes: float


def sample_bytes(sources: Sequence[Source], config: Config) -> Sample | None:
    """Develop a few renderings of the first scene that can be; None when none can."""
    some = [recipe for recipe in recipes(config.render) if recipe.level in SAMPLED_LEVELS]
    for source in sources:
        try:
            sizes = _sizes(source, some, config)
        except SceneError:
            continue
        return Sample(source.scene_id, len(sizes), sum(sizes) / len(sizes))
    return None


def _sizes(source: Source, some: Sequence[Recipe], config: Config) -> list[int]:
    with at_hand([source]) as (near,):
        _, images = develop(near.file, near.sha256, some, config.render, config.seed)
        return [len(image.content) for image in images]
