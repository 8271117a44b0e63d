"""Pretrain, finetune, evaluate, export: what the command line calls by entry points."""

from dataclasses import replace
from pathlib import Path

from manifests.config import Config
from manifests.errors import SeagullError
from manifests.sample import SampleSource
from manifests.workspace import Workspace
from training.evaluate.evaluation import Answered
from training.released.exporting import export
from training.train import stage_evaluation, stage_training
from training.train.learning_stage import Stage, finetuning, pretraining, read_json
from training.train.processes import ranks


def pretrain(
    workspace: Workspace, config: Config, source: SampleSource | None = None
) -> dict[str, float]:
    """Stage 1 on SEAGULL-100w; returns the numbers of its evaluation.

    With a `source`, samples are its, made while the network learns, and no shard is read.
    """
    return _run(replace(pretraining(workspace, config), source=source, noted=None))


def finetune(workspace: Workspace, config: Config) -> dict[str, float]:
    """Stage 2 on SEAGULL-3k from stage 1's network; returns the numbers of its evaluation."""
    if not (config.finetune.scratch or pretraining(workspace, config).is_done()):
        raise SeagullError(
            f"{workspace.models / 'pretrain'} holds no finished network of this configuration and "
            "these shards; run `make pretrain`"
        )
    return _run(finetuning(workspace, config))


def _run(stage: Stage) -> dict[str, float]:
    """Train unless it is done, then evaluate where there is a test split.

    Of several processes the first one evaluates; the others return nothing.
    """
    if not stage.is_done():
        stage_training.train(stage)
    tested = ranks().rank == 0 and stage.card.samples.get("test")
    return stage_evaluation.evaluated(stage) if tested else {}


def evaluate(
    workspace: Workspace, config: Config, source: SampleSource | None = None
) -> dict[str, float]:
    """Every trained network on its test split; the numbers of stage 2 are named `study_...`.

    Stage 1's test split is the `source`'s, where there is one. Where no network is trained, that of
    `network.model` as it is.
    """
    first = replace(pretraining(workspace, config), source=source)
    stages = {"": first, "study_": finetuning(workspace, config)}
    numbers_of = stage_evaluation.evaluated
    trained = {prefix: stage for prefix, stage in stages.items() if stage.has_network()}
    if config.network.model and not any(stage.is_done() for stage in stages.values()):
        trained, numbers_of = stages, stage_evaluation.evaluated_untrained
    if not trained:
        raise SeagullError(f"{workspace.models} holds no trained network; run `make pretrain`")
    found = {
        f"{prefix}{key}": value
        for prefix, stage in trained.items()
        for key, value in numbers_of(stage).items()
    }
    if not found:
        raise SeagullError(f"{workspace.root} holds no test split; run `make shards`")
    return found


def study_answers(workspace: Workspace, config: Config) -> list[Answered]:
    """What stage 2's network answers about every chosen ROI of SEAGULL-3k's test split."""
    stage = finetuning(workspace, config)
    return stage_evaluation.answers(stage, stage.network(stage.weights))


def export_model(
    workspace: Workspace, config: Config, stage: str, folder: Path, names: str
) -> dict[str, str]:
    """Write the trained network of a stage to `folder`; where it is and how large.

    Raises:
        SeagullError: there is none, or it cannot be written in these names.
    """
    trained = {"pretrain": pretraining, "finetune": finetuning}[stage](workspace, config)
    if not trained.is_done():
        raise SeagullError(
            f"{trained.folder} holds no finished network of this configuration; run `make {stage}`"
        )
    found = read_json(trained.folder / "evaluation.json")
    network = trained.network(trained.weights)
    export(network, config, {**found, **dict(stage_evaluation.numbers(found))}, folder, names)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return {"exported": str(folder), "bytes": f"{size:,}"}
