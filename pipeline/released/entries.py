"""ROIs and scores out of the released JSON files, by what is in an object and not by its place.

The files' nesting is not documented. An object that holds run lengths is a ROI; one that holds a
quality is a score. Which image and `Type_k` it is of is said by a key above it or a string in it or
around it; what else stands in its path names the ROI. What fits nothing is counted by its shape.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.released.json_walk import Entry, entries
from pipeline.released.released_layout import IMAGES, Folder, folder_named

_COUNTS = ("counts", "rle")
_QUALITY = ("quality", "quality_score", "roi_quality", "roi_quality_score", "score")
_IMPORTANCE = ("importance", "importance_score", "roi_importance", "roi_importance_score")
_DISTORTION = ("distortion_label", "distortion", "distortion_type", "degradation")
_CLASS = ("semantic", "class_name", "category", "name", "label")
_ROI = ("roi_id", "mask_id", "roi")
_CONTAINERS = frozenset(
    {"rois", "regions", "masks", "annotations", "images", "scores", "labels", "data", "mask",
     "segmentation", "segmentation_mask", "rle"}
)  # fmt: skip


@dataclass(frozen=True)
class Region:
    """One ROI as released. counts: COCO's, a string or a list; size: (height, width) if given."""

    image: str
    key: str
    counts: str | list[int]
    size: tuple[int, int] | None
    class_name: str | None
    semantic: bool  # whether it is called so, or has a class


@dataclass(frozen=True)
class Score:
    """What is said of one ROI in one image of a folder; folder None: of the reference."""

    image: str
    folder: Folder | None
    key: str
    quality: float
    importance: float | None
    distortion: str | None


@dataclass
class Misfits:
    """Objects that were taken for nothing, by shape, with an example; and other notes."""

    shapes: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, file: Path, entry: Entry, images: Collection[str]) -> None:
        """Count an object that holds values and is nothing known."""
        parts = [_shape_of(part, images) for part in entry.path]
        shape = f"{file.name}: {'/'.join(parts) or '.'} {{{', '.join(sorted(entry.values))[:80]}}}"
        self.shapes[shape] += 1
        self.examples.setdefault(shape, "/".join(map(str, entry.path)))


def _shape_of(part: str | int, images: Collection[str]) -> str:
    if isinstance(part, int) or part.isdigit():
        return "#"
    if folder_named(part):
        return "{Type_k}"
    return "{id}" if PurePosixPath(part).stem in images else part


def read_regions(path: Path, images: Collection[str], misfits: Misfits) -> Iterator[Region]:
    """Yield the ROIs of a file; an object around a mask lends it its class."""
    held: Entry | None = None  # a mask whose surrounding object has not ended
    for entry in entries(path):
        if held and entry.path == held.path[:-1] and not _counts(entry):
            merged = Entry(entry.path, entry.values | _mask_values(held), entry.around)
            yield from _region(path, merged, images, misfits)
            held = None
            continue
        if held and entry.path[: len(held.path) - 1] != held.path[:-1]:
            yield from _region(path, held, images, misfits)
            held = None
        if _counts(entry):
            if held:
                yield from _region(path, held, images, misfits)
            held = entry
        elif entry.values and held is None:
            misfits.add(path, entry, images)
    if held:
        yield from _region(path, held, images, misfits)


def _counts(entry: Entry) -> str | list[int] | None:
    for name in _COUNTS:
        value = entry.values.get(name)
        if isinstance(value, str | list) and value:
            return value
    return None


def _mask_values(entry: Entry) -> dict[str, Any]:
    return {name: entry.values[name] for name in (*_COUNTS, "size") if name in entry.values}


def _region(
    path: Path, entry: Entry, images: Collection[str], misfits: Misfits
) -> Iterator[Region]:
    place = _place(entry, images)
    counts = _counts(entry)
    if place is None or counts is None:
        misfits.add(path, entry, images)
        return
    image, _, key = place
    size = entry.values.get("size")
    given = (int(size[0]), int(size[1])) if isinstance(size, list) and len(size) == 2 else None
    name = next((entry.values[n] for n in _CLASS if isinstance(entry.values.get(n), str)), None)
    words = {str(part).lower() for part in entry.path}
    semantic = bool(words & {"semantic", "object", "objects"})
    semantic = semantic or (name is not None and not words & {"component", "components"})
    yield Region(image, key, counts, given, name, semantic)


def read_scores(path: Path, images: Collection[str], misfits: Misfits) -> Iterator[Score]:
    """Yield the scores of a file: one an object, or lists with a value a ROI."""
    for entry in entries(path):
        quality = _first(entry.values, _QUALITY)
        place = _place(entry, images) if quality is not None else None
        if place is None:
            if any(not isinstance(value, str) for value in entry.values.values()):
                misfits.add(path, entry, images)
            continue
        image, folder, key = place
        importance = _first(entry.values, _IMPORTANCE)
        said = _first(entry.values, _DISTORTION)
        if isinstance(quality, list):
            each = importance if isinstance(importance, list) else [None] * len(quality)
            for number, (one, other) in enumerate(zip(quality, each, strict=False)):
                yield Score(image, folder, _joined(key, str(number)), one, other, None)
        elif isinstance(quality, int | float):
            weight = float(importance) if isinstance(importance, int | float) else None
            word = said if isinstance(said, str) else None
            yield Score(image, folder, key, float(quality), weight, word)


def _first(values: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((values[name] for name in names if name in values), None)


def _place(entry: Entry, images: Collection[str]) -> tuple[str, Folder | None, str] | None:
    """Image, folder and ROI of an object; None when no image of the release is named."""
    image, folder, after = "", None, 0
    named = [(depth + 1, part) for depth, part in enumerate(entry.path) if isinstance(part, str)]
    told = [(depth, value) for depth, _, value in entry.around]
    inside = [(len(entry.path), v) for v in entry.values.values() if isinstance(v, str)]
    for depth, text in [*named, *told, *inside]:
        for piece in text.split("/") if len(text) < 200 else ():
            found = folder_named(piece)
            bare = PurePosixPath(piece).stem if piece.lower().endswith(IMAGES) else piece
            if found:
                folder, after = found, max(after, depth)
            elif bare in images and not image:
                image, after = bare, max(after, depth)
    if not image:
        return None
    explicit = next((entry.values[name] for name in _ROI if name in entry.values), None)
    rest = [str(part) for part in entry.path[after:]]
    if folder is None or after < len(entry.path):
        rest = [part for part in rest if part.lower() not in _CONTAINERS]
    between = _between(entry, images, after)
    key = str(explicit) if explicit is not None else _joined(*between, *rest)
    return image, folder, key


def _between(entry: Entry, images: Collection[str], after: int) -> list[str]:
    """What names a ROI between the image's key and the folder's: `id/semantic/3/Blur_0`."""
    seen, parts = False, []
    for part in entry.path[:after]:
        text = str(part)
        if PurePosixPath(text).stem in images:
            seen = True
        elif seen and not folder_named(text) and text.lower() not in _CONTAINERS:
            parts.append(text)
    return parts


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
