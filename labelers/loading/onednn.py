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


class PackedAttention(torch.nn.Module):
    """What a torch.nn.MultiheadAttention computes at inference, without its maps.

    Covered: keys and values as wide as queries, sequence first, no masks.
    """

    def __init__(self, attention: torch.nn.MultiheadAttention) -> None:
        super().__init__()
        self.heads = attention.num_heads
        weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
        self.projections = [
            (packed(weight), bias.detach()) for weight, bias in zip(weights, biases, strict=True)
        ]
        self.last = packed(attention.out_proj.weight), attention.out_proj.bias.detach()

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, None]:
        """Sequences LxNxC to LxNxC, and None for the maps."""
        query, key, value = (
            product(x, *projection).unflatten(2, (self.heads, -1)).permute(1, 2, 0, 3)
            for x, projection in zip((query, key, value), self.projections, strict=True)
        )
        found = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        return product(found.permute(2, 0, 1, 3).flatten(2), *self.last), None


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


def pack_attentions(network: torch.nn.Module) -> None:
    """Put packed attention where a network has torch's, called as `PackedAttention` is."""
    if not available():
        return
    for name, child in network.named_children():
        if isinstance(child, torch.nn.MultiheadAttention):
            setattr(network, name, PackedAttention(child))
        else:
            pack_attentions(child)
