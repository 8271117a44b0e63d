"""Pretrain, finetune, evaluate: what the command line calls by entry points.

Pretraining learns SEAGULL-100w from `shards/`; finetuning starts from its network and learns
SEAGULL-3k from `study/shards/` with fixed instructions (paper, section 5.1). Each stage leaves
`models/{stage}/`: weights, tokenizer, configuration, curve, evaluation, and last a done record.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
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
from training.train.processes import ranks

if TYPE_CHECKING:
    from training.network.network import Network

VERSION = 3  # of this package's code, where it changes what is learned
WEIGHTS = "weights.safetensors"
_NOT_LEARNED_FROM = (
    *("device", "threads", "checkpoint_every", "validate_every", "validate_rois"),
    "gradient_checkpointing",
)
_WEIGHT_FILES = (".safetensors", ".bin", ".pt", ".pth", ".model", ".json")


def pretrain(workspace: Workspace, config: Config) -> dict[str, float]:
    """Stage 1 on SEAGULL-100w; returns the numbers of its evaluation."""
    return _pretrain(workspace, config).run()


def finetune(workspace: Workspace, config: Config) -> dict[str, float]:
    """Stage 2 on SEAGULL-3k from stage 1's network; returns the numbers of its evaluation."""
    if not (config.finetune.scratch or _pretrain(workspace, config).is_done()):
        raise SeagullError(
            f"{workspace.models / 'pretrain'} holds no finished network of this configuration and "
            "these shards; run `make pretrain`"
        )
    return _finetune(workspace, config).run()


def evaluate(workspace: Workspace, config: Config) -> dict[str, float]:
    """Every trained network on its test split; the numbers of stage 2 are named `study_...`."""
    stages = {"": _pretrain(workspace, config), "study_": _finetune(workspace, config)}
    if config.network.model and not any(stage.is_done() for stage in stages.values()):
        return _evaluate_model(stages)
    trained = {prefix: stage for prefix, stage in stages.items() if stage.has_network()}
    if not trained:
        raise SeagullError(f"{workspace.models} holds no trained network; run `make pretrain`")
    return {
        f"{prefix}{key}": value
        for prefix, stage in trained.items()
        for key, value in stage.evaluate().items()
    }


def _evaluate_model(stages: Mapping[str, "Stage"]) -> dict[str, float]:
    """The network of `network.model` as it is, on every test split there is."""
    found: dict[str, float] = {}
    for prefix, stage in stages.items():
        if stage.data.dataset_card.exists() and read_card(stage.data).samples.get("test"):
            numbers = dict(
                _numbers(stage.tested(begun(stage.config, read_card(stage.data).distortions)))
            )
            found |= {f"{prefix}{key}": value for key, value in numbers.items()}
    return found


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

    @property
    def is_second(self) -> bool:
        """Whether it is stage 2, whose instructions are fixed."""
        return self.name == "finetune"

    def run(self) -> dict[str, float]:
        """Train unless it is done, then evaluate where there is a test split.

        Of several processes the first one evaluates; the others return nothing.
        """
        if not self.is_done():
            self._train()
        tested = ranks().rank == 0 and read_card(self.data).samples.get("test")
        return self.evaluate() if tested else {}

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
        given = [Path(network.encoder_weights)]
        for folder in filter(None, (network.llm, network.model)):
            given += [*weight_files(Path(folder)), *weight_files(Path(folder) / "llm")]
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

        first = ranks().rank == 0
        card, key, network = read_card(self.data), self._key(), self._network(self.start)
        feed = self._feed(card, network)
        steps, accumulation = feed.steps, feed.accumulation
        if first:
            (self.folder / "done.json").unlink(missing_ok=True)
        if first and self.is_second:
            self._write_instructions(card)
        trainer = Trainer(
            network=network,
            config=self.training,
            steps=steps,
            folder=self.folder,
            key=key,
            accumulation=accumulation,
            validate=self._validation(card, network),
            seed=self.config.seed,
        )
        trainer.run(feed.batches)
        if first:
            self._save(network, key, trainer.steps)

    def _network(self, weights: Path | None) -> "Network":
        from training.train.training_state import load_trained

        network = begun(self.config, read_card(self.data).distortions)
        if weights:
            load_trained(network, weights)
        try:
            # Each of several processes has a device of its own, which Accelerate knows.
            return network.to(self.training.device if ranks().count == 1 else "cpu")
        except (RuntimeError, AssertionError) as error:
            raise SeagullError(
                f"{self.name}.device: '{self.training.device}' is not to be had here "
                f"({str(error).splitlines()[0]}); cpu always is"
            ) from error

    def _feed(self, card: Card, network: "Network") -> Any:
        from training.data.feed import Feed
        from training.data.instructions import draw, pick_fixed

        judgments = self.training.judgments
        at_random = partial(draw, judgments=judgments)
        ask = pick_fixed(self.config.seed, judgments) if self.is_second else at_random
        return Feed(
            workspace=self.data,
            card=card,
            network=network.config,
            config=self.training,
            sequencer=network.sequencer,
            seed=self.config.seed,
            ask=ask,
            ranks=ranks(),
        )

    def _validation(self, card: Card, network: "Network") -> Any:
        from training.evaluate.validation import Validation

        if not card.samples.get("val"):
            return None
        return Validation(self._questions(card, network, "val", self.training.validate_rois))

    def _questions(self, card: Card, network: "Network", split: str, rois: int) -> Any:
        from training.evaluate.evaluation import Evaluation

        return Evaluation(
            workspace=self.data,
            card=card,
            network=network,
            config=network.config,
            seed=self.config.seed,
            threads=self.training.threads,
            split=split,
            questioned=rois,
        )

    def _write_instructions(self, card: Card) -> None:
        """The file of stage 2's fixed instructions, six a ROI (three without judgments)."""
        from training.data.instructions import fixed_of, truth

        lines = [
            json.dumps({"rendering_id": t.rendering_id, "roi_id": t.roi_id, **asdict(instruction)})
            for sample in in_order(self.data, "train")
            for t in (truth(row, *card.scales) for row in sample.labels)
            for instruction in fixed_of(t, self.config.seed, self.training.judgments)
        ]
        write_atomic(self.folder / "instructions.jsonl", "\n".join(lines) + "\n")

    def _save(self, network: "Network", key: str, count: int) -> None:
        """The network and its done record; the checkpoints have served."""
        from safetensors.torch import save

        from training.train.training_state import trained_state

        write_atomic(self.folder / WEIGHTS, save(trained_state(network)))
        network.sequencer.tokenizer.save_pretrained(self.folder / "tokenizer")
        text = json.dumps(to_dict(self.config), indent=1) + "\n"
        write_atomic(self.folder / "config.json", text)
        write_atomic(self.folder / "distortions.json", json.dumps(network.distortions) + "\n")
        names = (WEIGHTS, "config.json", "distortions.json", "curve.jsonl", "validation.jsonl")
        files = [self.folder / name for name in names if (self.folder / name).exists()]
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
        from training.evaluate.validation import best

        return self.tested(self._network(self.folder / WEIGHTS)) | best(self._validated())

    def tested(self, network: "Network") -> dict[str, Any]:
        """What `network` answers about the test split, scored."""
        import torch

        from training.evaluate.evaluation import QUESTIONED, summary

        torch.set_num_threads(self.training.threads)
        card = read_card(self.data)
        return summary(self._questions(card, network, "test", QUESTIONED).answers(), card)

    def _validated(self) -> list[dict[str, float]]:
        path = self.folder / "validation.jsonl"
        return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []


