"""The LLM and its tokenizer: the compact one, or a Llama of transformers by folder.

A given LLM stays as it is and learns by LoRA; it is loaded in bf16, whatever its file holds. Half
precision as files have it (fp16) cannot be trained: AdamW's 1e-8 is 0 there, and a weight whose
gradient vanishes becomes 0 / 0 at the first step. One that is trained whole is loaded in fp32.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from manifests.config import NetworkConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from training.data.tokens import compact_tokenizer, load_tokenizer

COMPACT = "compact"
HIDDEN, LAYERS = 128, 2  # of the compact Llama


def open_llm(config: NetworkConfig, distortions: Sequence[str] = DISTORTIONS) -> tuple[Any, Any]:
    """Tokenizer and LLM of `network.llm`, without LoRA.

    Raises:
        SeagullError: the folder holds no tokenizer or no language model.
    """
    if config.llm == COMPACT:
        tokenizer = compact_tokenizer(distortions)
        return tokenizer, _compact_llm(len(tokenizer))
    folder = Path(config.llm)
    if not folder.is_dir():
        raise SeagullError(
            f"network.llm: {folder} is no folder; the paper's is Vicuna "
            "(huggingface.co/lmsys/vicuna-7b-v1.5), its files as they are"
        )
    return load_tokenizer(folder), _load(folder, llm_dtype(config))


def llm_dtype(config: NetworkConfig) -> torch.dtype:
    """What the LLM is held in."""
    bf16 = config.frozen_llm if config.llm_precision == "auto" else config.llm_precision == "bf16"
    return torch.bfloat16 if bf16 else torch.float32


def compact_llm_config(vocabulary: int) -> Any:
    """The compact Llama's configuration."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        max_position_embeddings=2048,
        initializer_range=HIDDEN**-0.5,  # Llama's 0.02 is for wide ones: narrow, it looks nowhere
        bos_token_id=1,
        eos_token_id=2,
    )


def _compact_llm(vocabulary: int) -> Any:
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(compact_llm_config(vocabulary))


def _load(folder: Path, dtype: torch.dtype) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=dtype, attn_implementation="sdpa"
        )
    except (OSError, ValueError) as error:
        raise SeagullError(
            f"network.llm: {folder} holds no language model in transformers' format; "
            "the paper's is Vicuna (huggingface.co/lmsys)"
        ) from error


def adapted(llm: Any, config: NetworkConfig) -> Any:
    """`llm` with LoRA on every linear layer but lm_head, the rest frozen; rank 0: as it is."""
    if not config.frozen_llm:
        return llm
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft asks by a name that transformers calls deprecated
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        return get_peft_model(llm, lora)


def base_of(llm: Any) -> Any:
    """The language model itself, with or without LoRA around it."""
    return llm.get_base_model() if hasattr(llm, "get_base_model") else llm
