"""Checkpoints: a folder that appears whole under its name; the older ones go.

One holds what learns, the optimizer, the place in the stream and the curves, all of it whole: what
processes share (FSDP2) is gathered for it and shared again when it is resumed, so that their
number, and whether they share, may change.
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
State = dict[str, Tensor]


def trained_names(network: Network) -> list[str]:
    """What a checkpoint holds: all parameters but a frozen encoder's and LLM's, and the buffers."""
    frozen = {
        name
        for name, parameter in network.named_parameters()
        if not parameter.requires_grad and name.startswith(("encoder.", "llm."))
    }
    return [
        name
        for name in network.state_dict()
        if name not in frozen and not (network.encoder.frozen and name.startswith("encoder."))
    ]


def trained_state(network: Network) -> State:
    """The tensors of `trained_names`, whole; where processes share them, all must call it."""
    state = network.state_dict()
    return {name: _whole(state[name]).contiguous() for name in trained_names(network)}


def _is_shared(tensor: Tensor) -> bool:
    """Whether it is a DTensor, whose module takes a second to import."""
    return hasattr(tensor, "full_tensor")


def _whole(tensor: Any) -> Tensor:
    whole: Tensor = tensor.full_tensor().cpu() if _is_shared(tensor) else tensor
    return whole


def _options() -> Any:
    """Of PyTorch's functions that gather and share what processes hold."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True, strict=False)


def load_trained(network: Network, path: Path) -> None:
    """Load what `trained_state` saved; SeagullError when it is of another network."""
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise SeagullError(f"{path} cannot be read: {error}") from error
    own = network.state_dict()
    wanted = {name: own[name] for name in trained_names(network)}
    if {k: v.shape for k, v in state.items()} != {k: v.shape for k, v in wanted.items()}:
        raise SeagullError(f"{path} holds another network than network.* of the configuration says")
    if not any(map(_is_shared, network.parameters())):
        network.load_state_dict(state, strict=False)
        return
    from torch.distributed.checkpoint.state_dict import set_model_state_dict

    set_model_state_dict(network, dict[str, Any](state), options=_options())


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

    def save(self, position: Position, network: Network, optimizer: Any) -> None:
        """Write one; all processes call it, the first one writes."""
        from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

        temporary = self.folder / ".tmp-checkpoint"
        final = self.folder / f"checkpoint-{position.step:08d}"
        learned = trained_state(network)
        moments = get_optimizer_state_dict(network, optimizer.optimizer, options=_options())
        if self.accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            write_atomic(temporary / "weights.safetensors", save(learned))
            with atomic_file(temporary / "optimizer.pt") as file:
                torch.save(moments, file)
            saved = {"key": self.key, **vars(position)}
            write_atomic(temporary / "position.json", json.dumps(saved))
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
            for old in self.folder.glob("checkpoint-*"):
                if old != final:
                    shutil.rmtree(old)
        self.accelerator.wait_for_everyone()

    def resume(self, network: Network, optimizer: Any) -> Position:
        """Load the latest; the start where there is none of this training."""
        from torch.distributed.checkpoint.state_dict import set_optimizer_state_dict

        for folder in sorted(self.folder.glob("checkpoint-*"), reverse=True):
            saved = json.loads((folder / "position.json").read_text())
            if saved.pop("key") != self.key:
                continue
            load_trained(network, folder / "weights.safetensors")
            moments = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
            set_optimizer_state_dict(network, optimizer.optimizer, moments, options=_options())
            return Position(**saved)
        return Position()
