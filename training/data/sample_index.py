"""Where every sample of a split lies in its tars, so that any one can be read alone.

The headers of the tars are read, not their contents: a training that goes on late, or one of many
processes, skips by index. The order of an epoch is webdataset's, shards first and then a buffer,
run over places instead of samples: reading stays nearly sequential.
"""

import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manifests.chance import unit_interval
from manifests.errors import SeagullError
from manifests.sample import Sample
from manifests.workspace import Workspace
from training.data.shard_reader import IMAGES, labelled_sample, tars

BUFFER = 4096  # places held to shuffle across shards; a shard holds whole scenes


@dataclass(frozen=True)
class Place:
    """One sample in a tar; offsets and sizes in bytes."""

    tar: str
    rendering_id: str
    image: tuple[int, int]
    rows: tuple[int, int]

    def read(self) -> Sample:
        """The sample there."""
        with Path(self.tar).open("rb") as file:
            image, rows = (
                os.pread(file.fileno(), size, at) for at, size in (self.image, self.rows)
            )
        return labelled_sample(self.tar, self.rendering_id, image, rows)


Index = tuple[tuple[Place, ...], ...]
"""A split: its tars in name order, each with its samples in the order they lie in."""


def index(workspace: Workspace, split: str, share: float = 1.0, seed: int = 0) -> Index:
    """Every sample of the split, or the `share` of them that a hash of seed and name picks.

    Raises:
        SeagullError: there are no tars, one of them is cut, or no sample is left.
    """
    places = tuple(
        tuple(p for p in _places(tar) if unit_interval("share", seed, p.rendering_id) < share)
        for tar in tars(workspace, split)
    )
    if not any(places):
        raise SeagullError(f"the shards of {workspace.shards(split)} hold no sample")
    return places


def _places(path: str) -> Iterator[Place]:
    members: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                name, _, kind = member.name.partition(".")
                members.setdefault(name, {})[kind] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError) as error:
        raise SeagullError(f"{path} is no whole tar; run `make shards`") from error
    for name, parts in members.items():
        image = next((parts[kind] for kind in IMAGES if kind in parts), None)
        if image is None or "json" not in parts:
            raise SeagullError(
                f"{path}: sample {name} lacks its image or its JSON; run `make shards`"
            )
        yield Place(path, name, image, parts["json"])


def count(places: Index) -> int:
    """How many samples there are."""
    return sum(map(len, places))


def shuffled_places(places: Index, seed: int, start: int = 0) -> Iterator[Place]:
    """Places for ever, each epoch in another order fixed by `seed`, from position `start` on.

    `start` counts samples over all epochs.
    """
    epoch, skipped = divmod(start, count(places))
    while True:
        yield from _epoch(places, seed, epoch)[skipped:]
        epoch, skipped = epoch + 1, 0


def _epoch(places: Index, seed: int, epoch: int) -> Sequence[Place]:
    import webdataset as wds

    order = np.random.default_rng((seed, epoch)).permutation(len(places))
    mixer = wds.detshuffle(BUFFER, BUFFER, seed=seed, epoch=epoch - 1)
    return list(mixer.run(place for i in order for place in places[i]))
