"""How many things go through a model together: a constant on a CPU, what fits on a GPU.

On a CPU large batches gain nothing, and a constant keeps the bytes of the tables from depending on
the machine. On a GPU half the free memory is filled; where the estimate was too bold the batch is
halved and tried again. Scores of other batches differ by rounding alone (held to 1e-5).
"""

from collections.abc import Callable
from typing import Any

_SHARE = 0.5  # of a GPU's free memory


def batch_size(device: str, bytes_each: int, usual: int) -> int:
    """How many items of `bytes_each` to take at once: `usual` on a CPU, else what fits."""
    if device == "cpu":
        return max(1, usual)
    import torch

    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(free * _SHARE) // max(bytes_each, 1))


def in_batches(items: Any, size: int, work: Callable[[Any], Any]) -> list[Any]:
    """`work` on `items` (a list or an array), at most `size` at a time; all its results in order.

    Raises:
        torch.OutOfMemoryError: one item alone does not fit.
    """
    import torch

    results: list[Any] = []
    while len(results) < len(items):
        try:
            results.extend(work(items[len(results) : len(results) + size]))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
    return results
