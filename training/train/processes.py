"""One process or several: Accelerate, and batch norms whose statistics are of all processes.

What several processes compute is what one would with the same batch: gradients are of the whole
batch's mean, and a batch norm sees the whole batch. Who starts the processes (`accelerate launch`,
Ray Train, or nobody) says so by the environment, which Accelerate reads.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from manifests.config import NetworkConfig, TrainConfig
from manifests.errors import SeagullError
from training.data.feed import Ranks


def ranks() -> Ranks:
    """Which process this is, as its launcher says by the environment."""
    return Ranks(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))


def mixed_precision(network: NetworkConfig, config: TrainConfig) -> str:
    """Accelerate's name of a stage's precision."""
    given = network.llm != "compact"
    bf16 = given if config.precision == "auto" else config.precision == "bf16"
    return "bf16" if bf16 else "no"


def accelerator(config: TrainConfig, precision: str, accumulation: int) -> Any:
    """Accelerate's, for one stage; the first of a program fixes CPU or GPU for all."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    _check_asked()
    AcceleratorState._reset_state()  # another stage may have another precision
    return Accelerator(
        cpu=config.device == "cpu",
        mixed_precision=precision,
        gradient_accumulation_steps=accumulation,
    )


def _check_asked() -> None:
    """Refuse what an Accelerate configuration may ask for and this loop has not.

    Raises:
        SeagullError: DeepSpeed, FSDP's first version, Megatron.
    """
    for name in ("DEEPSPEED", "MEGATRON_LM"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            raise SeagullError(
                f"Accelerate's configuration asks for {name}, which this training has not; "
                "DDP (distributed_type: MULTI_GPU) and FSDP2 (FSDP, fsdp_version: 2) it has"
            )
    fsdp = os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
    if fsdp and os.environ.get("FSDP_VERSION", "1") != "2":
        raise SeagullError(
            "Accelerate's configuration asks for FSDP's first version: set fsdp_version: 2"
        )


def shares_parameters(accelerated: Any) -> bool:
    """Tell whether no process has all parameters (FSDP2)."""
    return bool(accelerated.is_fsdp2)


@contextmanager
def outside_forward(accelerated: Any, network: nn.Module) -> Iterator[None]:
    """Let modules of `network` be called by themselves, as validation does.

    Parameters that FSDP2 gathers when the whole network is called are gathered meanwhile; the
    blocks of the LLM gather theirs as ever, so all processes must make the same calls.
    """
    if not shares_parameters(accelerated):
        yield
        return
    sharing: Any = network
    sharing.unshard()
    with accelerated.autocast():
        yield
    sharing.reshard()


def synchronise_norms(network: nn.Module) -> None:
    """Let every batch norm of `network` see the batches of all processes."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(module, name, _synchronised(child))


def _synchronised(norm: Any) -> nn.Module:
    if norm.weight.is_cuda:
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
        return converted
    own = ProcessesBatchNorm(norm.num_features, norm.eps, norm.momentum)
    own.load_state_dict(norm.state_dict())
    return own


class ProcessesBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm over all processes on any backend; PyTorch's own works on GPUs alone."""

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same; statistics over N and all that follows C, of all processes."""
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        axes = [0, *range(2, x.dim())]
        count = x.new_tensor([x.numel() / x.shape[1]])
        dist.all_reduce(count)
        mean = _sum(x.sum(axes)) / count
        shape = (1, -1, *[1] * (x.dim() - 2))
        centred = x - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.view(shape) + self.bias.view(shape)


class _Sum(torch.autograd.Function):
    """Sum over processes; the gradient of each part is that of the sum, over processes too."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        """Return the sum of every process's `x`."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of `x`."""
        return _Sum.forward(context, gradient)


def _sum(x: Tensor) -> Tensor:
    summed: Tensor = _Sum.apply(x)
    return summed
