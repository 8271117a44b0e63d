"""The training loop: AdamW, warm-up and cosine, the curve, checkpoints that resume exactly.

On a CPU, shards, configuration, seed and number of threads fix every bit of the result; a GPU's
atomic additions do not.
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from manifests.config import TrainConfig
from manifests.errors import SeagullError
from manifests.files import atomic_file, write_atomic
from manifests.progress import progress
from training.data.batches import Batch
from training.network.network import Network

CLIP_NORM = 1.0


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """Linear warm-up over `warm_up * steps`, then half a cosine down to 0."""
    warm = max(1, round(config.warm_up * steps))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def trained_state(network: Network) -> dict[str, Tensor]:
    """Return what a checkpoint holds: all parameters that learn, and the buffers beside them."""
    frozen = {n for n, p in network.named_parameters() if not p.requires_grad}
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


@dataclass(frozen=True)
class Trainer:
    """One stage of training of `network` into `folder`."""

    network: Network
    config: TrainConfig
    steps: int
    folder: Path
    key: str  # the fingerprint of data and configuration: checkpoints of another are not resumed

    def run(self, batches: Callable[[int], Iterator[Batch]]) -> None:
        """Train from the latest checkpoint, or from the start, to the last step."""
        torch.set_num_threads(self.config.threads)
        self.network.to(self.config.device).train()
        optimizer = self._optimizer()
        start, curve = self._resume(optimizer)
        began = time.perf_counter()
        feed = batches(start)
        with progress(self.steps, self.folder.name, "steps", done=start) as bar:
            for step in range(start, self.steps):
                curve.append(self._step(next(feed), step, optimizer))
                curve[-1]["samples_per_s"] = self._rate(step + 1 - start, began)
                if (step + 1) % self.config.checkpoint_every == 0 and step + 1 < self.steps:
                    self._save(step + 1, optimizer, curve)
                bar.update()
        write_atomic(self.folder / "curve.jsonl", _lines(curve))

    def _optimizer(self) -> torch.optim.Optimizer:
        learning = [p for p in self.network.parameters() if p.requires_grad]
        return torch.optim.AdamW(
            learning, lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )

    def _step(self, batch: Batch, step: int, optimizer: torch.optim.Optimizer) -> dict[str, float]:
        rate = learning_rate(step, self.steps, self.config)
        for group in optimizer.param_groups:
            group["lr"] = rate
        half = self.config.precision == "bf16"
        device = torch.device(self.config.device).type
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = self.network.loss(batch.to(self.config.device), self.config.auxiliary)
        if not math.isfinite(loss.item()):
            raise SeagullError(f"the loss is {loss.item()} at step {step}: lower learning_rate")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        optimizer.step()
        return {"step": step + 1, "loss": loss.item(), "lr": rate}

    def _rate(self, steps: int, began: float) -> float:
        return steps * self.config.batch * self.config.rois / (time.perf_counter() - began)

    def _save(
        self, step: int, optimizer: torch.optim.Optimizer, curve: list[dict[str, float]]
    ) -> None:
        """Write a folder that appears whole under its name; the older ones go."""
        temporary, final = self.folder / ".tmp-checkpoint", self.folder / f"checkpoint-{step:08d}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        write_atomic(temporary / "weights.safetensors", save(trained_state(self.network)))
        with atomic_file(temporary / "optimizer.pt") as file:
            torch.save({"optimizer": optimizer.state_dict(), **_random_state()}, file)
        position = {"step": step, "key": self.key, "curve": curve}
        write_atomic(temporary / "position.json", json.dumps(position))
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
        for old in self.folder.glob("checkpoint-*"):
            if old != final:
                shutil.rmtree(old)

    def _resume(self, optimizer: torch.optim.Optimizer) -> tuple[int, list[dict[str, float]]]:
        for folder in sorted(self.folder.glob("checkpoint-*"), reverse=True):
            position: dict[str, Any] = json.loads((folder / "position.json").read_text())
            if position["key"] != self.key:
                continue
            load_trained(self.network, folder / "weights.safetensors")
            state = torch.load(folder / "optimizer.pt", weights_only=True)
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["cpu"])
            torch.cuda.set_rng_state_all(state["cuda"])
            return position["step"], position["curve"]
        return 0, []


def _random_state() -> dict[str, Any]:
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}


def _lines(rows: list[dict[str, float]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
