"""Regions of one photograph, asked and answered: what a line, a JSON and a picture are made of.

The network comes by entry point: the pipeline imports nothing of what learns.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np

from labelers.contracts.candidates import box_of
from manifests.done import read_done
from manifests.errors import SeagullError
from manifests.rle import Mask, encode
from manifests.workspace import Workspace

Network = Any  # training.ask.AskedNetwork


@dataclass(frozen=True)
class AskedRegion:
    """One region: how it was asked for, its mask (bool HxW of the photograph), the answer."""

    asked: str  # "point 640,480", "object 2"
    mask: Mask
    answer: Any  # training.evaluate.reading.Answer

    @property
    def bbox_xywh(self) -> tuple[int, int, int, int]:
        """The mask's box in pixels."""
        x0, y0, x1, y1 = (int(v) for v in box_of(self.mask))
        return x0, y0, x1 - x0, y1 - y0

    def line(self) -> str:
        """The answer for people, in one line."""
        quality, importance = self.answer.quality, self.answer.importance
        share = 100 * float(self.mask.mean())
        return (
            f"{self.asked} ({share:.1f} % of the image): quality {quality.word}"
            f" {quality.score:.2f}, importance {importance.word} {importance.score:.2f}."
            f" {self.answer.sentences[2]}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values; the mask as COCO run lengths."""
        return {
            "asked": self.asked,
            "bbox_xywh": list(self.bbox_xywh),
            "area": int(np.count_nonzero(self.mask)),
            "rle": {"size": list(self.mask.shape), "counts": encode(self.mask)},
            "answer": self.answer.to_dict(),
        }


def ask_regions(opened: Any, regions: Sequence[tuple[str, Mask]]) -> list[AskedRegion]:
    """Ask an opened image of a network about masks, each with the words it was asked by."""
    answers = opened.ask([mask for _, mask in regions])
    return [
        AskedRegion(asked, mask, answer)
        for (asked, mask), answer in zip(regions, answers, strict=True)
    ]


def model_folder(given: Path | None, workspace: Workspace) -> Path:
    """`given`, or the workspace's network: the finetuned one where there is one.

    Raises:
        SeagullError: none is given and the workspace has none.
    """
    if given is not None:
        return given
    for stage in ("finetune", "pretrain"):
        if read_done(workspace.models / stage / "done.json") is not None:
            return workspace.models / stage
    raise SeagullError(
        f"{workspace.models} holds no trained network; give its folder with --model, a workspace"
        " that has one with --out, or run `seagull pretrain`"
    )


def open_network(folder: Path, device: str) -> Network:
    """The network in `folder`, ready to be asked; errors as it raises them."""
    (entry,) = entry_points(group="seagull.learning", name="open_network")
    return entry.load()(folder, device)


def in_background(work: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """`work` on a thread of its own: loading a network takes seconds that need not be waited."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work, *arguments)
    pool.shutdown(wait=False)
    return future
