"""Images chosen over source and published opinion; ROIs of an image chosen by size and place."""

from collections.abc import Sequence

import numpy as np

from manifests.chance import generator, unit_interval
from manifests.records import Roi

_STRATA = 5  # of published opinion within a source


def image_order(
    keys: Sequence[str], sources: Sequence[str], mos: Sequence[float | None], seed: int
) -> list[int]:
    """All images in the order in which they are to be taken, whatever number is wanted.

    Turns go round the strata, a source's fifths of published opinion (images without one are a
    stratum of their own), each giving its images in an order drawn from (key, seed): the first n
    are even over sources and opinions, as far as there are enough.
    """
    strata: dict[tuple[int, str], list[int]] = {}
    for source in sorted(set(sources)):
        mine = [i for i, name in enumerate(sources) if name == source]
        for i, fifth in zip(mine, _fifths([mos[i] for i in mine]), strict=True):
            strata.setdefault((fifth, source), []).append(i)
    for members in strata.values():
        members.sort(key=lambda i: unit_interval("study image", keys[i], seed))
    queues = [strata[key] for key in sorted(strata)]
    rounds = max(map(len, queues), default=0)
    return [queue[n] for n in range(rounds) for queue in queues if n < len(queue)]


def _fifths(mos: Sequence[float | None]) -> list[int]:
    known = np.array([value for value in mos if value is not None])
    edges = np.quantile(known, np.arange(1, _STRATA) / _STRATA) if len(known) else known
    return [_STRATA if v is None else int(np.searchsorted(edges, v, "right")) for v in mos]


def rois_wanted(keys: Sequence[str], there: Sequence[int], total: int, seed: int) -> list[int]:
    """How many ROIs each image gives so that `total` comes out, as even as what is `there` allows.

    The paper's 3,261 on 968 images are 3.4 an image, "two or three" of each kind.
    """
    wanted = [0] * len(keys)
    order = sorted(range(len(keys)), key=lambda i: unit_interval("study rois", keys[i], seed))
    for turn in range(max(there, default=0)):
        for i in order:
            if total > 0 and there[i] > turn:
                wanted[i] += 1
                total -= 1
    return wanted


def choose_rois(rois: Sequence[Roi], count: int, seed: int) -> list[Roi]:
    """`count` of an image's ROIs, both kinds where there are both, apart in size and place.

    The first is drawn; each next is the one furthest from those chosen (area on a log scale, centre
    of the box), kinds in turn.
    """
    left = list(rois)
    if len(left) <= count:
        return left
    draw = generator("study rois", left[0].scene_id, seed)
    chosen = [left.pop(int(draw.integers(len(left))))]
    while len(chosen) < count:
        used = {kind: sum(r.kind == kind for r in chosen) for kind in {r.kind for r in left}}
        fewest = min(used.values())
        candidates = [r for r in left if used[r.kind] == fewest]
        best = max(candidates, key=lambda r: (min(_distance(r, c) for c in chosen), r.roi_id))
        left.remove(best)
        chosen.append(best)
    return sorted(chosen, key=lambda r: r.roi_id)


def _distance(first: Roi, second: Roi) -> float:
    return float(np.abs(_features(first) - _features(second)).sum())


def _features(roi: Roi) -> np.ndarray:
    x, y, w, h = roi.bbox_xywh
    size = np.log(roi.area / (roi.width * roi.height)) / np.log(100)
    return np.array([size, (x + w / 2) / roi.width, (y + h / 2) / roi.height])
