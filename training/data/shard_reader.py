"""WebDataset tars -> samples, in the order of the tars.

Covers reading alone: what becomes of a sample's pixels is `sample_arrays.py`. The shuffled order of
training, which may be taken up anywhere, is `sample_index.py`.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manifests.done import fingerprint
from manifests.errors import SeagullError
from manifests.files import sha256_of_file
from manifests.keys import DISTORTIONS
from manifests.sample import Sample, parse_sample
from manifests.workspace import Workspace

IMAGES = ("jpg", "png")


@dataclass(frozen=True)
class Card:
    """What `shards/dataset.json` says, as far as learning needs it."""

    dataset: str  # seagull-100w | seagull-3k
    quality_top: float  # M of eq. 1, on `quality_scale`
    importance_top: float
    samples: dict[str, int]  # split -> renderings
    raters: str  # people | simulated | none, for labels that a scorer made
    quality_scale: str = "linear"  # of quality_top; decibel: -10 log10(1 - score)
    distortions: tuple[str, ...] = DISTORTIONS  # those of the dataset, in its order

    @property
    def tops(self) -> tuple[float, float]:
        """M of eq. 1 for quality and importance."""
        return self.quality_top, self.importance_top

    @property
    def scales(self) -> tuple[float, float, str, tuple[str, ...]]:
        """Return what `instructions.truth` needs beside a label."""
        return *self.tops, self.quality_scale, self.distortions


def read_card(workspace: Workspace) -> Card:
    """The card of a workspace's shards.

    Raises:
        SeagullError: there are no shards, or the card lacks what eq. 1 needs.
    """
    path = workspace.dataset_card
    try:
        return card_of(json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise SeagullError(
            f"{path} is missing: there are no shards yet; run `make shards`"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeagullError(f"{path} is no dataset card ({error!r}); run `make shards`") from error


def card_of(values: Mapping[str, Any]) -> Card:
    """The card by what `shards/dataset.json`, or a source of samples, says."""
    counts = {split: int(count["samples"]) for split, count in values["counts"].items()}
    return Card(
        dataset=values["dataset"],
        quality_top=float(values.get("quality_words_top", values["quality_top"])),
        importance_top=float(values["importance_top"]),
        samples=counts,
        raters=values.get("raters", "none"),
        quality_scale=values.get("quality_words_scale", "linear"),
        distortions=tuple(map(str, values.get("distortions", DISTORTIONS))),
    )


def tars(workspace: Workspace, split: str) -> list[str]:
    """The split's shards in name order; SeagullError when there are none."""
    folder = workspace.shards(split)
    paths = sorted(str(path) for path in folder.glob("*.tar"))
    if not paths:
        raise SeagullError(
            f"{folder} holds no shards (*.tar): more scenes, or another share for {split}, "
            "then run `make shards`"
        )
    return paths


def data_fingerprint(workspace: Workspace) -> str:
    """Fingerprint the card and every shard of every split; raises as `read_card` does."""
    read_card(workspace)
    files = sorted(workspace.dataset_card.parent.glob("*/*.tar"))
    return fingerprint(
        card=sha256_of_file(workspace.dataset_card),
        shards={f"{f.parent.name}/{f.name}": sha256_of_file(f) for f in files},
    )


def in_order(workspace: Workspace, split: str) -> Iterator[Sample]:
    """Every sample of the split in the order of the tars."""
    return map(_sample, _read(tars(workspace, split)))


def _read(paths: list[str]) -> Iterator[dict[str, Any]]:
    """WebDataset's samples; the files are opened here because its own reader leaves them open."""
    from webdataset.tariterators import group_by_keys, tar_file_expander

    for path in paths:
        with Path(path).open("rb") as stream:
            try:
                yield from group_by_keys(tar_file_expander([{"url": path, "stream": stream}]))
            except (tarfile.TarError, EOFError) as error:
                raise SeagullError(f"{path} is no whole tar; run `make shards`") from error


def _sample(sample: dict[str, Any]) -> Sample:
    image = next((sample[kind] for kind in IMAGES if kind in sample), None)
    if image is None or "json" not in sample:
        raise SeagullError(
            f"{sample['__url__']}: sample {sample['__key__']} lacks its image or its JSON; "
            "run `make shards`"
        )
    return labelled_sample(sample["__url__"], sample["__key__"], image, sample["json"])


def labelled_sample(tar: str, key: str, image: bytes, text: bytes) -> Sample:
    """A sample of the bytes of its image and its JSON; its n-th label is of its n-th ROI.

    Raises:
        SeagullError: no ROI of it is labelled, or the text is no sample's.
    """
    try:
        sample = parse_sample(text, image)
    except SeagullError as error:
        raise SeagullError(f"{tar}: {key} is {error}") from error
    by_id = {roi.roi_id: roi for roi in sample.rois}
    labels = tuple(label for label in sample.labels if label.roi_id in by_id)
    if not labels:
        raise SeagullError(f"{tar}: sample {key} has no labelled ROI")
    return replace(sample, rois=tuple(by_id[label.roi_id] for label in labels), labels=labels)
