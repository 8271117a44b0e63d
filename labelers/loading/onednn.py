"""Float32 products on a CPU by oneDNN, weights packed once.

Torch gives them to MKL, which keeps to AVX2 on processors that are not Intel's: on a Zen 5 core 92
GFLOP/s where oneDNN reaches 186 to 233. The operators are those that torch's own compiler emits;
where a build lacks them everything stays as it is. Results differ by rounding.
"""

from typing import Any

import torch

Tensor = torch.Tensor


def available() -> bool:
    """Whether this build of torch has oneDNN's packed products."""
    operators = torch.ops.mkldnn
    return torch.backends.mkldnn.is_available() and hasattr(operators, "_linear_pointwise")


def product(x: Tensor, weight: Any, bias: Tensor | None = None) -> Tensor:
    """`x` (...xK) times the transpose of `weight` (NxK, packed or not), plus `bias` (N)."""
    if x.device.type == "cpu" and available():
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return torch.nn.functional.linear(x, weight, bias)


def packed(weight: Tensor) -> Any:
    """A weight (NxK) in oneDNN's own layout, for `product`; as it is where there is none."""
    if weight.device.type == "cpu" and available():
        return torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous())
    return weight


class PackedLinear(torch.nn.Module):
    """What a torch.nn.Linear computes."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.weight = packed(linear.weight)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Turn ...xK into ...xN."""
        return product(x, self.weight, self.bias)


def pack_linears(network: torch.nn.Module) -> None:
    """Put packed layers where a float32 network on the CPU has linear ones; in place.

    torch.nn.MultiheadAttention reads its layers' weights itself and keeps them.
    """
    if not available():
        return
    for name, child in network.named_children():
        if type(child) is torch.nn.Linear and child.weight.dtype == torch.float32:
            setattr(network, name, PackedLinear(child))
        elif not isinstance(child, torch.nn.MultiheadAttention):
            pack_linears(child)
