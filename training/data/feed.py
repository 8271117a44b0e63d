"""The stream of training batches: which ROIs, which questions, which augmentation, in order.

A batch depends on the seed and on its place in the stream alone, so a stopped training goes on with
the very batches that an uninterrupted one would have seen, and several processes share a step's
images without changing which they are.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count, islice, repeat
from math import ceil
from typing import Protocol

import numpy as np

from manifests.chance import generator
from manifests.config import NetworkConfig, TrainConfig
from manifests.errors import SeagullError
from manifests.sample import Parts, Sample, SampleSource
from manifests.words import soft_grade
from manifests.workspace import Workspace
from training.data import sample_index, texts
from training.data.batches import Batch, SoftWord, collate, prefetch, stack
from training.data.instructions import Instruction, Truth, draw, fixed_of, truth
from training.data.sample_arrays import SampleArrays, draw_augmentation, framing_of, prepare
from training.data.sample_index import Index, Place
from training.data.shard_reader import Card, labelled_sample
from training.data.tokens import Sequencer

Ask = Callable[[Truth, np.random.Generator], Instruction]


class Readable(Protocol):
    """Where a sample is: in a tar, or in the making."""

    def read(self) -> Sample:
        """The sample."""


@dataclass(frozen=True)
class InTheMaking:
    """A sample of a `SampleSource`."""

    parts: Future[Parts]

    def read(self) -> Sample:
        """Wait until it is made."""
        made = self.parts.result()
        return labelled_sample("the source", made.rendering_id, made.image, made.text)


Asked = tuple[Readable, tuple[tuple[int, int], ...]]
"""A place and which (ROI, instruction) pairs are asked there; none: as a generator draws them."""


@dataclass(frozen=True)
class TrainingSample:
    """A prepared sample with one truth and one instruction for each of its chosen ROIs."""

    prepared: SampleArrays
    truths: list[Truth]
    instructions: list[Instruction]


def steps_of(config: TrainConfig, images: int) -> int:
    """`steps`, or as many as `epochs` passes over the images take."""
    return config.steps or max(1, round(config.epochs * images / config.batch))


@dataclass(frozen=True)
class Ranks:
    """Which of several processes this is."""

    rank: int = 0
    count: int = 1


@dataclass(frozen=True)
class Feed:
    """Batches of the training split of a workspace, or of a source.

    `ask` draws the instruction for a ROI.
    """

    workspace: Workspace
    card: Card
    network: NetworkConfig
    config: TrainConfig
    sequencer: Sequencer
    seed: int
    ask: Ask = draw
    ranks: Ranks = Ranks()
    source: SampleSource | None = None

    @property
    def micro_batch(self) -> int:
        """Images of one forward pass of one process.

        Raises:
            SeagullError: the batch does not divide by the processes and their micro-batches.
        """
        micro = self.config.micro_batch or self.config.batch // self.ranks.count
        if micro == 0 or self.config.batch % (micro * self.ranks.count):
            raise SeagullError(
                f"batch {self.config.batch} does not divide into {self.ranks.count} processes of "
                f"micro_batch {micro}: choose micro_batch so that it does, 0 for batch / processes"
            )
        return micro

    @property
    def accumulation(self) -> int:
        """Micro-batches of a process in a step."""
        return self.config.batch // (self.micro_batch * self.ranks.count)

    @cached_property
    def places(self) -> Index:
        """The training split, or the share of it that is learned."""
        return sample_index.index(self.workspace, "train", self.config.share, self.seed)

    @cached_property
    def epoch(self) -> int:
        """Images of one epoch, counted as often as they are shown in it."""
        if self.source and self.config.questions == "fixed":
            raise SeagullError(
                "questions=fixed asks all of every ROI, which needs shards; endless samples take"
                " questions=drawn"
            )
        if self.source:
            return self.source.images
        if self.config.questions == "fixed":
            return sum(ceil(len(pairs) / self.config.rois) for _, pairs in self._pairs)
        return sample_index.count(self.places)

    @property
    def steps(self) -> int:
        """`steps`, or as many as `epochs` take."""
        return steps_of(self.config, self.epoch)

    def batches(self, start: int) -> Iterator[Batch]:
        """This process's micro-batches for ever, from step `start` on."""
        batch, micro, first = self.config.batch, self.micro_batch, start * self.config.batch
        share = batch // self.ranks.count

        def is_mine(position: int) -> bool:
            return position % batch // share == self.ranks.rank

        mine: Iterator[tuple[int, Asked]]
        if self.source:
            mine = ((n, (InTheMaking(p), ())) for n, p in self.source.begin(first, is_mine))
        else:
            numbered = zip(count(first), self._stream(first), strict=False)
            mine = (i for i in numbered if is_mine(i[0]))
        groups = iter(lambda: tuple(islice(mine, micro)), ())
        yield from prefetch(self._made, groups, self.config.threads, depth=2)

    def _made(self, asked: Sequence[tuple[int, Asked]]) -> Batch:
        """Whole, so that the network waits for nothing but its last tensor."""
        return self._batch([self._draw(one) for one in asked])

    def _stream(self, first: int) -> Iterator[Asked]:
        if self.config.questions == "fixed":
            epoch, skipped = divmod(first, self.epoch)
            later = chain.from_iterable(self._fixed_epoch(e) for e in count(epoch))
            return islice(later, skipped, None)
        places = sample_index.shuffled_places(self.places, self.seed, first)
        return zip(places, repeat(()), strict=False)

    @cached_property
    def _pairs(self) -> list[tuple[Place, tuple[tuple[int, int], ...]]]:
        """Every question of the split: (ROI, instruction) by place."""
        asked = 6 if self.config.judgments else 3
        return [
            (p, tuple((i, q) for i in range(len(p.read().labels)) for q in range(asked)))
            for tar in self.places
            for p in tar
        ]

    def _fixed_epoch(self, epoch: int) -> Sequence[Asked]:
        """Every question once, `rois` of one image at a time, in an order of the epoch's own."""
        rng, rois, shown = generator("fixed questions", self.seed, epoch), self.config.rois, []
        for place, pairs in self._pairs:
            order = [pairs[i] for i in rng.permutation(len(pairs))]
            order += order[: -len(order) % rois]  # an image shows the same number of ROIs each time
            shown += [(place, tuple(order[n : n + rois])) for n in range(0, len(order), rois)]
        return [shown[i] for i in rng.permutation(len(shown))]

    def _draw(self, item: tuple[int, Asked]) -> TrainingSample:
        position, (place, pairs) = item
        sample, rng = place.read(), generator("feed", self.seed, position)
        chosen = [roi for roi, _ in pairs] or self._choose(sample, rng)
        truths = [truth(sample.labels[i], *self.card.scales) for i in chosen]
        prepared = prepare(
            sample=sample,
            chosen=chosen,
            view=self.network.view,
            patch=self.network.patch,
            rng=rng,
            change=draw_augmentation(rng, self.config.augmentation),
            framing=framing_of(self.network),
        )
        if not pairs:
            return TrainingSample(prepared, truths, [self.ask(t, rng) for t in truths])
        asked = [
            fixed_of(t, self.seed, self.config.judgments)[which]
            for t, (_, which) in zip(truths, pairs, strict=True)
        ]
        return TrainingSample(prepared, truths, asked)

    def _choose(self, sample: Sample, rng: np.random.Generator) -> list[int]:
        wanted, there = self.config.rois, len(sample.rois)
        return [int(i) for i in rng.choice(there, wanted, replace=there < wanted)]

    def _batch(self, drawn: list[TrainingSample]) -> Batch:
        instructions = [i for d in drawn for i in d.instructions]
        truths = [t for d in drawn for t in d.truths]
        soft = self.config.word_targets == "soft"
        return collate(
            stack([d.prepared for d in drawn]),
            truths,
            [self.sequencer.sequence(i.question, i.answer) for i in instructions],
            self.card.tops,
            self.sequencer.tokenizer.eos_token_id,
            [self._words(i, t) for i, t in zip(instructions, truths, strict=True)] if soft else (),
        )

    def _words(self, asked: Instruction, of: Truth) -> SoftWord | None:
        if asked.kind not in texts.CLOSED_SETS:
            return None
        _, lead, words = texts.CLOSED_SETS[asked.kind]
        at = len(self.sequencer.prompt(asked.question, lead))
        top = dict(zip(("quality", "importance"), self.card.tops, strict=True))[asked.kind]
        first = [self.sequencer.continuation(lead, word)[0] for word in words]
        return SoftWord(at, tuple(first), soft_grade(getattr(of, asked.kind), top))
