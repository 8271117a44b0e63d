"""Damaged RAW files through the code of the stage `render`: what comes of each.

cut: the end is missing. appended: random bytes follow. enlarged: a TIFF's directories claim up to
16 times the pixels. flipped: 1 to 8 random bits. zeroed: a run of bytes is zero, as an interrupted
copy leaves it. Everything is drawn from the seed.

A file that was cut or enlarged must be refused, or give the whole file's picture to the last bit:
`silent` counts those that did neither. Bits that flip, or bytes that are zeroed, inside pixels that
carry no checksum make another picture of another sha256, which nobody can tell from a true one:
`changed` counts them.
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

import numpy as np
import tifffile
from pebble import ProcessExpired, ProcessPool

from isp.development.recipes import REFERENCE
from isp.development.renderer import develop
from manifests.chance import generator
from manifests.config import RenderConfig
from manifests.errors import SceneError

KINDS = ("cut", "appended", "enlarged", "flipped", "zeroed")
_MUST_NOT_CHANGE = ("cut", "appended", "enlarged")
_LIMIT_S, _LIMIT_BYTES = 120, 4 * 2**30  # of one file
_CONFIG = RenderConfig(long_edge=128, tone="neutral", lens=False)


@dataclass(frozen=True)
class Damaged:
    """One damaged file and what came of it: identical, changed, or why there is no picture."""

    source: str
    kind: str
    number: int
    outcome: str


def rows(raws: Sequence[Path], count: int, seed: int = 0) -> list[dict[str, Any]]:
    """One row a kind: how many files, identical, refused by reason, changed, silent, and faults.

    faults: tracebacks, crashes, and what passed the limits of time (120 s) and memory (4 GiB).
    """
    found = list(torture(raws, count, seed))
    return [_row(kind, [one for one in found if one.kind == kind]) for kind in KINDS]


def _row(kind: str, found: Sequence[Damaged]) -> dict[str, Any]:
    outcomes = Counter(one.outcome for one in found)
    changed = outcomes.pop("changed", 0)
    faults = sum(n for outcome, n in outcomes.items() if outcome.startswith("fault"))
    refused = {key: n for key, n in sorted(outcomes.items()) if key.startswith("refused")}
    return {
        "damage": kind,
        "files": len(found),
        "identical": outcomes["identical"],
        **refused,
        "changed": changed,
        "silent": changed if kind in _MUST_NOT_CHANGE else 0,
        "faults": faults,
    }


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
        for bit in draw.integers(0, 8 * len(content), int(draw.integers(1, 9))):
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
    """sha256 of the reference, or `refused: {reason}`."""
    try:
        _, images = develop(path, "torture", [REFERENCE], _CONFIG, 0)
        return hashlib.sha256(next(images).content).hexdigest()
    except SceneError as error:
        return f"refused: {error.reason}"
