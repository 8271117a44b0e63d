"""The runs behind a table: which trainings, in which order, and what each answered.

A run is a workspace of its own under `OUT/tables/`, whose shards are the dataset's. Runs that share
a pretraining share its folder. Every stage resumes by itself and what a run answered is written
last, so that a table goes on where it was stopped.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from manifests.config import Config, NetworkConfig
from manifests.done import fingerprint
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.workspace import Workspace
from training.data.instructions import Truth
from training.data.shard_reader import data_fingerprint
from training.evaluate.evaluation import Answered
from training.train import learning

VERSION = 2  # of what is kept of an answer
SCALES = (0.0, 0.25, 0.5, 1.0)  # of SEAGULL-100w, table 3


@dataclass(frozen=True)
class Run:
    """One row of a table: a name and what is trained for it."""

    name: str
    config: Config

    @property
    def pretrained(self) -> bool:
        """Whether stage 2 begins with stage 1's network."""
        return not self.config.finetune.scratch


def runs(table: int, config: Config) -> tuple[Run, ...]:
    """The rows of table 1 to 4 that are trained."""
    whole = Run("SEAGULL (ours)", config)
    if table == 3:
        return tuple(_at_scale(config, share) for share in SCALES)
    if table == 4:
        return (
            _scratch("without pre-training", config),
            Run("without JIR", replace(config, finetune=replace(config.finetune, judgments=0.0))),
            Run("without local view", _with(config, replace(config.network, local_token=False))),
            Run("without global view", _with(config, replace(config.network, global_token=False))),
            whole,
        )
    return (whole,)


def _scratch(name: str, config: Config) -> Run:
    return Run(name, replace(config, finetune=replace(config.finetune, scratch=True)))


def _with(config: Config, network: NetworkConfig) -> Config:
    return replace(config, network=network)


def _at_scale(config: Config, share: float) -> Run:
    if not share:
        return _scratch("0 %", config)
    steps = round(config.pretrain.steps * share)  # an epoch of the share, as the paper's one
    pretrain = replace(config.pretrain, share=share, steps=steps)
    return Run(f"{share:.0%}".replace("%", " %"), replace(config, pretrain=pretrain))


def waves(table: int, config: Config) -> list[list[str]]:
    """Names of what may be made at once: first the pretrainings, then what begins with them."""
    made = runs(table, config)
    first = {_pretrain_key(run.config): f"pretrain {run.name}" for run in made if run.pretrained}
    return [sorted(first.values()), [run.name for run in made]]


def make(workspace: Workspace, config: Config, table: int, name: str) -> None:
    """Make one of `waves`; nothing where it is made."""
    stage_1 = name.removeprefix("pretrain ")
    run = next(r for r in runs(table, config) if r.name == stage_1)
    if stage_1 != name:
        learning.pretrain(_space(workspace, "pretrain", _pretrain_key(run.config)), run.config)
        return
    _answers(workspace, run)


def _pretrain_key(config: Config) -> str:
    return fingerprint(network=asdict(config.network), stage=asdict(config.pretrain), s=config.seed)


def _finetune_key(config: Config) -> str:
    return fingerprint(stage_1=_pretrain_key(config), stage=asdict(config.finetune))


def _space(workspace: Workspace, stage: str, key: str) -> Workspace:
    """A workspace of one stage, beside which the dataset lies."""
    made = Workspace(workspace.root / "tables" / stage / key)
    made.root.mkdir(parents=True, exist_ok=True)
    for name in ("shards", "study"):
        _link(made.root / name, (workspace.root / name).resolve())
    return made


def _link(link: Path, target: Path) -> None:
    if target.exists() and not link.is_symlink():
        link.symlink_to(target)


def _answers(workspace: Workspace, run: Run) -> list[Answered]:
    space = _space(workspace, "finetune", _finetune_key(run.config))
    if run.pretrained:
        stage_1 = _space(workspace, "pretrain", _pretrain_key(run.config))
        learning.pretrain(stage_1, run.config)
        space.models.mkdir(exist_ok=True)
        _link(space.models / "pretrain", (stage_1.models / "pretrain").resolve())
    learning.finetune(space, run.config)
    path = space.models / "finetune" / "answers.json"
    done = (space.models / "finetune" / "done.json").read_text()
    data = data_fingerprint(Workspace(workspace.study))
    key = fingerprint(version=VERSION, done=done, data=data)
    return cached_answers(path, key, lambda: learning.study_answers(space, run.config))


def read_answers(path: Path) -> list[Answered]:
    """Read answers that were written; SeagullError for those of another version."""
    try:
        return [_answered(row) for row in json.loads(path.read_text())["answers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SeagullError(f"{path} holds no answers of this version: remove it") from error


def cached_answers(path: Path, key: str, ask: Any) -> list[Answered]:
    """Answers that were written under `key`, or those of `ask`, which are written then."""
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["key"] == key:
            return read_answers(path)
    answers: list[Answered] = ask()
    rows = [asdict(answer) for answer in answers]
    write_atomic(path, json.dumps({"key": key, "answers": rows}) + "\n")
    return answers


def _answered(row: Mapping[str, Any]) -> Answered:
    truth = {**row["truth"], "distortions": tuple(row["truth"]["distortions"])}
    judged = tuple(row["judged"]) if row["judged"] else None
    return Answered(**{**row, "truth": Truth(**truth), "judged": judged})


def answers(workspace: Workspace, config: Config, table: int) -> Mapping[str, Sequence[Answered]]:
    """What every run of a table answered; makes what is not made."""
    return {run.name: _answers(workspace, run) for run in runs(table, config)}
