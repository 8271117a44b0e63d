"""Pretrain, finetune, evaluate: what the command line calls by entry points.

Pretraining learns SEAGULL-100w from `shards/`; finetuning starts from its network and learns
SEAGULL-3k from `study/shards/` with fixed instructions (paper, section 5.1). Each stage leaves
`models/{stage}/`: weights, tokenizer, configuration, curve, evaluation, and last a done record.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from manifests.config import Config, TrainConfig, to_dict
from manifests.done import Done, fingerprint, read_done
from manifests.errors import SeagullError
from manifests.files import sha256_of_file, write_atomic
from manifests.workspace import Workspace
from training.shards import Card, data_fingerprint, in_order, read_card

VERSION = 1  # of this package's code, where it changes what is learned
WEIGHTS = "weights.safetensors"
_NOT_LEARNED_FROM = ("device", "threads", "checkpoint_every")


def pretrain(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Stage 1 on SEAGULL-100w; returns the numbers of its evaluation."""
    return _stage("pretrain", workspace, workspace, config, config.pretrain, None)


def finetune(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Stage 2 on SEAGULL-3k from stage 1's network; returns the numbers of its evaluation."""
    start = workspace.models / "pretrain" / WEIGHTS
    if read_done(start.parent / "done.json") is None:
        raise SeagullError(f"{start} is missing or unfinished; run `make pretrain`")
    study = Workspace(workspace.study)
    return _stage("finetune", workspace, study, config, config.finetune, start)


def evaluate(workspace: Workspace, config: Config) -> dict[str, Any]:
    """Every trained network on its test split; the numbers of stage 2 are named `study_...`."""
    numbers: dict[str, Any] = {}
    for stage, prefix in (("pretrain", ""), ("finetune", "study_")):
        folder = workspace.models / stage
        if read_done(folder / "done.json") is None:
            continue
        data = workspace if stage == "pretrain" else Workspace(workspace.study)
        found = _evaluate(folder, data, config, getattr(config, stage))
        numbers |= {f"{prefix}{key}": value for key, value in found.items()}
    if not numbers:
        raise SeagullError(f"{workspace.models} holds no trained network; run `make pretrain`")
    return numbers


def _stage(
    name: str,
    workspace: Workspace,
    data: Workspace,
    config: Config,
    training: TrainConfig,
    start: Path | None,
) -> dict[str, Any]:
    folder = workspace.models / name
    key = _key(data, config, training, start)
    done = read_done(folder / "done.json")
    if done is None or done.fingerprint != key:
        _train(name, workspace, data, config, training, start, key)
    held_out = read_card(data).samples.get("test", 0)
    return _evaluate(folder, data, config, training) if held_out else {}


def _key(data: Workspace, config: Config, training: TrainConfig, start: Path | None) -> str:
    """The fingerprint of all that a stage's network is made of."""
    learned = {k: v for k, v in asdict(training).items() if k not in _NOT_LEARNED_FROM}
    given = [Path(p) for p in (config.network.encoder_weights,) if p]
    given += sorted(Path(config.network.llm).glob("*.safetensors"))
    return fingerprint(
        version=VERSION,
        seed=config.seed,
        data=(read_card(data), data_fingerprint(data))[1],
        network=asdict(config.network),
        training=learned,
        weights=[sha256_of_file(p) for p in (*given, *([start] if start else [])) if p.is_file()],
    )


def _train(
    name: str,
    workspace: Workspace,
    data: Workspace,
    config: Config,
    training: TrainConfig,
    start: Path | None,
    key: str,
) -> None:
    from safetensors.torch import save

    from training.feed import Ask, Feed
    from training.instructions import draw, pick_fixed
    from training.loop import Trainer, load_trained, trained_state
    from training.network import build

    folder = workspace.models / name
    (folder / "done.json").unlink(missing_ok=True)
    card = read_card(data)
    network = build(config.network, config.seed)
    ask: Ask = draw
    if start:
        load_trained(network, start)
        _write_instructions(folder, data, card, config.seed)
        ask = pick_fixed(config.seed)
    feed = Feed(data, card, config.network, training, network.sequencer, config.seed, ask)
    trainer = Trainer(network, training, steps(training, card), folder, key)
    trainer.run(feed.batches)
    write_atomic(folder / WEIGHTS, save(trained_state(network)))
    network.sequencer.tokenizer.save_pretrained(folder / "tokenizer")
    write_atomic(folder / "config.json", json.dumps(to_dict(config), indent=1) + "\n")
    _finish(name, workspace, folder, key, trainer.steps)


def steps(training: TrainConfig, card: Card) -> int:
    """`steps`, or as many as `epochs` passes over the images take."""
    samples = card.samples.get("train", 0)
    return training.steps or max(1, round(training.epochs * samples / training.batch))


def _write_instructions(folder: Path, data: Workspace, card: Card, seed: int) -> None:
    """The file of stage 2's fixed instructions, six a ROI."""
    from training.instructions import fixed, truth

    lines = [
        json.dumps({"rendering_id": t.rendering_id, "roi_id": t.roi_id, **asdict(instruction)})
        for sample in in_order(data, "train")
        for t in (truth(row, card.quality_top, card.importance_top) for row in sample.labels)
        for instruction in fixed(t, seed)
    ]
    write_atomic(folder / "instructions.jsonl", "\n".join(lines) + "\n")


def _finish(name: str, workspace: Workspace, folder: Path, key: str, count: int) -> None:
    import shutil

    files = [folder / f for f in (WEIGHTS, "config.json", "curve.jsonl")]
    hashes = {f.relative_to(workspace.root).as_posix(): sha256_of_file(f) for f in files}
    Done(name, "network", key, hashes, {"steps": count}).write(folder / "done.json")
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def _evaluate(
    folder: Path, data: Workspace, config: Config, training: TrainConfig
) -> dict[str, float]:
    """Numbers of `evaluation.json`, made anew unless it is of this network and these shards."""
    path = folder / "evaluation.json"
    key = fingerprint(
        version=VERSION,
        seed=config.seed,
        weights=sha256_of_file(folder / WEIGHTS),
        data=data_fingerprint(data),
    )
    found = _read_evaluation(path)
    if found.get("fingerprint") != key:
        found = {"fingerprint": key, **_evaluation(folder, data, config, training)}
        write_atomic(path, json.dumps(found, indent=1) + "\n")
    return dict(_numbers(found))


def _evaluation(
    folder: Path, data: Workspace, config: Config, training: TrainConfig
) -> dict[str, Any]:
    import torch

    from training.evaluation import Evaluation, summary
    from training.loop import load_trained
    from training.network import build

    torch.set_num_threads(training.threads)
    network = build(config.network, config.seed).to(training.device)
    load_trained(network, folder / WEIGHTS)
    card = read_card(data)
    questions = Evaluation(data, card, network, config.network, config.seed, training.threads)
    return summary(questions.answers(), card)


def _numbers(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The metrics among nested values, named by their path: `type_f1_blur`."""
    for key, value in found.items():
        if isinstance(value, float):
            yield prefix + key, value
        elif isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{key}_")


def _read_evaluation(path: Path) -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found
