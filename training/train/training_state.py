"""Checkpoints: a folder that appears whole under its name; the older ones go.

One holds what learns, the optimizer, the place in the stream and the curves. Where Accelerate
shards the parameters (FSDP, DeepSpeed), it saves and loads weights and optimizer itself; otherwise
all processes have the same, and the first one writes it, so that their number may change.
"""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from manifests.errors import SeagullError
from manifests.files import atomic_file, write_atomic
from training.network.network import Network

Row = dict[str, float]


def trained_state(network: Network) -> dict[str, Tensor]:
    """What a checkpoint holds: all parameters but a frozen encoder's and LLM's, and the buffers."""
    frozen = {
        name
        for name, parameter in network.named_parameters()
        if not parameter.requires_grad and name.startswith(("encoder.", "llm."))
    }
    return {
        name: value.contiguous()
        for name, value in network.state_dict().items()
        if name not in frozen and not (network.encoder.frozen and name.startswith("encoder."))
    }


def load_trained(network: Network, path: Path) -> None:
    """Load what `trained_state` saved; SeagullError when it is of another network."""
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SeagullError(f"{path} cannot be read: {error}") from error
    wanted = trained_state(network)
    if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in wanted.items()}:
        raise SeagullError(f"{path} holds another network than network.* of the configuration says")
    network.load_state_dict(state, strict=False)


@dataclass
class Position:
    """Where a training stands."""

    step: int = 0
    curve: list[Row] = field(default_factory=list)
    validation: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one training, whose fingerprint is `key`; others are not resumed."""

    folder: Path
    key: str
    accelerator: Any

    @property
    def sharded(self) -> bool:
        """Whether no process has all parameters."""
        return self.accelerator.distributed_type.value in ("FSDP", "DEEPSPEED")

    def save(self, position: Position, model: Any, optimizer: Any) -> None:
        """Write one; all processes call it."""
        temporary = self.folder / ".tmp-checkpoint"
        final = self.folder / f"checkpoint-{position.step:08d}"
        first = self.accelerator.is_main_process
        if first:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        if self.sharded:
            self.accelerator.save_state(str(temporary / "sharded"))
        if first:
            self._write(temporary, position, model, optimizer)
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
            for old in self.folder.glob("checkpoint-*"):
                if old != final:
                    shutil.rmtree(old)
        self.accelerator.wait_for_everyone()

    def _write(self, folder: Path, position: Position, model: Any, optimizer: Any) -> None:
        if not self.sharded:
            network = self.accelerator.unwrap_model(model)
            write_atomic(folder / "weights.safetensors", save(trained_state(network)))
            with atomic_file(folder / "optimizer.pt") as file:
                torch.save(optimizer.state_dict(), file)
        saved = {"key": self.key, "sharded": self.sharded, **vars(position)}
        write_atomic(folder / "position.json", json.dumps(saved))

    def resume(self, model: Any, optimizer: Any) -> Position:
        """Load the latest; the start where there is none of this training."""
        for folder in sorted(self.folder.glob("checkpoint-*"), reverse=True):
            saved = json.loads((folder / "position.json").read_text())
            if (saved.pop("key"), saved.pop("sharded", False)) != (self.key, self.sharded):
                continue
            if self.sharded:
                self.accelerator.load_state(str(folder / "sharded"))
            else:
                network = self.accelerator.unwrap_model(model)
                load_trained(network, folder / "weights.safetensors")
                state = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
                optimizer.load_state_dict(state)
            return Position(**saved)
        return Position()

    def whole(self, model: Any, network: Network) -> None:
        """Bring sharded parameters back into `network`, in every process."""
        if self.sharded:
            network.load_state_dict(self.accelerator.get_state_dict(model), strict=False)
