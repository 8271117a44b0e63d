"""The training loop: AdamW, warm-up and cosine, the curves, checkpoints that resume exactly.

On a CPU, shards, configuration, seed and number of threads fix every bit of the result; a GPU's
atomic additions do not, and several processes add in another order. Random numbers of a step
(dropout) are keyed by the step, so that a checkpoint holds none and a resumed training may have
another number of processes.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from manifests.chance import generator
from manifests.config import TrainConfig
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.process.progress import progress
from training.data.batches import Batch
from training.network.language_model import base_of
from training.network.network import READERS, Network, learned_tokens, without_gradients
from training.train.processes import (
    accelerator,
    mixed_precision,
    outside_forward,
    shares_parameters,
    synchronise_norms,
)
from training.train.training_state import Checkpoints, Position, State, trained_state

CLIP_NORM = 1.0
Validate = Callable[[Network], dict[str, float]]


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """Linear warm-up over `warm_up * steps`, then half a cosine down to 0."""
    warm = max(1, round(config.warm_up * steps))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@dataclass(frozen=True)
class Trainer:
    """One stage of training of `network` into `folder`."""

    network: Network
    config: TrainConfig
    steps: int
    folder: Path
    key: str  # the fingerprint of data and configuration: checkpoints of another are not resumed
    accumulation: int = 1  # micro-batches a step
    validate: Validate | None = None  # numbers of the val split, `val_loss` among them
    seed: int = 0

    def run(self, batches: Callable[[int], Iterator[Batch]]) -> State:
        """Train from the latest checkpoint, or from the start, to the last step.

        Returns what was learned, whole.

        Args:
            batches: this process's micro-batches from a step on.
        """
        torch.set_num_threads(self.config.threads)
        run = _Run(self)
        position = run.checkpoints.resume(self.network, run.optimizer)
        feed = batches(position.step)
        clock = _Clock()
        with progress(self.steps, self.folder.name, "steps", position.step, run.first) as bar:
            for step in range(position.step, self.steps):
                with clock.waiting():
                    images = [next(feed) for _ in range(self.accumulation)]
                row = run.step(images, step)
                clock.samples += self.config.batch * self.config.rois
                position.curve.append({**row, **clock.read()})
                bar.set_postfix_str(f"data wait {clock.read()['data_wait']:.1%}", refresh=False)
                position.step = step + 1
                self._after(run, position)
                bar.update()
        return run.finish(position)

    def _after(self, run: "_Run", position: Position) -> None:
        done, every = position.step, self.config.validate_every
        last = done == self.steps
        if self.validate and (last or (every and done % every == 0)):
            position.validation.append({"step": done, **run.validated(self.validate)})
        if done % self.config.checkpoint_every == 0 and not last:
            run.checkpoints.save(position, self.network, run.optimizer)


@dataclass
class _Clock:
    """What a run took since it began, validation included."""

    began: float = field(default_factory=time.perf_counter)
    samples: int = 0
    waited: float = 0.0  # seconds in which the next batch was not ready

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what goes on inside as waiting for data."""
        start = time.perf_counter()
        yield
        self.waited += time.perf_counter() - start

    def read(self) -> dict[str, float]:
        """Samples (ROIs) a second, and the share of the time that was spent waiting for data."""
        took = time.perf_counter() - self.began
        return {"samples_per_s": self.samples / took, "data_wait": self.waited / took}


class _Run:
    """The network and its optimizer as Accelerate wants them."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, network, config = trainer, trainer.network, trainer.config
        precision = mixed_precision(network.config, config)
        self.accelerator = accelerator(config, precision, trainer.accumulation)
        self.count, self.first = self.accelerator.num_processes, self.accelerator.is_main_process
        self.device = self.accelerator.device if self.count > 1 else torch.device(config.device)
        if not config.auxiliary:
            without_gradients(network, READERS)
        if config.gradient_checkpointing:
            _checkpoint_gradients(network)
        network.to(self.device).train()
        if self.count > 1:
            synchronise_norms(network)
        learning = [p for p in network.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            learning, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.model, self.optimizer = self.accelerator.prepare(
            network, optimizer, device_placement=[False, False]
        )
        self.checkpoints = Checkpoints(trainer.folder, trainer.key, self.accelerator)

    def step(self, batches: list[Batch], step: int) -> dict[str, float]:
        """One update; the loss is the whole batch's, over all processes."""
        config = self.trainer.config
        rate = learning_rate(step, self.trainer.steps, config)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(_step_seed(self.trainer.seed, step, self.accelerator.process_index))
        tokens, rows = self._counts(batches)
        loss = sum(self._learn(batch.to(str(self.device)), tokens, rows) for batch in batches)
        value = float(self._all(torch.as_tensor(loss, device=self.device)))
        if not math.isfinite(value):
            raise SeagullError(f"the loss is {value} at step {step}: lower learning_rate")
        return {"step": step + 1, "loss": value, "lr": rate}

    def _learn(self, batch: Batch, tokens: int, rows: int) -> torch.Tensor:
        with self.accelerator.accumulate(self.model):
            loss: torch.Tensor = self.model(batch, self.trainer.config.auxiliary, tokens, rows)
            # Accelerate divides by the accumulation, DDP by the processes; the loss is a share of
            # the whole batch's already.
            self.accelerator.backward(loss * (self.trainer.accumulation * self.count))
            if self.accelerator.sync_gradients:
                self.accelerator.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            return loss.detach()

    def _counts(self, batches: list[Batch]) -> tuple[int, int]:
        """Learned tokens and ROIs of the whole batch."""
        own = [sum(learned_tokens(b) for b in batches), sum(len(b.ids) for b in batches)]
        tokens, rows = self._all(torch.tensor(own, device=self.device)).tolist()
        return int(tokens), int(rows)

    def _all(self, value: torch.Tensor) -> torch.Tensor:
        summed: torch.Tensor = self.accelerator.reduce(value, "sum")
        return summed

    def validated(self, validate: Validate) -> dict[str, float]:
        """The numbers of the val split, by the first process; by all that share the parameters."""
        network, sharing = self.trainer.network, shares_parameters(self.accelerator)
        with outside_forward(self.accelerator, network):
            numbers = validate(network) if self.first or sharing else {}
        network.train()
        return numbers

    def finish(self, position: Position) -> State:
        """Write the curves, and wait for all processes; what was learned."""
        if self.first:
            folder = self.trainer.folder
            write_atomic(folder / "curve.jsonl", _lines(position.curve))
            if position.validation:
                write_atomic(folder / "validation.jsonl", _lines(position.validation))
        learned = trained_state(self.trainer.network)
        if self.count > 1:
            self.accelerator.end_training()
        return learned


def _step_seed(seed: int, step: int, rank: int) -> int:
    return int(generator("step", seed, step, rank).integers(2**62))


def _checkpoint_gradients(network: Network) -> None:
    base_of(network.llm).activation_checkpointing_enable()


def _lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
