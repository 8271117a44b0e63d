"""Asking a network: closed-set scores and free-text answers.

Sequences of one question have one length (the number of image tokens is fixed), so a batch needs
no padding. What they share is computed once: an image for all its ROIs, a ROI for all its
questions. What is asked of which ROI is `evaluation.py`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from manifests.words import SEVERITY_WORDS
from training.data import texts
from training.evaluate.grammar import WITH, WITHOUT, Answer, DistortionGrammar
from training.network.language_model import base_of
from training.network.network import Network, VisualTokens

CLOSED_SETS = texts.CLOSED_SETS
LONGEST_ANSWER = 48  # tokens
LEAST_SEVERITY = -7.0  # log-probability under which severities are not looked at: stage 1 has none


class Prefilled:
    """ROIs that the LLM has read, with its keys and values, ready to be asked several questions."""

    @torch.no_grad()
    def __init__(self, network: Network, visual: VisualTokens, rows: Tensor | None = None) -> None:
        """Read the images of `visual`, and of their B * K ROIs those at `rows` (all where None)."""
        from transformers import DynamicCache

        b, k = visual.regions.shape[:2]
        if rows is None:
            rows = torch.arange(b * k, device=visual.image.device)
        self.network, self.cache = network, DynamicCache()
        first = VisualTokens(visual.image, visual.regions[:, :1])
        self._read(network.sequencer.beginning(), first, behind=False)
        self.cache.batch_select_indices(rows // k)
        self.visual = visual.of(rows)
        self._read(network.sequencer.region(), self.visual, behind=False)
        self.length = self.cache.get_seq_length()

    def _read(self, ids: list[int] | Tensor, visual: VisualTokens, behind: bool = True) -> Tensor:
        """Logits (N, V) after the last of `ids`, one row for all or (N, L); `behind` the ROI's."""
        if isinstance(ids, list):
            ids = torch.tensor([ids], device=visual.image.device)
        count = visual.regions.shape[0] * visual.regions.shape[1]
        embedded = self.network.embed(ids.expand(count, -1), visual, behind)
        logits: Tensor = base_of(self.network.llm)(
            inputs_embeds=embedded,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits[:, -1]

    def _forget(self) -> None:
        """Drop what was read behind the ROI."""
        self.cache.crop(self.length - self.cache.get_seq_length())

    @torch.no_grad()
    def next_token(self, ids: list[int]) -> Tensor:
        """Log-probabilities (N, V) of what follows the ROI and `ids`, which are then forgotten."""
        logits = self._read(ids, self.visual)
        self._forget()
        return F.log_softmax(logits.float(), -1)

    def closed_set(self, question: str, lead: str, words: tuple[str, ...]) -> Tensor:
        """Joint log-probabilities (N, len(words)) of `lead` going on with each word (Q-Align).

        A word's ids are those it adds to the lead; their log-probabilities are summed without
        length normalisation. Words that share a beginning share its forward pass, so that words of
        one token cost one pass in all.
        """
        sequencer = self.network.sequencer
        ids = [sequencer.continuation(lead, word) for word in words]
        asked = sequencer.question(question, lead)
        beginnings = sorted({tuple(word[:n]) for word in ids for n in range(len(word))})
        following = {b: self.next_token([*asked, *b]) for b in beginnings}
        joint = [sum(following[tuple(w[:n])][:, w[n]] for n in range(len(w))) for w in ids]
        return torch.stack([torch.as_tensor(j) for j in joint], 1)

    def verdict(self, question: str) -> Tensor:
        """(N,): the log-odds of Yes against No."""
        following = self.next_token(self.network.sequencer.question(question))
        yes, no = (self.network.sequencer.ids(word)[0] for word in (texts.YES, texts.NO))
        return following[:, yes] - following[:, no]

    @torch.no_grad()
    def greedy(self, question: str) -> list[str]:
        """The likeliest tokens one by one, up to the end or `LONGEST_ANSWER` of them."""
        sequencer = self.network.sequencer
        said: list[Tensor] = []
        end = sequencer.tokenizer.eos_token_id
        logits = self._read(sequencer.question(question), self.visual)
        ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
        while len(said) < LONGEST_ANSWER and not ended.all():
            said.append(logits.argmax(-1).masked_fill(ended, end))
            ended = ended | (said[-1] == end)
            logits = self._read(said[-1][:, None], self.visual)
        self._forget()
        return [sequencer.text(row) for row in torch.stack(said, 1).tolist()]

    @torch.no_grad()
    def distortions(self) -> list[str]:
        """The answer about distortions, within the grammar: it can be parsed, no type comes twice.

        What it names is chosen as `grammar.Answer` says.
        """
        grammar = DistortionGrammar(self.network.sequencer, self.network.distortions)
        asked = texts.DISTORTION_QUESTION
        none, some = self.closed_set(asked, "", (WITHOUT, WITH)).unbind(1)
        answers = [grammar.start_with(odds) for odds in (none - some).tolist()]
        logits = self._read(self.network.sequencer.question(asked, WITH), self.visual)
        while not all(answer.ended for answer in answers):
            behind = self._behind_severities(grammar, answers, logits)
            taken = [
                answer.take(row, {w: (float(p[n]), after[n]) for w, (p, after) in behind.items()})
                for n, (answer, row) in enumerate(zip(answers, logits, strict=True))
            ]
            logits = self._read(torch.tensor(taken, device=logits.device)[:, None], self.visual)
        self._forget()
        return [answer.text for answer in answers]

    def _behind_severities(
        self, grammar: DistortionGrammar, answers: Sequence[Answer], logits: Tensor
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """For each severity, its log-probability (N,) and those (N, V) of what follows it.

        Nothing where no answer comes to one, or none of them says severities.
        """
        naming = torch.tensor([answer.names_next for answer in answers], device=logits.device)
        words = {word: grammar.ids[f" {word}"] for word in SEVERITY_WORDS}
        first = logits.float().log_softmax(-1)[naming][:, [ids[0] for ids in words.values()]]
        if not (first > LEAST_SEVERITY).any():
            return {}
        return {word: self._behind(ids, logits) for word, ids in words.items()}

    def _behind(self, ids: tuple[int, ...], logits: Tensor) -> tuple[Tensor, Tensor]:
        following, joint = logits.float().log_softmax(-1), logits.new_zeros(len(logits))
        for token in ids:
            joint = joint + following[:, token]
            following = self._read([token], self.visual).float().log_softmax(-1)
        self.cache.crop(-len(ids))
        return joint, following


def closed_set(
    network: Network, visual: VisualTokens, question: str, lead: str, words: tuple[str, ...]
) -> Tensor:
    """`Prefilled.closed_set` of one question."""
    return Prefilled(network, visual).closed_set(question, lead, words)


def scores(log_probabilities: Tensor) -> Tensor:
    """(N,) in [0, 4]: sum of p_i i, p the softmax over the five words."""
    grades = torch.arange(log_probabilities.shape[1], device=log_probabilities.device)
    return (log_probabilities.softmax(1) * grades).sum(1)


@torch.no_grad()
def generate_answers(network: Network, visual: VisualTokens, question: str) -> list[str]:
    """The greedy answer to one question for each of the N sequences that `visual` serves."""
    return Prefilled(network, visual).greedy(question)
