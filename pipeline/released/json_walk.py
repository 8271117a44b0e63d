"""A large JSON file object by object, whatever its nesting, in memory of its depth alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson

from manifests.errors import SeagullError

_LONGEST_LIST = 1_000_000  # numbers: an uncompressed RLE is one


@dataclass(frozen=True)
class Entry:
    """One JSON object when it ends.

    path: keys and list places from the root to it. values: its own strings, numbers and lists of
    them. around: (depth, key, value) of the strings that stood before it in what it lies in.
    """

    path: tuple[str | int, ...]
    values: dict[str, Any]
    around: tuple[tuple[int, str, str], ...]


@dataclass
class _Frame:
    is_map: bool
    place: str | int  # its own key in the frame it lies in
    key: str | int = 0  # of the child to come
    values: dict[str, Any] = field(default_factory=dict)
    items: list[Any] | None = field(default_factory=list)  # of a list; None: not of plain values


def entries(path: Path) -> Iterator[Entry]:
    """Yield every object, inner ones first.

    Raises:
        SeagullError: the file cannot be read, or is no JSON.
    """
    frames: list[_Frame] = []
    try:
        with path.open("rb") as file:
            for event, value in ijson.basic_parse(file, use_float=True):
                entry = _take(frames, event, value)
                if entry is not None:
                    yield entry
    except (ijson.JSONError, OSError, UnicodeDecodeError) as error:
        raise SeagullError(f"{path} is no whole JSON file: {error}") from error


def _take(frames: list[_Frame], event: str, value: Any) -> Entry | None:
    if event == "map_key":
        frames[-1].key = value
    elif event in ("start_map", "start_array"):
        frames.append(_Frame(event == "start_map", _next_key(frames)))
    elif event == "end_map":
        entry = _entry(frames)
        frames.pop()
        _not_plain(frames)
        return entry
    elif event == "end_array":
        ended = frames.pop()
        if ended.items:
            _put(frames, ended.items)
        else:
            _not_plain(frames)
    else:
        _next_key(frames)
        _put(frames, value)
    return None


def _next_key(frames: list[_Frame]) -> str | int:
    """The place of the value that begins; a list counts on."""
    if not frames:
        return ""
    frame = frames[-1]
    place = frame.key
    if not frame.is_map:
        frame.key = int(place) + 1
    return place


def _put(frames: list[_Frame], value: Any) -> None:
    """A plain value, or a list of them, into the object or list that it lies in."""
    if not frames:
        return
    frame = frames[-1]
    if frame.is_map:
        frame.values[str(frame.key)] = value
    elif frame.items is not None and len(frame.items) < _LONGEST_LIST:
        frame.items.append(value)


def _not_plain(frames: list[_Frame]) -> None:
    if frames and not frames[-1].is_map:
        frames[-1].items = None


def _entry(frames: list[_Frame]) -> Entry:
    path = tuple(frame.place for frame in frames[1:])
    around = tuple(
        (depth, key, value)
        for depth, frame in enumerate(frames[:-1])
        for key, value in frame.values.items()
        if isinstance(value, str)
    )
    return Entry(path, frames[-1].values, around)
