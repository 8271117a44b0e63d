"""A rater's order: drawn, in sessions, never two ROIs of one image in a row.

Golden items lie anywhere in a session. A repeat comes in its second half and asks again about a ROI
of its first half.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Purpose = Literal["training", "rating", "golden", "repeat"]


@dataclass(frozen=True)
class Turn:
    """One item in a rater's order."""

    item: int
    session: int  # from 1; 0 is training
    purpose: Purpose


def apart(images: Sequence[Hashable], draw: np.random.Generator) -> list[int]:
    """A drawn order of indices in which no two neighbours are of one image.

    Where no order is without such neighbours (one image has more than half of all), they come last.
    """
    names = list(dict.fromkeys(images))
    place = {image: n for n, image in enumerate(names)}
    left: list[list[int]] = [[] for _ in names]
    for i in draw.permutation(len(images)).tolist():
        left[place[images[i]]].append(i)
    counts = np.array([len(members) for members in left], float)
    order: list[int] = []
    last = -1
    for remaining in range(len(images), 0, -1):
        last = _next_image(counts, remaining, last, draw)
        order.append(left[last].pop())
        counts[last] -= 1
    return order


def _next_image(
    counts: NDArray[np.float64], remaining: int, last: int, draw: np.random.Generator
) -> int:
    most = int(counts.argmax())
    if 2 * counts[most] > remaining and most != last:
        return most  # now, or it would meet itself later
    weight = counts.copy()
    if last >= 0:
        weight[last] = 0
    reached = np.cumsum(weight)
    if reached[-1] == 0:
        return last
    return int(np.searchsorted(reached, draw.random() * reached[-1], "right"))


def sessions(
    items: Sequence[int],
    images: Sequence[Hashable],
    golden: Sequence[int],
    size: int,
    golden_each: int,
    repeats_each: int,
    draw: np.random.Generator,
    first: int = 1,
) -> list[Turn]:
    """Turns for `items` (each of the image at its place in `images`) in sessions of `size`.

    The last session may be shorter, its golden items and repeats in proportion.
    """
    order = apart(images, draw)
    own = size - (golden_each if golden else 0) - repeats_each
    pool = _endless(golden, draw)
    turns: list[Turn] = []
    for number, start in enumerate(range(0, len(order), own), first):
        mine = order[start : start + own]
        share = len(mine) / own
        body = [(items[i], images[i], "rating") for i in mine]
        extra = [next(pool) for _ in range(round(golden_each * share) if golden else 0)]
        body = _with_golden(body, extra, draw)
        body = _with_repeats(body, round(repeats_each * share), draw)
        turns += [Turn(item, number, purpose) for item, _, purpose in body]  # type: ignore[arg-type]
    return turns


_Body = list[tuple[int, Hashable, str]]


def _endless(golden: Sequence[int], draw: np.random.Generator) -> Iterator[int]:
    while True:
        yield from draw.permutation(golden).tolist()


def _with_golden(body: _Body, golden: Sequence[int], draw: np.random.Generator) -> _Body:
    """Golden items anywhere but first, none beside itself."""
    made = list(body)
    for item in golden:
        image = ("golden", item)
        places = [p for p in range(1, len(made) + 1) if image not in _about(made, p)]
        if places:
            made.insert(places[int(draw.integers(len(places)))], (item, image, "golden"))
    return made


def _with_repeats(body: _Body, count: int, draw: np.random.Generator) -> _Body:
    """Repeats of ROIs of the first half where, in the second, no neighbour is of their image.

    Never last: the next session may begin with their image.
    """
    made, half = list(body), (len(body) + 1) // 2
    early = [row for row in body[:half] if row[2] == "rating"]
    for k in draw.permutation(len(early)):
        if count <= 0:
            break
        item, image, _ = early[k]
        places = [p for p in range(half + 1, len(made)) if image not in _about(made, p)]
        if places:
            made.insert(places[int(draw.integers(len(places)))], (item, image, "repeat"))
            count -= 1
    return made


def _about(body: _Body, place: int) -> list[Hashable]:
    return [image for _, image, _ in body[max(place - 1, 0) : place + 1]]
