"""One sample of the shards, as records: a rendering with all its ROIs and what is said of them.

In a tar it is `{rendering_id}.{jpg|png}` and `{rendering_id}.json`. The text holds the keys
rendering_id, scene_id, dataset, rendering, rois, labels and scores; `rois` are those labelled. No
value is null: an unknown text is "", an unknown number -1.
"""

import functools
import json
import tarfile
from collections.abc import Callable, Hashable, Iterator, Mapping, Set
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar, cast, get_args, get_origin, get_type_hints

import numpy as np

from manifests.errors import SeagullError
from manifests.images import decode_image
from manifests.ratings import Opinion
from manifests.records import Label, Rendering, Roi
from manifests.tables import from_row

T = TypeVar("T")
NO_NUMBER = -1.0  # scores, IoU, stability and severities are 0 or more
RATED = "seagull-3k"  # the dataset whose labels are people's opinions


@dataclass(frozen=True)
class Sample:
    """A rendering, undecoded, its ROIs, their labels (the dataset's) and other scorers' scores."""

    dataset: str  # seagull-100w | seagull-3k
    image: bytes
    rendering: Rendering
    rois: tuple[Roi, ...]
    labels: tuple[Label | Opinion, ...]
    scores: tuple[Label, ...]

    @property
    def rendering_id(self) -> str:
        """The rendering's key."""
        return self.rendering.rendering_id

    def pixels(self) -> np.ndarray:
        """Decode the image: uint8 HxWx3 RGB, sRGB-encoded."""
        return decode_image(self.image, self.rendering.rendering_id)


def without_nulls(record: Any) -> dict[str, Any]:
    """Return a record as plain values of the same types in every sample.

    JSON's null has no type, and readers that infer types from the first samples (Hugging Face
    `datasets`) break at the first value that is none: an unknown text is "", an unknown number -1.
    """
    row = dict(vars(record))
    record_class: Any = type(record)
    for name, hint in _may_be_null(record_class):
        row[name] = _typed(row[name], hint)
    return row


@functools.cache
def _may_be_null(record: Any) -> tuple[tuple[str, Any], ...]:
    """The fields that may be, or hold, None, with their types."""
    return tuple((n, hint) for n, hint in get_type_hints(record).items() if "None" in str(hint))


def _typed(value: Any, hint: Any) -> Any:
    if value is None:
        return "" if str in get_args(hint) else NO_NUMBER
    if isinstance(value, dict):
        return {key: _typed(inside, get_args(hint)[1]) for key, inside in value.items()}
    return value


def with_nulls(row: Mapping[str, Any], record: type[T]) -> T:
    """Make the record that `without_nulls` wrote; SeagullError when the row is none of its."""
    names, converters = _converters(cast(Hashable, record))
    if row.keys() != names:
        return from_row(row, record)  # which says what is wrong
    values = dict(row)
    for name, convert in converters:
        values[name] = convert(values[name])
    return record(**values)


@functools.cache
def _converters(record: Any) -> tuple[Set[str], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """The record's fields, and how those are read whose JSON is not the value itself."""
    hints = get_type_hints(record)
    read = ((name, _converter(hint)) for name, hint in hints.items())
    return set(hints), tuple((name, convert) for name, convert in read if convert)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    if get_origin(hint) is tuple:
        return tuple
    if get_origin(hint) is dict:
        inside = _converter(get_args(hint)[1]) or _same
        return lambda values: {key: inside(value) for key, value in values.items()}
    if type(None) in get_args(hint):
        return lambda value: None if value in ("", NO_NUMBER) else value
    return None


def _same(value: Any) -> Any:
    return value


def parse_sample(text: bytes | str, image: bytes) -> Sample:
    """Make a sample from its JSON and its image file.

    Raises:
        SeagullError: the text is no sample's.
    """
    try:
        row: Mapping[str, Any] = json.loads(text)
        label: type[Label] | type[Opinion] = Opinion if row["dataset"] == RATED else Label
        return Sample(
            dataset=row["dataset"],
            image=image,
            rendering=with_nulls(row["rendering"], Rendering),
            rois=tuple(with_nulls(roi, Roi) for roi in row["rois"]),
            labels=tuple(with_nulls(one, label) for one in row["labels"]),
            scores=tuple(with_nulls(one, Label) for one in row["scores"]),
        )
    except (ValueError, KeyError, TypeError, SeagullError) as error:
        raise SeagullError(f"no sample of this version ({error}); run `make shards`") from error


def read_samples(tar: Path) -> Iterator[Sample]:
    """Read the samples of one shard, in its order; for shuffling and workers see webdataset.

    Raises:
        SeagullError: the file is no whole shard.
    """
    parts: dict[str, bytes] = {}
    try:
        with tarfile.open(tar) as archive:
            for member in archive:
                key, _, kind = member.name.partition(".")
                file = archive.extractfile(member)
                parts[f"{key}.{'json' if kind == 'json' else 'image'}"] = (
                    file.read() if file else b""
                )
                if len(parts) == 2:
                    yield parse_sample(parts.pop(f"{key}.json"), parts.pop(f"{key}.image"))
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:
        raise SeagullError(f"{tar} is no whole shard ({error}); run `make shards`") from error


class Parts(NamedTuple):
    """A sample as it lies in a tar: its key, its image file, its JSON."""

    rendering_id: str
    image: bytes
    text: bytes


class SampleSource(Protocol):
    """Samples that lie in no tar: they are made when they are asked for.

    The n-th of its endless stream is the same whoever asks for it, when, and how many make it.
    """

    identity: str  # fingerprint of all that makes them
    card: Mapping[str, Any]  # what shards/dataset.json would say; counts of the samples by split
    images: int  # of one epoch of training
    failed: Mapping[str, Exception]  # scenes in whose place others stand, and why

    def begin(self, start: int, mine: Callable[[int], bool]) -> Iterator[tuple[int, Future[Parts]]]:
        """The positions of the stream from `start` on that are `mine`, each with its sample."""

    def in_order(self, split: str, wanted: Callable[[str], bool]) -> Iterator[Parts]:
        """Every sample of a split once, scene by scene, whose rendering_id is `wanted`."""

    def close(self) -> None:
        """Stop what makes them."""
