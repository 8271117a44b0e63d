"""What a scene costs by the size of its file and of its renderings, each in a process of its own.

DNGs are made from a bundled photograph, enlarged. CPU seconds; the peak is the process's resident
memory. The peers are those of bench_renderings.py, one rendering each.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from isp.development.recipes import recipes
from isp.development.renderer import develop
from isp.tools.bench_renderings import converters, cpu_seconds, rawpy_rendering
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig
from manifests.files import sha256_of_file
from manifests.images import fitted_size
from manifests.process.memory import keep_freed_memory, peak_mib

MEGAPIXELS = (2, 4, 8, 16, 24)
LONG_EDGES = (512, 1024, 2048)
_NOISE_LEVELS = (1, 20)  # that are demosaiced each, to compare


def rows(
    megapixels: Sequence[float] = MEGAPIXELS, long_edges: Sequence[int] = LONG_EDGES
) -> Iterator[dict[str, Any]]:
    """One row a size of file and of rendering, as each is measured."""
    with tempfile.TemporaryDirectory() as folder:
        for size in megapixels:
            path = _file(Path(folder), size)
            for edge in long_edges:
                yield {"megapixels": size, "long_edge": edge} | _alone(path, edge)
            path.unlink()


def _file(folder: Path, megapixels: float) -> Path:
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    photo = cv2.resize(bundled()["retina"](), (round(1.5 * height), height))
    path = folder / f"bench{megapixels:g}.dng"
    write_dng(photo, path, "bench")
    return path


def _alone(path: Path, edge: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        scene = pool.submit(_scene, path, RenderConfig(long_edge=edge)).result()
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return scene | pool.submit(_peers, path, edge).result()


def _scene(path: Path, config: RenderConfig) -> dict[str, Any]:
    cv2.setNumThreads(1)
    keep_freed_memory()
    begun, noise = time.process_time(), []
    last = begun
    for image in develop(path, sha256_of_file(path), recipes(config), config, 0)[1]:
        now = time.process_time()
        if image.recipe.distortion == "noise":
            noise.append(now - last)
        last = now
    return {
        "scene_cpu_s": round(last - begun, 2),
        "noise_cpu_s": round(sorted(noise)[len(noise) // 2], 3),
        "peak_mib": peak_mib(),
    }


def _peers(path: Path, edge: int) -> dict[str, Any]:
    cv2.setNumThreads(1)
    keep_freed_memory()
    config = RenderConfig(long_edge=edge, noise="demosaiced")
    wanted = [r for r in recipes(config) if r.distortion == "none"]
    some = [r for r in recipes(config) if r.distortion == "noise" and r.level in _NOISE_LEVELS]

    def seconds(count: int) -> float:
        images = develop(path, "", [*wanted, *some[:count]], config, 0)[1]
        return cpu_seconds(lambda: [None for _ in images])

    seconds(0)
    demosaiced = (seconds(len(some)) - seconds(0)) / len(some)
    height_of = round((path.stat().st_size / 2 / 1.5) ** 0.5)
    size = fitted_size(round(1.5 * height_of), height_of, edge)
    with tempfile.TemporaryDirectory() as folder:
        peer = cpu_seconds(lambda: rawpy_rendering(path, size, Path(folder) / "peer.jpg"))
        others = converters(path, size, Path(folder), repeats=1)
    found = {name: None if s is None else round(s, 3) for name, s in others.items()}
    return {"noise_demosaiced_cpu_s": round(demosaiced, 3), "rawpy_cpu_s": round(peer, 3)} | found
