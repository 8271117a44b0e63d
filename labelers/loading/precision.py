"""How exactly a GPU multiplies: fp32, tf32, or bf16 by autocast.

Torch lets convolutions use tf32 unless told otherwise; here that is a choice, never an accident.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def precision(name: str, device: str) -> Iterator[None]:
    """Run the block in `name` (fp32, tf32, bf16) on `device`; the flags are put back."""
    import torch

    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = name == "tf32"
    kind = device.split(":")[0]
    cast: Any = torch.autocast(kind, torch.bfloat16) if name == "bf16" else nullcontext()
    try:
        with cast:
            yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
