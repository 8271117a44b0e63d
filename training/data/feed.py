"""The stream of training batches: which ROIs, which questions, which augmentation, in order.

A batch depends on the seed and on its place in the stream alone, so a stopped training goes on with
the very batches that an uninterrupted one would have seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from manifests.chance import generator
from manifests.config import NetworkConfig, TrainConfig
from manifests.workspace import Workspace
from training.data.batches import Batch, collate, prefetch, stack
from training.data.instructions import Instruction, Truth, draw, truth
from training.data.sample_arrays import SampleArrays, draw_augmentation, prepare
from training.data.shard_reader import Card, RawSample, shuffled
from training.data.tokens import Sequencer

Ask = Callable[[Truth, np.random.Generator], Instruction]


@dataclass(frozen=True)
class TrainingSample:
    """A prepared sample with one truth and one instruction for each of its chosen ROIs."""

    prepared: SampleArrays
    truths: list[Truth]
    instructions: list[Instruction]


@dataclass(frozen=True)
class Feed:
    """Batches of a workspace's training split. `ask` draws the instruction for a ROI."""

    workspace: Workspace
    card: Card
    network: NetworkConfig
    config: TrainConfig
    sequencer: Sequencer
    seed: int
    ask: Ask = draw

    @property
    def tops(self) -> tuple[float, float]:
        """M of eq. 1 for quality and importance."""
        return self.card.quality_top, self.card.importance_top

    def batches(self, start: int) -> Iterator[Batch]:
        """For ever, from step `start` on."""
        first = start * self.config.batch
        samples = shuffled(self.workspace, "train", self.seed, first)
        batch, numbered = self.config.batch, zip(count(first), samples, strict=False)
        drawn = prefetch(self._draw, numbered, self.config.threads, depth=2 * batch)
        while True:
            yield self._batch(list(islice(drawn, batch)))

    def _draw(self, item: tuple[int, RawSample]) -> TrainingSample:
        position, sample = item
        rng = generator("feed", self.seed, position)
        wanted, there = self.config.rois, len(sample.rois)
        chosen = [int(i) for i in rng.choice(there, wanted, replace=there < wanted)]
        truths = [truth(sample.labels[i], *self.tops, self.card.distortions) for i in chosen]
        prepared = prepare(
            sample, chosen, self.network.view, self.network.patch, rng, draw_augmentation(rng)
        )
        return TrainingSample(prepared, truths, [self.ask(t, rng) for t in truths])

    def _batch(self, drawn: list[TrainingSample]) -> Batch:
        instructions = [i for d in drawn for i in d.instructions]
        return collate(
            stack([d.prepared for d in drawn]),
            [t for d in drawn for t in d.truths],
            [self.sequencer.sequence(i.question, i.answer) for i in instructions],
            self.tops,
            self.sequencer.tokenizer.eos_token_id,
        )
