"""A stage's network against a split of the data that it learned: `evaluation.json`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from manifests.done import fingerprint
from manifests.files import sha256_of_file, write_atomic
from training.data.shard_reader import Card
from training.evaluate.evaluation import QUESTIONED, Answered, Evaluation, summary
from training.evaluate.validation import best
from training.network.network import Network
from training.train.learning_stage import VERSION, Stage, begun, read_json


def evaluated(stage: Stage) -> dict[str, float]:
    """Numbers of `evaluation.json`, made anew unless of this network and these shards."""
    path = stage.folder / "evaluation.json"
    key = fingerprint(
        version=VERSION,
        seed=stage.config.seed,
        weights=sha256_of_file(stage.weights),
        data=stage.samples_key,
    )
    found = read_json(path)
    if found.get("fingerprint") != key:
        made = _tested(stage, stage.network(stage.weights)) | best(_validated(stage))
        found = {"fingerprint": key, **made}
        write_atomic(path, json.dumps(found, indent=1) + "\n")
    return dict(numbers(found))


def evaluated_untrained(stage: Stage) -> dict[str, float]:
    """Numbers of the network that `stage` would begin with; none without a test split."""
    if not (stage.source or stage.data.dataset_card.exists()):
        return {}
    card = stage.card
    if not card.samples.get("test"):
        return {}
    return dict(numbers(_tested(stage, begun(stage.config, card.distortions))))


def answers(stage: Stage, network: Network) -> list[Answered]:
    """What `network` answers about every chosen ROI of the test split."""
    torch.set_num_threads(stage.training.threads)
    return questions(stage, stage.card, network, "test", QUESTIONED).answers()


def questions(stage: Stage, card: Card, network: Network, split: str, rois: int) -> Evaluation:
    """The questions about at most `rois` ROIs of a split."""
    return Evaluation(
        workspace=stage.data,
        card=card,
        network=network,
        config=network.config,
        seed=stage.config.seed,
        threads=stage.training.threads,
        split=split,
        questioned=rois,
        source=stage.source,
    )


def _tested(stage: Stage, network: Network) -> dict[str, Any]:
    return summary(answers(stage, network), stage.card)


def _validated(stage: Stage) -> list[dict[str, float]]:
    path = stage.folder / "validation.jsonl"
    return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def numbers(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The metrics among nested values, named by their path: `type_f1_blur`."""
    for key, value in nested.items():
        if isinstance(value, float):
            yield prefix + key, value
        elif isinstance(value, Mapping):
            yield from numbers(value, f"{prefix}{key}_")
