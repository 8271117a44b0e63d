"""No-reference metrics of pyiqa on the crop of a ROI: as they are, or fine-tuned for one task.

The paper's rows were fine-tuned, a network a task. labelers own pyiqa, so a metric comes from them
by its entry point.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import entry_points
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.baselines.protocol import Image, Mask, Said, box
from training.data.instructions import Instruction

LEAST = 64  # pixels of a crop's side: smaller ones are enlarged, no metric's windows fit in them
LEARNING_RATE = 1e-5


@dataclass
class CropMetric:
    """One metric for one task; what it says of the other stays open."""

    name: str
    metric: Any
    task: str = "quality"  # or importance
    zero_shot: bool = True

    def say(self, image: Image, mask: Mask, judgments: tuple[Instruction, ...]) -> Said:
        """Answer about the region `mask` of `image`."""
        with torch.no_grad():
            value = float(self._value(image, mask))
        return Said(value, nan) if self.task == "quality" else Said(nan, value)

    def _value(self, image: Image, mask: Mask) -> Tensor:
        value: Tensor = self.metric.net(crop_of(image, mask)).flatten()[0]
        return -value if self.metric.lower_better else value

    def fit(self, examples: Iterable[tuple[Image, Mask, float]]) -> float:
        """Fine-tune on (image, mask, score in [0, 1]), each once; the last ten's mean error.

        The network stays in evaluation mode: crops come one by one, of any size, and the statistics
        of norms are those that it came with.
        """
        self.metric.net.requires_grad_(True)
        optimizer = torch.optim.AdamW(self.metric.net.parameters(), lr=LEARNING_RATE)
        errors = []
        for image, mask, score in examples:
            loss = (self._value(image, mask) - score).abs()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            errors.append(loss.item())
        self.zero_shot = False
        return float(np.mean(errors[-10:]))


def crop_of(image: Image, mask: Mask) -> Tensor:
    """(1, 3, h, w) in [0, 1]: the bounding rectangle, at least `LEAST` pixels a side."""
    left, top, right, bottom = box(mask)
    crop = np.ascontiguousarray(image[top:bottom, left:right].transpose(2, 0, 1))
    pixels = torch.from_numpy(crop)[None].float() / 255
    scale = LEAST / min(pixels.shape[2:])
    if scale > 1:
        size = [max(LEAST, round(side * scale)) for side in pixels.shape[2:]]
        pixels = torch.nn.functional.interpolate(pixels, size, mode="bilinear")
    return pixels


def open_crop_metric(name: str, weights: Path, task: str) -> CropMetric:
    """Load pyiqa's no-reference metric `name`; SeagullError where it cannot be."""
    (entry,) = entry_points(group="seagull.labelers", name="no_reference")
    metric = entry.load()(name, weights, "cpu")
    metric.net.eval()
    return CropMetric(name, metric, task)
