"""What a rendering costs: ours for a whole scene beside one converter call a rendering, same run.

CPU seconds, children included. Every peer starts from the same file and ends in a JPEG of the same
size; the floor is what any renderer must do: a shared development, then for every rendering one
table look-up and one JPEG encode. Peers that are not installed are left out and named.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rawpy

from isp.development.recipes import REFERENCE, Recipe, recipes
from isp.development.renderer import develop
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig
from manifests.files import sha256_of_file
from manifests.images import encode_image, fitted_size
from manifests.process.memory import keep_freed_memory

_REPEATS = 5  # of a peer's single rendering
_QUALITY = 95


def rows(raw: Path | None = None, config: RenderConfig | None = None) -> list[dict[str, Any]]:
    """One row a way of rendering: name, CPU seconds a rendering, and how many times ours that is.

    Args:
        raw: the file; without one, a 2-megapixel DNG made from a bundled photograph.
        config: what ours renders with; the size is everybody's.
    """
    cv2.setNumThreads(1)
    keep_freed_memory()
    config = config or RenderConfig()
    with tempfile.TemporaryDirectory() as folder:
        path = raw or _bundled_dng(Path(folder))
        ours = _ours(path, config)
        peers = _peers(path, config, Path(folder))
        return [
            _row(name, seconds, ours["whole scene"]) for name, seconds in (ours | peers).items()
        ]


def _row(name: str, seconds: float | None, ours: float) -> dict[str, Any]:
    if seconds is None:
        return {"what": name, "cpu_s": None, "times_ours": None}
    return {"what": name, "cpu_s": round(seconds, 4), "times_ours": round(seconds / ours, 1)}


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process and its children while `work` runs."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[i] - before[i] for i in range(4))


def _ours(path: Path, config: RenderConfig) -> dict[str, float]:
    sha256, scene = sha256_of_file(path), recipes(config)

    def seconds(these: Sequence[Recipe]) -> float:
        def work() -> None:
            for _ in develop(path, sha256, these, config, 0)[1]:
                pass

        return cpu_seconds(work)

    seconds([REFERENCE])  # imports and tables are paid once a worker
    shared = [r for r in scene if r.distortion != "noise"]
    whole, without_noise, reference = seconds(scene), seconds(shared), seconds([REFERENCE])
    hundred = len(shared) - 1
    return {
        "whole scene": whole / len(scene),
        "the 100 that share a demosaicing": (without_noise - reference) / hundred,
        "the 20 noise renderings": (whole - without_noise) / 20,
        "floor of the 100: table look-up and JPEG": _floor(path, config),
    }


def _floor(path: Path, config: RenderConfig) -> float:
    _, images = develop(path, "", [REFERENCE], replace(config, format="png"), 0)
    content = next(images).content
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    linear = picture.astype(np.uint16) * 257
    table = (np.arange(65536) // 257).astype(np.uint8)

    def work() -> None:
        for _ in range(20):
            encode_image(cv2.LUT(linear, table), "jpg", _QUALITY)

    return cpu_seconds(work) / 20


def _peers(path: Path, config: RenderConfig, folder: Path) -> dict[str, float | None]:
    width, height = fitted_size(*_size(path), config.long_edge)
    rawpy_s = _repeated(lambda: rawpy_rendering(path, (width, height), folder / "peer.jpg"))
    peers: dict[str, float | None] = {
        "rawpy.postprocess (AHD) and cv2, one decode a rendering": rawpy_s
    }
    return peers | converters(path, (width, height), folder)


def converters(
    path: Path, size: tuple[int, int], folder: Path, repeats: int = _REPEATS
) -> dict[str, float | None]:
    """CPU seconds of one rendering by each converter's command; None where there is none."""
    target, (width, height) = folder / "peer.jpg", size
    commands: dict[str, list[str]] = {
        "rawtherapee-cli": [
            "rawtherapee-cli", "-Y", "-o", str(target), "-d", "-s",
            "-p", str(_resize_profile(folder, width, height)), f"-j{_QUALITY}", "-js3",
            "-c", str(path),
        ],
        "darktable-cli": [
            "darktable-cli", str(path), str(target), "--width", str(width),
            "--height", str(height), "--core", "--configdir", str(folder / "darktable"),
            "--library", ":memory:", "--conf", f"plugins/imageio/format/jpeg/quality={_QUALITY}",
        ],
    }  # fmt: skip
    return {
        name: _command(command, target, repeats) if shutil.which(name) else None
        for name, command in commands.items()
    }


def _size(path: Path) -> tuple[int, int]:
    with rawpy.imread(str(path)) as raw:
        return int(raw.sizes.iwidth), int(raw.sizes.iheight)


def rawpy_rendering(path: Path, size: tuple[int, int], target: Path) -> None:
    """Do what a user of rawpy would: develop, shrink to `size` (width, height), write a JPEG."""
    with rawpy.imread(str(path)) as raw:
        picture = raw.postprocess(use_camera_wb=True, no_auto_bright=True)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])


def _resize_profile(folder: Path, width: int, height: int) -> Path:
    profile = folder / "resize.pp3"
    profile.write_text(
        "[Resize]\nEnabled=true\nScale=1\nAppliesTo=Cropped area\nMethod=Lanczos\n"
        f"DataSpecified=3\nWidth={width}\nHeight={height}\nAllowUpscaling=false\n"
    )
    return profile


def _command(command: list[str], target: Path, repeats: int) -> float | None:
    def work() -> None:
        target.unlink(missing_ok=True)
        subprocess.run(command, capture_output=True, check=True, timeout=300)

    try:
        return _repeated(work, repeats)
    except (subprocess.SubprocessError, OSError):
        return None


def _repeated(work: Callable[[], object], repeats: int = _REPEATS) -> float:
    work()  # caches, first-run databases
    return cpu_seconds(lambda: [work() for _ in range(repeats)]) / repeats


def _bundled_dng(folder: Path) -> Path:
    photo = cv2.resize(bundled()["retina"](), (1732, 1154), interpolation=cv2.INTER_CUBIC)
    path = folder / "bench.dng"
    write_dng(photo, path, "bench")
    return path
