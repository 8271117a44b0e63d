"""Samples a second: made from RAW files while they are asked for, beside read from shards.

All in one run over the same scenes. A sample is made or read whole, its JSON parsed, its image not
yet decoded: from there on both ways are one. CPU seconds are of this process and the workers, whose
start is not counted; the shards that are read lie in the page cache.
"""

import os
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import psutil

from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.chance import generator
from manifests.config import Config
from manifests.sample import Parts, parse_sample
from manifests.workspace import Workspace
from pipeline.endless.raw_source import RawSource
from pipeline.intake.sources import Source, find_sources
from pipeline.tools.cost import measure

PHOTOGRAPHS, MEGAPIXELS = ("astronaut", "coffee"), 8
READS = 20  # times that the shard is read: once takes a moment


def rows(raw: Path | None, config: Config, workers: int) -> Iterator[dict[str, Any]]:
    """One row a way, as each is measured; on the RAW files of `raw`, or two bundled photographs."""
    with tempfile.TemporaryDirectory(prefix="seagull-bench-") as name:
        folder = Path(name)
        if raw is None:
            _write_raw(folder / "raw")
        sources = find_sources(raw or folder / "raw", Workspace(folder / "out")).sources
        everything = replace(config, shards=replace(config.shards, train=1.0, val=0.0))
        raw_mb = sum(source.bytes for source in sources) / 1e6 / len(sources)
        made: list[Parts] = []
        for parameters in ("levels", "drawn"):
            endless = replace(everything.endless, parameters=parameters)
            row, made = _endless(sources, replace(everything, endless=endless), folder, workers)
            yield {"samples": f"endless, {parameters}", **row, "mb_a_scene": round(raw_mb, 1)}
        build = sum(cost.cpu_s for cost in measure(sources, everything)) * len(sources) / len(made)
        shard = folder / "shard.tar"
        _write(shard, made)
        size = round(shard.stat().st_size / 1e6 / len(sources), 1)
        yield {"samples": "shards, read", **_reading(shard), "mb_a_scene": size}
        row = {"a_second": None, "cpu_s_each": round(build, 3), "mb_a_scene": None}
        yield {"samples": "shards, built before", **row}


def _write_raw(folder: Path) -> None:
    folder.mkdir()
    height = round((MEGAPIXELS * 1e6 / 1.5) ** 0.5)
    for name in PHOTOGRAPHS:
        photo = cv2.resize(bundled()[name](), (round(1.5 * height), height))
        write_dng(photo, folder / f"{name}.dng", name)


def _endless(
    sources: Sequence[Source], config: Config, folder: Path, workers: int
) -> tuple[dict[str, Any], list[Parts]]:
    """An epoch of the stream."""
    source = RawSource(Workspace(folder / "out"), config, sources, workers)
    try:
        for one in range(workers):  # each worker loads its models
            source.workers.make(sources[one % len(sources)], source.placed[:1]).result()
        children = psutil.Process().children()
        cpu, wall = _cpu(children), time.perf_counter()
        futures = (future for _, future in source.begin(0, lambda position: True))
        made = [future.result() for future in islice(futures, source.images)]
        for parts in made:
            parse_sample(parts.text, parts.image)
        return _row(len(made), _cpu(children) - cpu, time.perf_counter() - wall), made
    finally:
        source.close()


def _cpu(children: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in (psutil.Process(), *children)]
    return float(sum(one.user + one.system for one in times))


def _write(path: Path, made: Sequence[Parts]) -> None:
    with tarfile.open(path, "w") as tar:
        for parts in sorted(made):
            for kind, content in (("jpg", parts.image), ("json", parts.text)):
                member = tarfile.TarInfo(f"{parts.rendering_id}.{kind}")
                member.size = len(content)
                tar.addfile(member, BytesIO(content))


def _reading(path: Path) -> dict[str, Any]:
    """Samples read by their places, in a shuffled order, as a training reads them."""
    with tarfile.open(path) as tar:
        places = [(member.offset_data, member.size) for member in tar]
    pairs = list(zip(places[::2], places[1::2], strict=True))
    order = generator("bench endless").permutation(len(pairs) * READS) % len(pairs)
    cpu, wall = time.process_time(), time.perf_counter()
    for n in order:
        with path.open("rb") as file:
            image, text = (os.pread(file.fileno(), size, at) for at, size in pairs[n])
        parse_sample(text, image)
    return _row(len(order), time.process_time() - cpu, time.perf_counter() - wall)


def _row(samples: int, cpu: float, wall: float) -> dict[str, Any]:
    return {"a_second": round(samples / wall, 1), "cpu_s_each": float(f"{cpu / samples:.3g}")}
