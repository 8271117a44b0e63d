"""Asking a network: closed-set scores and free-text answers.

Sequences of one question have one length (the number of image tokens is fixed), so a batch needs
no padding. What is asked of which ROI is `evaluation.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS
from training.data import texts
from training.network.network import Network, VisualTokens

CLOSED_SETS = {
    "quality": (texts.QUALITY_QUESTION, texts.QUALITY_LEAD, QUALITY_WORDS),
    "importance": (texts.IMPORTANCE_QUESTION, texts.IMPORTANCE_LEAD, IMPORTANCE_WORDS),
}
LONGEST_ANSWER = 48  # tokens


@torch.no_grad()
def closed_set(
    network: Network, seen: VisualTokens, question: str, lead: str, words: tuple[str, ...]
) -> Tensor:
    """Joint log-probabilities (N, len(words)) of `lead` going on with each word (Q-Align).

    A word's ids are those it adds to the lead; their log-probabilities are summed without length
    normalisation. Words that share a beginning share its forward pass, so that words of one token
    cost one pass in all.
    """
    ids = [network.sequencer.continuation(lead, word) for word in words]
    prompt = network.sequencer.prompt(question, lead)
    beginnings = sorted({tuple(word[:n]) for word in ids for n in range(len(word))})
    following = {b: _next_token(network, seen, [*prompt, *b]) for b in beginnings}
    joint = [sum(following[tuple(w[:n])][:, w[n]] for n in range(len(w))) for w in ids]
    return torch.stack([torch.as_tensor(j) for j in joint], 1)


def _next_token(network: Network, seen: VisualTokens, prompt: list[int]) -> Tensor:
    ids = _rows(prompt, seen)
    logits = network.token_logits(ids, torch.ones_like(ids), seen)[:, -1]
    return F.log_softmax(logits.float(), -1)


def scores(log_probabilities: Tensor) -> Tensor:
    """(N,) in [0, 4]: sum of p_i i, p the softmax over the five words."""
    levels = torch.arange(log_probabilities.shape[1], device=log_probabilities.device)
    return (log_probabilities.softmax(1) * levels).sum(1)


@torch.no_grad()
def generate_answers(network: Network, seen: VisualTokens, question: str) -> list[str]:
    """Generate the greedy answer to a question for each of the N sequences `seen` serves."""
    ids = _rows(network.sequencer.prompt(question), seen)
    end = network.sequencer.tokenizer.eos_token_id
    said: Tensor = network.llm.generate(
        inputs_embeds=network.embed(ids, seen),
        attention_mask=torch.ones_like(ids),
        max_new_tokens=LONGEST_ANSWER,
        do_sample=False,
        pad_token_id=end,
        eos_token_id=end,
    )
    return [network.sequencer.text(row) for row in said.tolist()]


def _rows(prompt: list[int], seen: VisualTokens) -> Tensor:
    count = seen.regions.shape[0] * seen.regions.shape[1]
    return torch.tensor([prompt], device=seen.image.device).expand(count, -1)
