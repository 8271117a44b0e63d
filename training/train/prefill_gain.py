"""What reading an image and its ROIs once for all questions saves, at a large LLM's proportions.

`python -m training.train.prefill_gain` on a CPU: a random Llama of 2048 channels and 8 layers, 256
image tokens, two ROIs, the two closed sets and three judgments of each. Seconds with what was read
kept, and with every question read from its first token on; the answers are the same.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from manifests.config import NetworkConfig
from manifests.keys import DISTORTIONS
from training.data import texts
from training.data.tokens import compact_tokenizer
from training.evaluate.answer import CLOSED_SETS, Prefilled
from training.network.language_model import compact_llm_config
from training.network.network import Network, VisualTokens

HIDDEN, LAYERS = 2048, 8
ROIS = 2
_JUDGMENTS = (
    "Is the quality of this region good?",
    "Is this region unimportant to the overall quality?",
    "Is this region in blur distortion?",
)


def large_network(hidden: int = HIDDEN, layers: int = LAYERS) -> Network:
    """A network of random weights whose LLM has a large one's proportions; 256 image tokens."""
    from transformers import LlamaForCausalLM

    tokenizer = compact_tokenizer()
    described = compact_llm_config(len(tokenizer))
    described.update({"hidden_size": hidden, "intermediate_size": hidden * 43 // 16})
    described.update({"num_hidden_layers": layers, "num_attention_heads": hidden // 64})
    described.update({"num_key_value_heads": hidden // 64, "head_dim": 64})
    config = replace(NetworkConfig(), view=512)
    torch.manual_seed(0)
    return Network(config, tokenizer, LlamaForCausalLM(described), DISTORTIONS).eval()


def asked(read: Callable[[], Prefilled]) -> list[Tensor]:
    """Log-probabilities and log-odds of all questions, each put to what `read` gives."""
    sets = [read().closed_set(*of) for of in CLOSED_SETS.values()]
    return [*sets, *[read().verdict(question) for question in _JUDGMENTS]]


def gain(network: Network, rois: int = ROIS) -> tuple[float, float, Sequence[float]]:
    """Seconds with and without what was read kept, and the largest difference of each answer."""
    hidden, tokens = network.llm.config.hidden_size, network.sequencer.image_tokens
    visual = VisualTokens(torch.randn(1, tokens, hidden), torch.randn(1, rois, 2, hidden))
    Prefilled(network, visual)  # warms up
    begun = time.perf_counter()
    kept = Prefilled(network, visual)
    once = asked(lambda: kept)
    between = time.perf_counter()
    anew = asked(lambda: Prefilled(network, visual.of(torch.arange(rois)), torch.arange(rois)))
    ended = time.perf_counter()
    errors = [float((a - b).abs().max()) for a, b in zip(once, anew, strict=True)]
    return between - begun, ended - between, errors


if __name__ == "__main__":
    torch.set_num_threads(1)
    with_cache, without, differences = gain(large_network())
    print(f"{texts.QUALITY_QUESTION} and {len(_JUDGMENTS) + 1} more, {ROIS} ROIs of one image:")
    print(f"read once {with_cache:.1f} s, read anew {without:.1f} s: {without / with_cache:.1f}x")
    print(f"largest difference of a log-probability {max(differences):.1e}")
