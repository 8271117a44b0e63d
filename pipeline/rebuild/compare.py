"""What of a rebuilt dataset is identical, and by how much the rest is not.

A recipe has no pixels to compare with. From its sketches the mean squared error is estimated,
within 18 %: under 1 dB of PSNR. Whoever has the pixels too (`against`) gets it exactly, and the
largest difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manifests.files import sha256_of
from manifests.images import read_image
from manifests.records import Rendering
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.release.sketches import Sketch, mean_squared_error, sketch


@dataclass(frozen=True)
class Difference:
    """One rendering whose bytes are not those of the recipe.

    psnr: dB over 8-bit RGB; infinite for the same pixels in other bytes. largest: in 8-bit steps;
    None where only a sketch is known, and `psnr` is then an estimate.
    """

    rendering_id: str
    psnr: float
    largest: int | None


@dataclass(frozen=True)
class Comparison:
    """One scene's renderings that are the recipe's byte for byte, and those that are not."""

    scene_id: str
    identical: int
    differing: tuple[Difference, ...]
    absent: tuple[str, ...]


def compare_scene(
    key: str, recipe: Workspace, made: Workspace, against: Workspace | None
) -> Comparison:
    """Compare a scene's renderings in `made` with the recipe's rows."""
    wanted = read_records(recipe.table_file("renderings", key), Rendering)
    there = {r.rendering_id: r for r in read_records(made.table_file("renderings", key), Rendering)}
    changed = [
        row
        for row in wanted
        if row.rendering_id in there and there[row.rendering_id].sha256 != row.sha256
    ]
    absent = tuple(row.rendering_id for row in wanted if row.rendering_id not in there)
    sketches = _sketches(recipe, key) if changed and against is None else {}
    differing = tuple(
        _exact(row, made.root / there[row.rendering_id].path, against)
        if against
        else _estimate(sketches[row.rendering_id], made.root / there[row.rendering_id].path)
        for row in changed
    )
    return Comparison(key, len(wanted) - len(changed) - len(absent), differing, absent)


def _sketches(recipe: Workspace, key: str) -> dict[str, Sketch]:
    return {s.rendering_id: s for s in read_records(recipe.table_file("sketches", key), Sketch)}


def _estimate(known: Sketch, path: Path) -> Difference:
    image = read_image(path)
    if sha256_of(image.tobytes()) == known.pixels_sha256:
        return Difference(known.rendering_id, math.inf, 0)
    error = mean_squared_error(np.array(known.sums), sketch(image), image.size)
    return Difference(known.rendering_id, psnr(error), None)


def _exact(row: Rendering, path: Path, against: Workspace) -> Difference:
    ours, theirs = (read_image(p).astype(np.int16) for p in (path, against.root / row.path))
    if ours.shape != theirs.shape:
        return Difference(row.rendering_id, 0.0, 255)
    difference = np.abs(ours - theirs)
    error = float((difference.astype(np.float64) ** 2).mean())
    return Difference(row.rendering_id, psnr(error), int(difference.max()))


def psnr(mean_squared: float) -> float:
    """Return 10 log10(255^2 / MSE), dB; infinite for 0."""
    return 10 * math.log10(255**2 / mean_squared) if mean_squared else math.inf


def summary(comparisons: Sequence[Comparison]) -> list[str]:
    """Say it in a few lines, the worst distortions first."""
    identical = sum(one.identical for one in comparisons)
    differing = [d for one in comparisons for d in one.differing]
    absent = sum(len(one.absent) for one in comparisons)
    lines = [f"{identical:,} renderings identical, {len(differing):,} not, {absent:,} not made"]
    by_kind: dict[str, list[Difference]] = {}
    for difference in differing:
        kind = difference.rendering_id.rpartition("_ref")[0] and "reference"
        kind = kind or difference.rendering_id.split("_")[-2]
        by_kind.setdefault(kind, []).append(difference)
    for kind, found in sorted(by_kind.items(), key=lambda item: min(d.psnr for d in item[1])):
        lowest = min(found, key=lambda d: d.psnr)
        largest = [d.largest for d in found if d.largest is not None]
        text = f"{kind}: {len(found)} differ, PSNR {lowest.psnr:.1f} dB or more"
        known = len(largest) == len(found)
        lines.append(
            f"{text}, largest difference {max(largest)}" if known else f"{text} (estimated)"
        )
    return lines
