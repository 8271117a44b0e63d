"""Full-reference metrics of pyiqa by name, image by image: the plain door, slow and general.

Covers the metrics that need no weights, and the learned ones that can be made without the network:
their weights are the state dict of pyiqa's whole network, backbone included, saved where there is
one by `torch.save(pyiqa.create_metric(NAME).net.state_dict(), PATH)`. Not covered: A-FINE, AHIQ and
FGResQ, which fetch their backbones in ways of their own, DMM, and CKDN's degraded references.
`ssim.py` and `topiq.py` compute the same numbers as pyiqa faster for their metrics. For a metric
that is lower for better images (a distance) the score is 1 - distance.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelers.contracts.candidates import Image
from labelers.contracts.crops import Crop, Scores
from labelers.loading import weights
from labelers.loading.iqa import blank_metric, create_metric
from manifests.errors import SeagullError

# A side that each metric's windows and pyramid fit in; thinner crops are padded with zeros, as
# what is outside the mask is.
WEIGHT_FREE = {
    "cw_ssim": 64,
    "fsim": 4,
    "gmsd": 4,
    "mad": 16,
    "ms_ssim": 161,
    "nlpd": 4,
    "psnr": 1,
    "psnry": 1,
    "ssim": 11,
    "ssimc": 11,
    "vif": 41,
    "vsi": 4,
}
LEARNED = {
    "deepdc": 16,
    "dists": 8,
    "lpips": 32,
    "lpips+": 32,
    "lpips-vgg": 16,
    "lpips-vgg+": 16,
    "msswd": 8,
    "pieapp": 64,
    "stlpips": 24,
    "stlpips-vgg": 24,
    "wadiqam_fr": 33,
}
HOW_TO_SAVE = (
    "where there is a network, torch.save(pyiqa.create_metric('{name}').net.state_dict(), PATH); "
)


class PlainMetric:
    """A pyiqa metric as a scorer."""

    def __init__(self, name: str, metric: Any, device: str) -> None:
        self.metric = metric
        self.device = device
        self.least = (WEIGHT_FREE | LEARNED).get(name, 1)

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
        """Compute the metric of two uint8 HxWx3 images, turned so that higher is better."""
        import torch

        with torch.inference_mode():
            value = float(self.metric(self._tensor(image), self._tensor(reference)).item())
        return 1 - value if self.metric.lower_better else value

    def _tensor(self, image: NDArray[np.uint8]) -> Any:
        import torch

        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        return planes[None].to(self.device).float() / 255


def create(name: str, device: str) -> PlainMetric:
    """Load the metric `name`, which needs no weights.

    Raises:
        SeagullError: no full-reference metric of pyiqa that can be used.
    """
    if name not in WEIGHT_FREE:
        raise SeagullError(
            f"scorer '{name}' is no full-reference metric that can be used: without weights there "
            f"are embedded, {', '.join(WEIGHT_FREE)}; with weights topiq_fr, topiq_fr-pipal, "
            f"{', '.join(LEARNED)}"
        )

    return PlainMetric(name, create_metric(name, device=device), device)


def load_learned(name: str, path: Path, device: str) -> PlainMetric:
    """Load the learned metric `name` with the state dict at `path`.

    Raises:
        SeagullError: the file is not its network's state dict.
    """
    state = weights.read_state(path)
    metric = blank_metric(name, device)
    weights.load_into(metric.net, state, path, name)
    return PlainMetric(name, metric, device)
