"""Read the shards in PyTorch: python examples/read_shards.py OUT [split].

Batches of ROI crops with their quality: what a quality model of your own would train on.
"""

import sys
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

import manifests
from manifests.images import fitted
from manifests.rle import mask_of
from manifests.sample import Sample

SIDE = 64


class RoiCrops(IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Every labelled ROI of a split: its masked crop, float32 (3, SIDE, SIDE) in [0, 1]."""

    def __init__(self, folder: str, split: str) -> None:
        self.folder, self.split = folder, split

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield (crop, quality) in the order of the shards."""
        for sample in manifests.open_dataset(self.folder).samples(self.split):
            yield from crops(sample)


def crops(sample: Sample) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield the crops of one rendering, each with its label's quality."""
    pixels = sample.pixels()
    rois = {roi.roi_id: roi for roi in sample.rois}
    for label in sample.labels:
        roi = rois[label.roi_id]
        x, y, w, h = roi.bbox_xywh
        masked = pixels * mask_of(roi)[..., None]
        small = fitted(np.ascontiguousarray(masked[y : y + h, x : x + w]), SIDE)
        crop = np.zeros((SIDE, SIDE, 3), np.uint8)
        crop[: small.shape[0], : small.shape[1]] = small
        yield torch.from_numpy(crop).permute(2, 0, 1) / 255, torch.tensor(label.quality)


def main() -> None:
    """Print the first batches' shapes and mean quality."""
    folder, split = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "train"
    for number, (images, quality) in enumerate(DataLoader(RoiCrops(folder, split), batch_size=32)):
        print(f"batch {number}: {tuple(images.shape)}, mean quality {quality.mean():.3f}")
        if number == 3:
            break


if __name__ == "__main__":
    main()
