"""Dropout whose choice depends on the ROI alone, not on its place in a batch.

torch's own draws from one stream in the order of the batch: two processes with half a batch each
would drop otherwise than one with the whole.
"""

import torch
from torch import Tensor, nn

_STEP = -0x61C8864680B583EB  # 0x9E3779B97F4A7C15, as int64
_FIRST = -0x40A7B892E31B1A47  # 0xBF58476D1CE4E5B9
_SECOND = -0x6B2FB644ECCEEE15  # 0x94D049BB133111EB


def uniform(keys: Tensor, salt: int, width: int) -> Tensor:
    """(N, width) float32 in [0, 1) by int64 keys (N,) and who asks.

    Numbers `salt * 2^20 + 1` and on of the generator SplitMix64 whose state begins as the key
    (Steele, Lea and Flood, OOPSLA 2014).
    """
    numbers = torch.arange(1, width + 1, device=keys.device) + (salt << 20)
    mixed = keys[:, None] + numbers * _STEP
    mixed = (mixed ^ _right(mixed, 30)) * _FIRST
    mixed = (mixed ^ _right(mixed, 27)) * _SECOND
    mixed = mixed ^ _right(mixed, 31)
    return _right(mixed, 40).float() / 2**24


def _right(values: Tensor, bits: int) -> Tensor:
    """A logical shift: torch's own keeps the sign."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


class RoiDropout(nn.Module):
    """While training, `share` of the numbers (N, C) of N ROIs are 0, the others larger for it."""

    def __init__(self, share: float, salt: int) -> None:
        super().__init__()
        self.share, self.salt = share, salt

    def forward(self, numbers: Tensor, keys: Tensor) -> Tensor:
        """Numbers (N, C) by keys (N,)."""
        if not (self.training and self.share):
            return numbers
        kept = uniform(keys, self.salt, numbers.shape[1]) >= self.share
        return numbers * kept.to(numbers.dtype) / (1 - self.share)
