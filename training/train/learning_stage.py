"""A stage of training: its data, its settings, where it begins, and whether it is done.

Pretraining learns SEAGULL-100w from `shards/`; finetuning starts from its network and learns
SEAGULL-3k from `study/shards/` with fixed instructions (paper, section 5.1). Each stage leaves
`models/{stage}/`: weights, tokenizer, configuration, curve, evaluation, and last a done record.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from manifests.config import Config, TrainConfig
from manifests.done import fingerprint, read_done
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.sample import SampleSource
from manifests.workspace import Workspace
from training.data.shard_reader import Card, card_of, data_fingerprint, read_card
from training.network.network import Network, build
from training.released.model_folder import open_model
from training.train.processes import ranks
from training.train.training_state import load_trained

VERSION = 3  # of this package's code, where it changes what is learned
WEIGHTS = "weights.safetensors"
SOURCE = "source.json"  # beside a network that learned from a source of samples
_NOT_LEARNED_FROM = (
    *("device", "threads", "checkpoint_every", "validate_every", "validate_rois"),
    "gradient_checkpointing",
)
_WEIGHT_FILES = (".safetensors", ".bin", ".pt", ".pth", ".model", ".json")


@dataclass(frozen=True)
class Stage:
    """One stage of training: its data, its settings, and the network it starts from."""

    name: str
    workspace: Workspace
    data: Workspace  # whose shards it learns
    config: Config
    training: TrainConfig
    start: Path | None  # weights, or none for a new network
    source: SampleSource | None = None  # of the samples, instead of shards
    noted: Mapping[str, Any] | None = None  # identity and card of what the network there is from

    @property
    def folder(self) -> Path:
        """Where everything it makes lies."""
        return self.workspace.models / self.name

    @property
    def weights(self) -> Path:
        """What it learned."""
        return self.folder / WEIGHTS

    @property
    def is_second(self) -> bool:
        """Whether it is stage 2, whose instructions are fixed."""
        return self.name == "finetune"

    @property
    def card(self) -> Card:
        """What the source, or the shards, say of the samples; raises as `read_card`."""
        if self.source:
            return card_of(self.source.card)
        if self.noted and not self.data.dataset_card.exists():
            return card_of(self.noted["card"])
        return read_card(self.data)

    @property
    def samples_key(self) -> str:
        """The fingerprint of the samples."""
        return self.source.identity if self.source else data_fingerprint(self.data)

    def has_network(self) -> bool:
        """Whether a network was trained to the end, with whatever configuration."""
        return read_done(self.folder / "done.json") is not None

    def is_done(self) -> bool:
        """Whether the network there is of this configuration, these shards and this start."""
        done = read_done(self.folder / "done.json")
        return done is not None and done.fingerprint == self.key()

    def key(self) -> str:
        """The fingerprint of all that makes its network."""
        network = self.config.network
        learned = {k: v for k, v in asdict(self.training).items() if k not in _NOT_LEARNED_FROM}
        given = [Path(network.encoder_weights)]
        for folder in filter(None, (network.llm, network.model)):
            given += [*weight_files(Path(folder)), *weight_files(Path(folder) / "llm")]
        return fingerprint(
            version=VERSION,
            seed=self.config.seed,
            data=self.noted["identity"] if self.noted else self.samples_key,
            network=asdict(network),
            training=learned,
            weights=[sha256_of_file(p) for p in given if p.is_file()],
            start=sha256_of_file(self.start) if self.start else None,
        )

    def network(self, weights: Path | None) -> Network:
        """The network with `weights` of a stage, or before it is trained; on the stage's device.

        Raises:
            SeagullError: weights of another network, or no such device.
        """
        network = begun(self.config, self.card.distortions)
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


def pretraining(workspace: Workspace, config: Config) -> Stage:
    """Stage 1, on SEAGULL-100w."""
    stage = Stage("pretrain", workspace, workspace, config, config.pretrain, None)
    noted = read_json(stage.folder / SOURCE)
    return replace(stage, noted=noted) if {"identity", "card"} <= noted.keys() else stage


def finetuning(workspace: Workspace, config: Config) -> Stage:
    """Stage 2, on SEAGULL-3k, from stage 1's network unless it begins from scratch."""
    start = None if config.finetune.scratch else pretraining(workspace, config).weights
    study = Workspace(workspace.study)
    return Stage("finetune", workspace, study, config, config.finetune, start)


def begun(config: Config, distortions: Sequence[str]) -> Network:
    """A network of `network.*` before it is trained: new, or that of `network.model`."""
    if config.network.model:
        return open_model(Path(config.network.model), config.network, config.seed).network
    return build(config.network, config.seed, distortions)


def weight_files(folder: Path) -> list[Path]:
    """What a folder of transformers' holds that may change a number, in name order."""
    return sorted(p for p in folder.glob("*") if p.suffix in _WEIGHT_FILES)


def read_json(path: Path) -> Mapping[str, Any]:
    """What a JSON file holds; nothing where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found
