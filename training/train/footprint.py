"""What a network costs, counted: it is built and run on tensors that have shapes and no contents.

Parameters are those of the modules. What the forward pass keeps for the backward one is caught by
autograd's own hooks, each storage once. Nothing is taken from a table, and no weights are needed:
where `network.llm` names a folder that is not there, it is a Llama of transformers' default
configuration, which is the 7B's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from manifests.config import NetworkConfig, TrainConfig
from manifests.keys import DISTORTIONS
from training.data.batches import Pixels
from training.data.sample_arrays import STATISTICS
from training.data.texts import IMPORTANCE_QUESTION, importance_answer
from training.data.tokens import compact_tokenizer, load_tokenizer
from training.network.language_model import (
    COMPACT,
    adapted,
    base_of,
    compact_llm_config,
    llm_dtype,
)
from training.network.network import Network
from training.train.processes import mixed_precision

ADAM_BYTES = 8  # two fp32 moments a parameter
TEXT_TOKENS_A_WORD = 1.3  # of Llama's pieces, where its tokenizer is not at hand


@dataclass(frozen=True)
class Footprint:
    """Parameters, and bytes on one GPU with everything on it (DDP)."""

    parameters: dict[str, int]  # by part: encoder, extractor, projector, llm, lora
    trained: int
    weights: int  # bytes
    gradients: int
    optimizer: int
    saved: int  # for the backward pass of one micro-batch
    tokens: int  # of one sequence

    @property
    def state(self) -> int:
        """Bytes that stay between steps."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> int:
        """Bytes at the end of a forward pass."""
        return self.state + self.saved


def footprint(config: NetworkConfig, training: TrainConfig, images: int) -> Footprint:
    """Count one micro-batch of `images` images."""
    config = replace(config, encoder_weights="")
    tokenizer, llm_config = _described(config)
    with torch.device("meta"):
        network = _empty(config, tokenizer, llm_config)
    ids = _ids(network, config, images * training.rois)
    with FakeTensorMode(allow_non_fake_inputs=True):
        network.to_empty(device="cpu")
        saved = _saved(network, config, training, images, ids)
    parameters = _parts(network)
    learning = [p for p in network.parameters() if p.requires_grad]
    return Footprint(
        parameters=parameters,
        trained=sum(p.numel() for p in learning),
        weights=sum(t.nbytes for t in (*network.parameters(), *network.buffers())),
        gradients=sum(p.nbytes for p in learning),
        optimizer=sum(ADAM_BYTES * p.numel() for p in learning),
        saved=saved,
        tokens=ids.shape[1],
    )


def _described(config: NetworkConfig) -> tuple[Any, Any]:
    """Tokenizer and configuration of the LLM; the compact words stand in where there is none."""
    from transformers import AutoConfig, LlamaConfig

    if config.llm == COMPACT:
        tokenizer = compact_tokenizer()
        return tokenizer, compact_llm_config(len(tokenizer))
    if Path(config.llm).is_dir():
        return load_tokenizer(Path(config.llm)), AutoConfig.from_pretrained(config.llm)
    return compact_tokenizer(), LlamaConfig()


def _empty(config: NetworkConfig, tokenizer: Any, llm_config: Any) -> Network:
    from transformers import AutoModelForCausalLM

    llm = AutoModelForCausalLM.from_config(
        llm_config, dtype=llm_dtype(config), attn_implementation="sdpa"
    )
    network = Network(config, tokenizer, adapted(llm, config), DISTORTIONS)
    if config.encoder != COMPACT:  # its weights will be given
        network.encoder.freeze()
    return network.train()


def _ids(network: Network, config: NetworkConfig, sequences: int) -> Tensor:
    sequence = network.sequencer.sequence(IMPORTANCE_QUESTION, importance_answer(0)).ids
    words = len(sequence) - network.sequencer.image_tokens
    stands_in = config.llm != COMPACT and not Path(config.llm).is_dir()
    added = round(words * (TEXT_TOKENS_A_WORD - 1)) if stands_in else 0
    return torch.tensor([[*sequence, *[0] * added]]).expand(sequences, -1).contiguous()


def _saved(
    network: Network, config: NetworkConfig, training: TrainConfig, images: int, ids: Tensor
) -> int:
    """Bytes kept for the backward pass: at its peak, one checkpointed layer is there again."""
    if not training.gradient_checkpointing:
        return _kept(network, config, training, images, ids)
    whole = _kept(network, config, training, images, ids)
    base = base_of(network.llm)
    base.activation_checkpointing_enable()
    kept = _kept(network, config, training, images, ids)
    return kept + (whole - kept) // int(base.config.num_hidden_layers)


def _kept(
    network: Network, config: NetworkConfig, training: TrainConfig, images: int, ids: Tensor
) -> int:
    half = mixed_precision(config, training) == "bf16"
    own = {t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())}
    answer = len(network.sequencer.ids(importance_answer(0))) + 1
    with _counting(own) as storages, torch.autocast("cpu", torch.bfloat16, enabled=half):
        seen, _ = network.look(_pixels(config, images, training.rois))
        base = base_of(network.llm)
        states = getattr(base, base.base_model_prefix)(
            inputs_embeds=network.embed(ids, seen), use_cache=False
        ).last_hidden_state
        logits = base.lm_head(states[:, -answer - 1 : -1]).float().flatten(0, 1)
        torch.nn.functional.cross_entropy(logits, ids[:, -answer:].flatten())
    return sum(storages.values())


@contextmanager
def _counting(own: set[int]) -> Iterator[dict[int, int]]:
    """Bytes by storage of what autograd keeps, parameters and buffers left out."""
    storages: dict[int, int] = {}
    alive = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            storages[storage._cdata] = storage.nbytes()
            alive.append(tensor)  # so that no other storage takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield storages


def _pixels(config: NetworkConfig, images: int, rois: int) -> Pixels:
    view, patch = config.view, config.patch
    return Pixels(
        views=torch.zeros(images, view, view, 3, dtype=torch.uint8),
        masks=torch.ones(images, rois, view, view, dtype=torch.uint8),
        patches=torch.zeros(images, rois, patch, patch, 3, dtype=torch.uint8),
        inside=torch.ones(images, rois, patch, patch, dtype=torch.uint8),
        statistics=torch.zeros(images, rois, STATISTICS),
        keys=torch.zeros(images, rois, dtype=torch.int64),
    )


def _parts(network: Network) -> dict[str, int]:
    parts: dict[str, int] = {}
    for name, parameter in network.named_parameters():
        first = name.split(".")[0]
        known = {"encoder": "encoder", "llm": "llm", "project_image": "projector"}
        part = "lora" if ".lora_" in name else known.get(first, "extractor")
        parts[part] = parts.get(part, 0) + parameter.numel()
    return parts
