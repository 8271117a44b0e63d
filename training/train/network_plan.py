"""`seagull network`: parameters, memory a GPU, how many GPUs, steps and tokens of both stages."""

from collections.abc import Iterator
from math import ceil

from manifests.config import Config, TrainConfig
from manifests.errors import SeagullError
from manifests.workspace import Workspace
from training.data.feed import steps_of
from training.data.shard_reader import read_card
from training.train.footprint import Footprint, footprint

GIB = 2**30
GPU_GIB = 24  # of the paper's RTX 3090
SPARE = 0.9  # of a GPU's memory: the rest is CUDA's own and lost between blocks
IMAGES = {"pretrain": 8146 * 120, "finetune": round(968 * 0.8)}  # the paper's, without shards
ROIS = round(3261 * 0.8)  # of SEAGULL-3k's training images


def rows(workspace: Workspace, config: Config, gpu_gib: float = GPU_GIB) -> dict[str, str]:
    """Name and value of each line."""
    training = config.pretrain
    micro = training.micro_batch or training.batch
    counted = footprint(config.network, training, micro)
    return {
        **{f"parameters, {part}": f"{count:,}" for part, count in counted.parameters.items()},
        "parameters, trained": f"{counted.trained:,}",
        **_memory(counted, micro),
        **_gpus(config, counted, micro, gpu_gib),
        **dict(_lengths(workspace, config, counted)),
    }


def _memory(counted: Footprint, micro: int) -> dict[str, str]:
    parts = {
        "weights": counted.weights,
        "gradients": counted.gradients,
        "optimizer": counted.optimizer,
        f"kept for backward, {micro} images": counted.saved,
        "all": counted.total,
    }
    return {f"GiB a GPU, {name}": f"{size / GIB:.2f}" for name, size in parts.items()}


def _gpus(config: Config, counted: Footprint, micro: int, gpu_gib: float) -> dict[str, str]:
    room = gpu_gib * GIB * SPARE
    name = f"GPUs of {gpu_gib:g} GiB"
    if counted.total <= room:
        most = max(1, config.pretrain.batch // micro)
        return {name: f"1 to {most}, each with everything (DDP)"}
    least = ceil(counted.state / max(room - counted.saved, 1.0))
    if counted.saved >= room:
        return {name: f"none: {micro} images a pass keep more; lower pretrain.micro_batch"}
    return {name: f"{least} or more, sharing weights and optimizer (FSDP)"}


def _lengths(workspace: Workspace, config: Config, counted: Footprint) -> Iterator[tuple[str, str]]:
    for stage, training, data in (
        ("pretrain", config.pretrain, workspace),
        ("finetune", config.finetune, Workspace(workspace.study)),
    ):
        images, whose = _images(stage, training, data)
        steps = steps_of(training, images)
        tokens = steps * training.batch * training.rois * counted.tokens
        yield f"{stage}, images an epoch", f"{images:,} ({whose})"
        yield f"{stage}, steps", f"{steps:,}"
        yield f"{stage}, tokens", f"{tokens:,} ({counted.tokens} a sequence)"


def _images(stage: str, training: TrainConfig, data: Workspace) -> tuple[int, str]:
    """Images shown in an epoch: each question of each ROI is one where they are fixed."""
    try:
        counts, whose = read_card(data), "of the shards"
        images = counts.samples.get("train", 0)
    except SeagullError:
        images, whose = IMAGES[stage], "the paper's"
    if training.questions == "fixed" and whose == "the paper's":
        return ceil(ROIS * (6 if training.judgments else 3) / training.rois), whose
    return images, whose
