"""Damaged RAW files through the code of the stage `render`: what comes of each.

cut: the end is missing. appended: random bytes follow. enlarged: a TIFF's directories claim up to
16 times the pixels. flipped: 1 to 8 random bits, half of the time in the
first 4 KiB. zeroed: a run of bytes is zero, as an interrupted copy leaves it. All is drawn from the
seed.

A file that was cut, appended to or enlarged must be refused, or give the whole file's picture to
the last bit. Bits that flip, or bytes that are zeroed, inside pixels that carry no checksum make
another picture of another sha256, which nobody can tell from a true one: they are only counted.
"""

import hashlib
import resource
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from pebble import ProcessExpired, ProcessPool

from isp.development.recipes import recipes
from isp.development.renderer import develop
from isp.tools.lossy_dng import write_lossy_dng
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.chance import generator
from manifests.config import RenderConfig
from manifests.errors import SceneError

KINDS = ("cut", "appended", "enlarged", "flipped", "zeroed")
_MUST_NOT_CHANGE = ("cut", "appended", "enlarged")
_LIMIT_S, _LIMIT_BYTES = 120, 4 * 2**30  # of one file
_RENDERED = (("none", 0), ("noise", 20))  # the reference, and what the mosaic's noise needs
_HEADER = 4096  # bytes in which half of the flips fall: tags matter more than pixels
_CONFIG = RenderConfig(long_edge=128, tone="neutral", lens=False)


@dataclass(frozen=True)
class Damaged:
    """One damaged file and what came of it: identical, changed, or why there is no picture."""

    source: str
    kind: str
    number: int
    outcome: str


def rows(short: bool) -> Iterator[dict[str, Any]]:
    """Promises over damaged files of a Bayer DNG and of DNGs with JPEG strips and tiles."""
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as folder:
        found = list(torture(_raws(Path(folder)), 60 if short else 1000))
    whole = [one for one in found if one.kind in _MUST_NOT_CHANGE]
    others = [one for one in found if one.kind not in _MUST_NOT_CHANGE]
    changed = sum(one.outcome == "changed" for one in others)
    yield {
        "promise": "a RAW file that is cut, or claims more than it holds, is refused or whole",
        "trials": len(whole),
        "held": sum(one.outcome != "changed" for one in whole),
        "note": _counts(whole),
    }
    yield {
        "promise": "a damaged RAW file costs its own scene: no crash, traceback, hang, 4 GiB",
        "trials": len(found),
        "held": sum(not one.outcome.startswith("fault") for one in found),
        "note": f"not promised: {changed} of {len(others)} with flipped or zeroed bytes are another"
        " picture, of another sha256",
    }


def _counts(found: Sequence[Damaged]) -> str:
    outcomes = Counter(one.outcome for one in found)
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))


def _raws(folder: Path) -> list[Path]:
    """Small RAW files of three layouts, made from a photograph."""
    small = cv2.resize(bundled()["rocket"](), (192, 128), interpolation=cv2.INTER_AREA)
    paths = [folder / name for name in ("bayer.dng", "strips.dng", "tiles.dng")]
    write_dng(small, paths[0], "rocket")
    write_lossy_dng(small, paths[1])
    write_lossy_dng(small, paths[2], tile=64)
    return paths


def counts_by_kind(found: Sequence[Damaged]) -> dict[str, Counter[str]]:
    """How often each outcome came of each kind of damage."""
    return {kind: Counter(one.outcome for one in found if one.kind == kind) for kind in KINDS}


def torture(raws: Sequence[Path], count: int, seed: int = 0) -> Iterator[Damaged]:
    """`count` damaged files, the kinds and the RAW files taken in turns."""
    whole: dict[Path, str] = {}
    with tempfile.TemporaryDirectory(prefix="seagull-torture-") as folder, _pool() as pool:
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            raw = raws[number // len(KINDS) % len(raws)]
            if raw not in whole:
                whole[raw] = _outcome(pool, raw)
            path = Path(folder) / f"{number}{raw.suffix}"
            path.write_bytes(damage(raw, kind, generator("torture", kind, number, seed)))
            outcome = _outcome(pool, path)
            path.unlink()
            if not outcome.startswith(("refused", "fault")):
                outcome = "identical" if outcome == whole[raw] else "changed"
            yield Damaged(raw.name, kind, number, outcome)


def damage(raw: Path, kind: str, draw: np.random.Generator) -> bytes:
    """The file's bytes, damaged."""
    content = bytearray(raw.read_bytes())
    if kind == "cut":
        return bytes(content[: int(draw.integers(1, len(content)))])
    if kind == "appended":
        return bytes(content) + draw.bytes(int(draw.integers(1, 4096)))
    if kind == "enlarged":
        return _enlarged(raw, content, draw)
    if kind == "flipped":
        reach = len(content) if draw.random() < 0.5 else min(len(content), _HEADER)
        for bit in draw.integers(0, 8 * reach, int(draw.integers(1, 9))):
            content[bit // 8] ^= 1 << bit % 8
        return bytes(content)
    first, last = sorted(draw.integers(0, len(content), 2))
    content[first:last] = bytes(last - first)
    return bytes(content)


def _enlarged(raw: Path, content: bytearray, draw: np.random.Generator) -> bytes:
    """Every width or length (tags 256, 257) times 1 to 4; other containers as they are."""
    try:
        with tifffile.TiffFile(raw) as tiff:
            pages = [page for first in tiff.pages for page in (first, *(first.pages or ()))]
            for tag in (page.tags[code] for page in pages for code in (256, 257)):
                larger = int(tag.value * draw.uniform(1, 4)) + 1
                size = 2 if tag.dtype == 3 else 4
                order = "little" if tiff.byteorder == "<" else "big"
                value = min(larger, 2 ** (8 * size) - 1).to_bytes(size, order)
                content[tag.valueoffset : tag.valueoffset + size] = value
    except (tifffile.TiffFileError, KeyError):
        return bytes(content)
    return bytes(content)


def _pool() -> ProcessPool:
    return ProcessPool(max_workers=1, initializer=_limit, context=get_context("spawn"))


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_LIMIT_BYTES, _LIMIT_BYTES))


def _outcome(pool: ProcessPool, path: Path) -> str:
    try:
        return str(pool.schedule(_picture, args=[path], timeout=_LIMIT_S).result())
    except FutureTimeout:
        return "fault: time"
    except ProcessExpired as error:
        return f"fault: died ({error.exitcode})"
    except MemoryError:
        return "fault: memory"
    except Exception as error:
        return f"fault: {type(error).__name__}: {error}"


def _picture(path: Path) -> str:
    """sha256 of the reference and the noisiest rendering, or `refused: {reason}`."""
    some = [one for one in recipes(_CONFIG) if (one.distortion, one.level) in _RENDERED]
    try:
        _, images = develop(path, "torture", some, _CONFIG, 0)
        return hashlib.sha256(b"".join(image.content for image in images)).hexdigest()
    except SceneError as error:
        return f"refused: {error.reason}"
