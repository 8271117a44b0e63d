"""Pretrain, finetune, evaluate: what the command line calls by entry points.

Pretraining learns SEAGULL-100w from `shards/`; finetuning starts from its network and learns
SEAGULL-3k from `study/shards/` with fixed instructions (paper, section 5.1). Each stage leaves
`models/{stage}/`: weights, tokenizer, configuration, curve, evaluation, and last a done record.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manifests.config import Config, TrainConfig, to_dict
from manifests.done import Done, fingerprint, read_done
from manifests.errors import SeagullError
from manifests.files import sha256_of_file, write_atomic
from manifests.workspace import Workspace
from training.data.shard_reader import Card, data_fingerprint, in_order, read_card

if TYPE_CHECKING:
    from training.network.network import Network

VERSION = 1  # of this package's code, where it changes what is learned
WEIGHTS = "weights.safetensors"
_NOT_LEARNED_FROM = ("device", "threads", "checkpoint_every")


def pretrain(workspace: Workspace, config: Config) -> dict[str, float]:
    """Stage 1 on SEAGULL-100w; returns the numbers of its evaluation."""
    return _pretrain(workspace, config).run()


def finetune(workspace: Workspace, config: Config) -> dict[str, float]:
    """Stage 2 on SEAGULL-3k from stage 1's network; returns the numbers of its evaluation."""
    if not _pretrain(workspace, config).is_done():
        raise SeagullError(
            f"{workspace.models / 'pretrain'} holds no finished network of this configuration and "
            "these shards; run `make pretrain`"
        )
    return _finetune(workspace, config).run()


def evaluate(workspace: Workspace, config: Config) -> dict[str, float]:
    """Every trained network on its test split; the numbers of stage 2 are named `study_...`."""
    stages = {"": _pretrain(workspace, config), "study_": _finetune(workspace, config)}
    trained = {prefix: stage for prefix, stage in stages.items() if stage.has_network()}
    if not trained:
        raise SeagullError(f"{workspace.models} holds no trained network; run `make pretrain`")
    return {
        f"{prefix}{key}": value
        for prefix, stage in trained.items()
        for key, value in stage.evaluate().items()
    }


