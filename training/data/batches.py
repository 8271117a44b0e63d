"""Samples and instructions become tensors; what an epoch yields, in order.

Samples are prepared by a few threads, ahead of the network and in order, so that the number of
threads changes nothing. All randomness of a sample is keyed by the seed, its epoch and its id.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.instructions import Truth
from training.data.sample_arrays import SampleArrays
from training.data.tokens import IGNORED, Tokens

A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True)
class Pixels:
    """B images with K ROIs each; V is the overview's side, S the patch's."""

    views: Tensor  # (B, V, V, 3) uint8 RGB
    masks: Tensor  # (B, K, V, V) uint8
    patches: Tensor  # (B, K, S, S, 3) uint8 RGB
    inside: Tensor  # (B, K, S, S) uint8
    statistics: Tensor  # (B, K, STATISTICS) float32
    keys: Tensor  # (B, K) int64, from which a ROI's dropout is drawn

    def to(self, device: str) -> "Pixels":
        """Copy the pixels to another device."""
        return Pixels(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class Batch:
    """Pixels, and for every ROI one sequence of at most L tokens and what the heads shall read."""

    pixels: Pixels
    ids: Tensor  # (B * K, L) int64, image by image
    attention: Tensor  # (B * K, L) int64, 0 where padded
    labels: Tensor  # (B * K, L) int64, IGNORED where given
    types: Tensor  # (B * K, D) float32, of the D distortions, 1 where the distortion is present
    degrees: Tensor  # (B * K, D) float32: its severity of 4, in [0, 1]; NaN where none is known
    scores: Tensor  # (B * K, 2) float32, quality and importance of their tops, in [0, 1]
    word_at: Tensor  # (W, 2) int64: row and column in ids of words whose targets are soft
    word_ids: Tensor  # (W, 5) int64: the five words' first tokens
    word_shares: Tensor  # (W, 5) float32

    def to(self, device: str) -> "Batch":
        """Copy the batch to another device."""
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


def stack(prepared: Sequence[SampleArrays]) -> Pixels:
    """Stack the pixels of images that have the same number of ROIs."""
    regions = [r for p in prepared for r in p.regions]
    shape = (len(prepared), len(regions) // len(prepared))

    def stacked(arrays: list[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(arrays).reshape(*shape, *arrays[0].shape))

    return Pixels(
        views=torch.from_numpy(np.stack([p.view for p in prepared])),
        masks=stacked([r.mask for r in regions]),
        patches=stacked([r.patch for r in regions]),
        inside=stacked([r.inside for r in regions]),
        statistics=stacked([r.statistics for r in regions]),
        keys=torch.tensor([r.key for r in regions]).view(shape),
    )


@dataclass(frozen=True)
class SoftWord:
    """A word of eq. 1 that is learned as shares of all five."""

    at: int  # its place in the sequence
    ids: tuple[int, ...]  # the five words' first tokens
    shares: tuple[float, ...]


def collate(
    pixels: Pixels,
    truths: Sequence[Truth],
    sequences: Sequence[Tokens],
    tops: tuple[float, float],
    pad: int,
    words: Sequence[SoftWord | None] = (),
) -> Batch:
    """Truths, sequences and words are those of the ROIs, image by image; padded on the right."""
    ids, attention, labels = _padded(sequences, pad)
    types = [[float(d in t.severities) for d in t.distortions] for t in truths]
    degrees = [[_degree(t.severities.get(d)) for d in t.distortions] for t in truths]
    scores = [[t.quality / tops[0], t.importance / tops[1]] for t in truths]
    soft = [(row, w) for row, w in enumerate(words) if w]
    return Batch(
        pixels=pixels,
        ids=ids,
        attention=attention,
        labels=labels,
        types=torch.tensor(types),
        degrees=torch.tensor(degrees),
        scores=torch.tensor(scores).clamp(0, 1),
        word_at=torch.tensor([(row, w.at) for row, w in soft], dtype=torch.int64).view(-1, 2),
        word_ids=torch.tensor([w.ids for _, w in soft], dtype=torch.int64).view(-1, 5),
        word_shares=torch.tensor([w.shares for _, w in soft]).view(-1, 5),
    )


def _degree(severity: int | None) -> float:
    return math.nan if severity is None else severity / 4


def _padded(sequences: Sequence[Tokens], pad: int) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(s.ids) for s in sequences)
    shape = (len(sequences), longest)
    ids, labels = np.full(shape, pad), np.full(shape, IGNORED)
    attention = np.zeros(shape, np.int64)
    for row, sequence in enumerate(sequences):
        n = len(sequence.ids)
        ids[row, :n], labels[row, :n], attention[row, :n] = sequence.ids, sequence.labels, 1
    return torch.from_numpy(ids), torch.from_numpy(attention), torch.from_numpy(labels)


def prefetch(
    function: Callable[[A], R], items: Iterable[A], threads: int, depth: int
) -> Iterator[R]:
    """`map` in order, computed by `threads` up to `depth` items ahead of who reads."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
