"""Both stages from several seeds on one dataset: mean and range of what is wanted of the demo.

    python -m training.train.seeds demo/data --seeds 0 1 2

Networks lie in `OUT/seeds/{seed}`, whose shards are links to those of OUT; each training resumes.
The seed is that of weights, order, questions and augmentation; the dataset is one.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from manifests.config import Config
from manifests.presets import load_config
from manifests.workspace import Workspace
from training.train.learning import finetune, pretrain

_LINKED = ("shards", "study")


@dataclass(frozen=True)
class Wanted:
    """A number of the evaluation, and what it should be: `least`, with `beside` times that much."""

    name: str
    least: float
    beside: str = ""  # another number
    times: float = 1.0

    def target(self, numbers: Mapping[str, float]) -> float:
        """The least that is wanted beside these numbers."""
        return self.least + self.times * numbers[self.beside] if self.beside else self.least


WANTED = (
    Wanted("type_accuracy", 0.45, "type_majority"),
    Wanted("type_f1_clean", 0.3),
    Wanted("quality_srocc", 0.55),
    Wanted("importance_srocc", 0.8),
    Wanted("study_severity_f1", 0.0, "study_majority_severity_f1", 2.0),
    Wanted("quality_words", 5.0),
)


def trained(out: Path, seed: int, config: Config) -> dict[str, float]:
    """The numbers of both stages from one seed; those of stage 2 are named `study_...`."""
    space = Workspace(_linked(out, seed))
    mine = replace(config, seed=seed)
    numbers = pretrain(space, mine)
    numbers["quality_words"] = sum(
        share > 0 for name, share in numbers.items() if name.startswith("quality_said_")
    )
    return numbers | {f"study_{name}": n for name, n in finetune(space, mine).items()}


def _linked(out: Path, seed: int) -> Path:
    """A workspace with the shards of `out` and models of its own."""
    root = out / "seeds" / str(seed)
    root.mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        if not (root / name).is_symlink():
            (root / name).symlink_to(os.path.relpath(out / name, root))
    return root


def table(runs: Sequence[Mapping[str, float]]) -> str:
    """Markdown: of every number that is wanted its mean, range and target."""
    rows = ["| | wanted | mean | range |", "|---|---|---|---|"]
    for one in WANTED:
        found = [numbers[one.name] for numbers in runs]
        targets = [one.target(numbers) for numbers in runs]
        mean, target = sum(found) / len(found), sum(targets) / len(targets)
        rows.append(
            f"| {one.name} | {target:.2f} | {mean:.3f} | {min(found):.3f} to {max(found):.3f} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Train, evaluate and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="a workspace with shards and a study")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--config", default="demo")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    config = load_config(given.config, given.set)
    print(table([trained(given.out, seed, config) for seed in given.seeds]))


if __name__ == "__main__":
    main()
