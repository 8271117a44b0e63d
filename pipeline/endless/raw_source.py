"""RAW files and a configuration in the place of shards: samples by their place in a stream.

A sample depends on its place, the seed, the RAW files and the configuration, not on who makes it. A
scene that fails costs itself: it would fail again, so the next one in order stands in its place.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

from tqdm import tqdm

from isp.development.recipes import Recipe, recipes
from manifests.chance import unit_interval
from manifests.config import Config
from manifests.done import fingerprint
from manifests.errors import SceneError, SeagullError
from manifests.keys import rendering_id
from manifests.process.progress import progress
from manifests.records import Failure
from manifests.sample import Parts
from manifests.workspace import SPLITS, Workspace
from pipeline.endless.drawn_recipes import drawn
from pipeline.endless.endless_card import find_card, pilot_of
from pipeline.endless.endless_order import Epoch, epoch_order
from pipeline.endless.sample_workers import STAGE, SampleWorkers
from pipeline.intake.raw_place import Place
from pipeline.intake.sources import Source, find_sources, split_of
from pipeline.mixing.placed_recipes import Placed, everywhere, read_placed
from pipeline.run.failures import forget_failure, write_failure
from pipeline.stages.render_stage import RENDER
from pipeline.stages.roi_stages import LABELS, MASKS

VERSION = 1  # of the order
CHUNK = 11  # samples of a scene that are made at once: they share states and the scorer's windows
AHEAD = 32  # samples begun before they are asked for, for each worker

Asked = tuple[Source, Sequence[Placed]]


def open_source(
    workspace: Workspace, config: Config, raw: Place, workers: int | None = None
) -> "RawSource":
    """Open the samples of a folder of RAW files; the first time measures a pilot.

    Args:
        workspace: keeps the files' hashes, what failed, the card.
        config: as of a build; `endless`, and `pretrain.share` of the training samples.
        raw: the folder, or one file; on a disk, or in a store that each scene is fetched from.
        workers: processes; one for each CPU at hand, shared by the training's processes.

    Raises:
        SeagullError: no RAW files, none of them in the training split, or a model is missing.
    """
    found = find_sources(raw, workspace)
    for one in found.unreadable:
        tqdm.write(f"left out {one}", file=sys.stderr)
    source = RawSource(workspace, config, found.sources, workers or _cpus())
    try:
        source.prepare()
    except BaseException:
        source.close()
        raise
    return source


def _cpus() -> int:
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (there or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)))


class RawSource:
    """The samples of some RAW files; see `manifests.sample.SampleSource`."""

    card: Mapping[str, Any]
    identity: str

    def __init__(
        self, workspace: Workspace, config: Config, sources: Sequence[Source], workers: int
    ) -> None:
        self.workspace, self.config = workspace, config
        by_split = [(split_of(source.sha256, config.shards), source) for source in sources]
        self.splits = {s: [source for split, source in by_split if split == s] for s in SPLITS}
        self.training = self.splits["train"]
        if not self.training:
            raise SeagullError(
                f"none of {len(sources)} RAW files is in the training split: more files, or another"
                " shards.train"
            )
        self.recipes = recipes(config.render)
        self.placed = [everywhere(recipe) for recipe in self.recipes]
        mixtures = config.endless.mixtures
        self.mixtures = read_placed(Path(mixtures)) if mixtures else []
        self.slots = [self._shared(source) for source in self.training]
        self.images = sum(map(len, self.slots))
        self.failed: dict[str, SceneError] = {}
        self.workers = SampleWorkers(workers, -(-config.endless.scenes // workers) + 1, config)
        self._epoch = lru_cache(maxsize=2)(self._ordered)

    def _shared(self, source: Source) -> list[int]:
        """Which renderings of a scene belong to the share that is learned."""
        share, seed = self.config.pretrain.share, self.config.seed
        names = [_name(source, one.recipe) for one in (*self.placed, *self.mixtures)]
        return [n for n, name in enumerate(names) if unit_interval("share", seed, name) < share]

    def prepare(self) -> None:
        """Find the card and the identity."""
        config = self.config
        made_by = fingerprint(
            version=VERSION,
            stages=[stage.inputs(config) for stage in (RENDER, MASKS, LABELS)],
            training=[[source.scene_id, source.sha256] for source in self.training],
            seed=config.seed,
        )
        for source in self.training:
            forget_failure(self.workspace, STAGE, source.scene_id)
        card = find_card(self.workspace, config, made_by, self._pilot)
        counts = {
            split: {"scenes": len(there), "samples": len(there) * len(self.placed)}
            for split, there in self.splits.items()
        }
        counts["train"]["samples"] += len(self.training) * len(self.mixtures)
        self.card = card | {"counts": counts}
        self.identity = fingerprint(
            made_by=made_by,
            order=vars(config.endless) | {"mixtures": [asdict(one) for one in self.mixtures]},
            share=config.pretrain.share,
            top=card["importance_top"],
        )

    def _pilot(self) -> Iterator[Parts]:
        pilot = pilot_of(self.training, self.config)
        with progress(sum(len(wanted) for _, wanted in pilot), "pilot", "samples") as bar:
            for parts in self._all(pilot):
                yield parts
                bar.update()

    def begin(self, start: int, mine: Callable[[int], bool]) -> Iterator[tuple[int, Future[Parts]]]:
        """The positions of the stream from `start` on that are `mine`, each with its sample."""
        begun: deque[tuple[int, Future[Parts]]] = deque()
        for one in self._begun(start, mine):
            begun.append(one)
            if len(begun) > AHEAD * self.workers.count:
                yield begun.popleft()

    def _begun(
        self, start: int, mine: Callable[[int], bool]
    ) -> Iterator[tuple[int, Future[Parts]]]:
        for epoch in count(start // self.images):
            first = epoch * self.images
            own = [n for n in range(max(start - first, 0), self.images) if mine(first + n)]
            order = self._epoch(epoch)
            chunks = _chunks(order, own)
            begun: dict[int, Future[Parts]] = {}
            for n in own:
                if n not in begun:
                    together = chunks.pop(n)
                    futures: list[Future[Parts]] = [Future() for _ in together]
                    begun |= zip(together, futures, strict=True)
                    slots = [int(order.slots[i]) for i in together]
                    self._make(int(order.scenes[n]), slots, epoch, futures)
                yield first + n, begun.pop(n)

    def _ordered(self, epoch: int) -> Epoch:
        return epoch_order(self.slots, self.config.endless.scenes, self.config.seed, epoch)

    def _make(
        self, place: int, slots: Sequence[int], epoch: int, futures: Sequence[Future[Parts]]
    ) -> None:
        """Make samples of the scene at `place`, or of the next one that has not failed."""
        if self.workers.closing:
            for future in futures:
                future.cancel()
            return
        scenes = [*self.training[place:], *self.training[:place]]
        source = next((s for s in scenes if s.scene_id not in self.failed), None)
        if source is None:
            first = next(iter(self.failed.values()))
            error = SeagullError(f"all {len(scenes)} training scenes failed: {first.message}")
            for future in futures:
                future.set_exception(error)
            return
        making = self.workers.make(source, [self._recipe(source, n, epoch) for n in slots])
        making.add_done_callback(partial(self._made, source, place, slots, epoch, futures))

    def _made(
        self,
        source: Source,
        place: int,
        slots: Sequence[int],
        epoch: int,
        futures: Sequence[Future[Parts]],
        making: Future[tuple[Parts, ...]],
    ) -> None:
        error = None if making.cancelled() else making.exception()
        if making.cancelled():
            for future in futures:
                future.cancel()
        elif isinstance(error, SceneError):
            self._fail(source, error)
            self._make(place, slots, epoch, futures)
        elif error:
            for future in futures:
                future.set_exception(error)
        else:
            for future, parts in zip(futures, making.result(), strict=True):
                future.set_result(parts)

    def _recipe(self, source: Source, slot: int, epoch: int) -> Placed:
        if slot >= len(self.placed):
            return self.mixtures[slot - len(self.placed)]
        if self.config.endless.parameters == "levels":
            return self.placed[slot]
        return everywhere(drawn(self.recipes, slot, self.config.seed, source.sha256, epoch, slot))

    def _fail(self, source: Source, error: SceneError) -> None:
        key = source.scene_id
        if key in self.failed:
            return
        self.failed[key] = error
        row = Failure(STAGE, key, error.reason, error.message, self.config.work.attempts, "")
        write_failure(self.workspace, row)
        tqdm.write(f"failed {STAGE} {key}: {error.reason}: {error.message}", file=sys.stderr)

    def in_order(self, split: str, wanted: Callable[[str], bool]) -> Iterator[Parts]:
        """Every sample of a split once, scene by scene, whose rendering_id is `wanted`."""
        asked = (
            (source, [one for one in self.placed if wanted(_name(source, one.recipe))])
            for source in self.splits[split]
        )
        return self._all(asked)

    def _all(self, asked: Iterable[Asked]) -> Iterator[Parts]:
        """The samples in order, without those of scenes that fail."""
        making: deque[tuple[Source, Future[tuple[Parts, ...]]]] = deque()
        for source, wanted in asked:
            for first in range(0, len(wanted), CHUNK):
                making.append((source, self.workers.make(source, wanted[first : first + CHUNK])))
                if len(making) > 2 * self.workers.count:
                    yield from self._result(*making.popleft())
        while making:
            yield from self._result(*making.popleft())

    def _result(self, source: Source, making: Future[tuple[Parts, ...]]) -> Sequence[Parts]:
        try:
            return making.result()
        except SceneError as error:
            self._fail(source, error)
            return ()

    def close(self) -> None:
        """Stop the workers."""
        self.workers.close()


def _name(source: Source, recipe: Recipe) -> str:
    return rendering_id(source.scene_id, recipe.distortion, recipe.level)


def _chunks(order: Epoch, own: Sequence[int]) -> dict[int, list[int]]:
    """Group `own` places of an epoch by scene, CHUNK at a time; each group by its first place."""
    of_scene: dict[int, list[int]] = {}
    chunks: dict[int, list[int]] = {}
    for n in own:
        together = of_scene.setdefault(int(order.scenes[n]), [])
        if len(together) % CHUNK == 0:
            together = of_scene[int(order.scenes[n])] = []
            chunks[n] = together
        together.append(n)
    return chunks
