"""One sample of the shards, as records: a rendering with all its ROIs and what is said of them.

In a tar it is `{rendering_id}.{jpg|png}` and `{rendering_id}.json`. The text holds the keys
rendering_id, scene_id, dataset, rendering, rois, labels and scores; `rois` are those labelled.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manifests.errors import SeagullError
from manifests.images import decode_image
from manifests.ratings import Opinion
from manifests.records import Label, Rendering, Roi
from manifests.tables import from_row

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

    def pixels(self) -> np.ndarray:
        """Decode the image: uint8 HxWx3 RGB, sRGB-encoded."""
        return decode_image(self.image, self.rendering.rendering_id)


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
            rendering=from_row(row["rendering"], Rendering),
            rois=tuple(from_row(roi, Roi) for roi in row["rois"]),
            labels=tuple(from_row(one, label) for one in row["labels"]),
            scores=tuple(from_row(one, Label) for one in row["scores"]),
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