def _pretrain(workspace: Workspace, config: Config) -> Stage:
    return Stage("pretrain", workspace, workspace, config, config.pretrain, None)


def _finetune(workspace: Workspace, config: Config) -> Stage:
    start = None if config.finetune.scratch else workspace.models / "pretrain" / WEIGHTS
    study = Workspace(workspace.study)
    return Stage("finetune", workspace, study, config, config.finetune, start)


def begun(config: Config, distortions: Sequence[str]) -> "Network":
    """A network of `network.*` before it is trained: new, or that of `network.model`."""
    from training.network.network import build
    from training.released.model_folder import open_model

    if config.network.model:
        return open_model(Path(config.network.model), config.network, config.seed).network
    return build(config.network, config.seed, distortions)


def study_answers(workspace: Workspace, config: Config) -> list[Any]:
    """What stage 2's network answers about every chosen ROI of SEAGULL-3k's test split."""
    import torch

    from training.evaluate.evaluation import QUESTIONED

    stage = _finetune(workspace, config)
    torch.set_num_threads(stage.training.threads)
    network = stage._network(stage.folder / WEIGHTS)
    answers: list[Any] = stage._questions(
        read_card(stage.data), network, "test", QUESTIONED
    ).answers()
    return answers


def export_model(
    workspace: Workspace, config: Config, stage: str, folder: Path, names: str
) -> dict[str, str]:
    """Write the trained network of a stage to `folder`; where it is and how large.

    Raises:
        SeagullError: there is none, or it cannot be written in these names.
    """
    from training.released.exporting import export

    trained = {"pretrain": _pretrain, "finetune": _finetune}[stage](workspace, config)
    if not trained.is_done():
        raise SeagullError(
            f"{trained.folder} holds no finished network of this configuration; run `make {stage}`"
        )
    numbers = _read_evaluation(trained.folder / "evaluation.json")
    network = trained._network(trained.folder / WEIGHTS)
    export(network, config, {**numbers, **dict(_numbers(numbers))}, folder, names)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return {"exported": str(folder), "bytes": f"{size:,}"}


def steps(training: TrainConfig, card: Card) -> int:
    """How many steps a stage takes whose questions are drawn."""
    from training.data.feed import steps_of

    return steps_of(training, card.samples.get("train", 0))


def weight_files(folder: Path) -> list[Path]:
    """What a folder of transformers' holds that may change a number, in name order."""
    return sorted(p for p in folder.glob("*") if p.suffix in _WEIGHT_FILES)


def _numbers(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The metrics among nested values, named by their path: `type_f1_blur`."""
    for key, value in nested.items():
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
