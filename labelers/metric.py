"""Any full-reference metric of pyiqa by its name, image by image: the plain door.

Slow and general. `ssim.py` and `topiq.py` compute the same numbers faster for their metrics. For a
metric that is lower for better images (a distance) the score is 1 - distance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelers.crops import Crop, Scores
from labelers.models import Image
from manifests.errors import SeagullError

LEAST_SIDE = 32  # crops thinner than this are padded with zeros for metrics without a known window
_LEAST = {"ssim": 11, "ssimc": 11, "ms_ssim": 176, "vif": 41, "psnr": 1, "psnry": 1}


def full_reference_names() -> list[str]:
    """The metrics that can be asked for."""
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    return sorted(k for k, v in DEFAULT_CONFIGS.items() if v["metric_mode"] == "FR")


class PlainMetric:
    """A pyiqa metric as a scorer."""

    def __init__(self, name: str, metric: Any, device: str) -> None:
        self.metric = metric
        self.device = device
        self.least = _LEAST.get(name, LEAST_SIDE)

    def scores(
        self, reference: Image, crops: Sequence[Crop], renderings: Sequence[Image]
    ) -> Scores:
        """Quality and importance, renderings x crops (see `crops.Scores`)."""
        itself = self.score(reference, reference)
        quality = np.empty((len(renderings), len(crops)))
        importance = np.zeros_like(quality)
        for column, crop in enumerate(crops):
            masked = crop.masked(reference, self.least)
            for row, rendering in enumerate(renderings):
                quality[row, column] = self.score(crop.masked(rendering, self.least), masked)
                pasted = crop.pasted(reference, rendering)
                if not np.array_equal(pasted, reference):
                    importance[row, column] = itself - self.score(pasted, reference)
        return Scores(quality, importance)

    def score(self, image: Image, reference: Image) -> float:
        """The metric of two uint8 HxWx3 images, turned so that higher is better."""
        import torch

        with torch.inference_mode():
            value = float(self.metric(self._tensor(image), self._tensor(reference)).item())
        return 1 - value if self.metric.lower_better else value

    def _tensor(self, image: NDArray[np.uint8]) -> Any:
        import torch

        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes[None].to(self.device).float() / 255


def create(name: str, device: str) -> PlainMetric:
    """The metric `name` without weights.

    Raises:
        SeagullError: no such full-reference metric.
    """
    if name not in full_reference_names():
        raise SeagullError(
            f"scorer '{name}' is no full-reference metric of pyiqa; "
            f"there are embedded, {', '.join(full_reference_names())}"
        )
    import pyiqa

    return PlainMetric(name, pyiqa.create_metric(name, device=device), device)