@dataclass(frozen=True)
class Stage:
    """One stage of training: its data, its settings, and the network it starts from."""

    name: str
    workspace: Workspace
    data: Workspace  # whose shards it learns
    config: Config
    training: TrainConfig
    start: Path | None  # weights, or none for a new network

    @property
    def folder(self) -> Path:
        """Where everything it makes lies."""
        return self.workspace.models / self.name

    def run(self) -> dict[str, float]:
        """Train unless it is done, then evaluate where there is a test split."""
        if not self.is_done():
            self._train()
        return self.evaluate() if read_card(self.data).samples.get("test") else {}

    def has_network(self) -> bool:
        """Whether a network was trained to the end, with whatever configuration."""
        return read_done(self.folder / "done.json") is not None

    def is_done(self) -> bool:
        """Whether the network there is of this configuration, these shards and this start."""
        done = read_done(self.folder / "done.json")
        return done is not None and done.fingerprint == self._key()

    def _key(self) -> str:
        network = self.config.network
        learned = {k: v for k, v in asdict(self.training).items() if k not in _NOT_LEARNED_FROM}
        given = [Path(network.encoder_weights), *sorted(Path(network.llm).glob("*.safetensors"))]
        return fingerprint(
            version=VERSION,
            seed=self.config.seed,
            data=data_fingerprint(self.data),
            network=asdict(network),
            training=learned,
            weights=[sha256_of_file(p) for p in given if p.is_file()],
            start=sha256_of_file(self.start) if self.start else None,
        )

    def _train(self) -> None:
        from training.train.loop import Trainer

        (self.folder / "done.json").unlink(missing_ok=True)
        card, key, network = read_card(self.data), self._key(), self._network(self.start)
        if self.start:
            self._write_instructions(card)
        trainer = Trainer(network, self.training, steps(self.training, card), self.folder, key)
        trainer.run(self._feed(card, network).batches)
        self._save(network, key, trainer.steps)

    def _network(self, weights: Path | None) -> "Network":
        from training.network.network import build
        from training.train.loop import load_trained

        distortions = read_card(self.data).distortions
        network = build(self.config.network, self.config.seed, distortions)
        if weights:
            load_trained(network, weights)
        try:
            return network.to(self.training.device)
        except (RuntimeError, AssertionError) as error:
            raise SeagullError(
                f"{self.name}.device: '{self.training.device}' is not to be had here "
                f"({str(error).splitlines()[0]}); cpu always is"
            ) from error

    def _feed(self, card: Card, network: "Network") -> Any:
        from training.data.feed import Feed
        from training.data.instructions import draw, pick_fixed

        at_random = partial(draw, judgments=self.training.judgments)
        ask = pick_fixed(self.config.seed) if self.start else at_random
        return Feed(
            *(self.data, card, self.config.network, self.training),
            *(network.sequencer, self.config.seed, ask),
        )

    def _write_instructions(self, card: Card) -> None:
        """Write the file of stage 2's fixed instructions, six a ROI."""
        from training.data.instructions import fixed, truth

        tops = card.quality_top, card.importance_top
        lines = [
            json.dumps({"rendering_id": t.rendering_id, "roi_id": t.roi_id, **asdict(instruction)})
            for sample in in_order(self.data, "train")
            for t in (truth(row, *tops, card.distortions) for row in sample.labels)
            for instruction in fixed(t, self.config.seed)
        ]
        write_atomic(self.folder / "instructions.jsonl", "\n".join(lines) + "\n")

    def _save(self, network: "Network", key: str, count: int) -> None:
        """Save the network and its done record; the checkpoints have served."""
        from safetensors.torch import save

        from training.train.loop import trained_state

        write_atomic(self.folder / WEIGHTS, save(trained_state(network)))
        network.sequencer.tokenizer.save_pretrained(self.folder / "tokenizer")
        text = json.dumps(to_dict(self.config), indent=1) + "\n"
        write_atomic(self.folder / "config.json", text)
        write_atomic(self.folder / "distortions.json", json.dumps(network.distortions) + "\n")
        files = [
            self.folder / f for f in (WEIGHTS, "config.json", "distortions.json", "curve.jsonl")
        ]
        hashes = {f.relative_to(self.workspace.root).as_posix(): sha256_of_file(f) for f in files}
        Done(self.name, "network", key, hashes, {"steps": count}).write(self.folder / "done.json")
        for checkpoint in self.folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)

    def evaluate(self) -> dict[str, float]:
        """Numbers of `evaluation.json`, made anew unless of this network and these shards."""
        path = self.folder / "evaluation.json"
        key = fingerprint(
            version=VERSION,
            seed=self.config.seed,
            weights=sha256_of_file(self.folder / WEIGHTS),
            data=data_fingerprint(self.data),
        )
        found = _read_evaluation(path)
        if found.get("fingerprint") != key:
            found = {"fingerprint": key, **self._evaluation()}
            write_atomic(path, json.dumps(found, indent=1) + "\n")
        return dict(_numbers(found))

    def _evaluation(self) -> dict[str, Any]:
        import torch

        from training.evaluate.evaluation import Evaluation, summary

        torch.set_num_threads(self.training.threads)
        network = self._network(self.folder / WEIGHTS)
        card = read_card(self.data)
        questions = Evaluation(
            *(self.data, card, network, self.config.network),
            *(self.config.seed, self.training.threads),
        )
        return summary(questions.answers(), card)


def _pretrain(workspace: Workspace, config: Config) -> Stage:
    return Stage("pretrain", workspace, workspace, config, config.pretrain, None)


def _finetune(workspace: Workspace, config: Config) -> Stage:
    start = workspace.models / "pretrain" / WEIGHTS
    study = Workspace(workspace.study)
    return Stage("finetune", workspace, study, config, config.finetune, start)


def steps(training: TrainConfig, card: Card) -> int:
    """Return `steps`, or as many as `epochs` passes over the images take."""
    samples = card.samples.get("train", 0)
    return training.steps or max(1, round(training.epochs * samples / training.batch))


def _numbers(found: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Pick the metrics among nested values, named by their path: `type_f1_blur`."""
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
