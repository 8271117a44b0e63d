"""What a distortion answer may go on with, token by token: types in their order, none twice.

    Without distortions.
    With [severity] type {, [severity] type} [and [severity] type] distortions.

The pieces are words with the blank before them and punctuation without; each is a few tokens, so
the choice is among the next tokens of the pieces that may follow.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from manifests.keys import DISTORTIONS
from manifests.words import SEVERITY_WORDS
from training.data.tokens import Sequencer

WITH, WITHOUT, _END = "With", "Without", "</s>"


class DistortionGrammar:
    """The grammar in the tokens of one tokenizer."""

    def __init__(self, sequencer: Sequencer, distortions: Sequence[str] = DISTORTIONS) -> None:
        self.sequencer, self.distortions = sequencer, tuple(distortions)
        pieces = [f" {w}" for w in (*distortions, *SEVERITY_WORDS, "and", "distortions")]
        self.ids = {p: tuple(sequencer.piece(p)) for p in (*pieces, ",", ".")}
        self.ids |= {w: tuple(sequencer.ids(w)) for w in (WITH, WITHOUT)}
        self.ids[_END] = (sequencer.tokenizer.eos_token_id,)

    def start(self) -> "Answer":
        """An answer of which nothing is said yet."""
        return Answer(self)

    def start_with(self, without: float) -> "Answer":
        """An answer that has begun "With"; `without`: how much likelier "Without" is (log-odds)."""
        return Answer(self, without, [WITH])


@dataclass
class Answer:
    """One answer as it grows: greedy, but for what is named, which is chosen whole.

    The next type is the likeliest over all severities that it may come with, and its severity the
    likeliest beside it: word by word, the severity would be chosen before it is known of what. For
    the same reason "Without" is said where it is likelier than the likeliest first type, not only
    where it is likelier than all types together.
    """

    grammar: DistortionGrammar
    without: float = -math.inf
    said: list[str] = field(default_factory=list)  # whole pieces
    begun: tuple[int, ...] = ()  # tokens of the next one
    chosen: tuple[int, ...] = ()  # tokens that come next

    @property
    def ended(self) -> bool:
        """Whether its last piece is said."""
        return self.said[-1:] == [_END]

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(piece for piece in self.said if piece != _END)

    @property
    def names_next(self) -> bool:
        """Whether a severity or a type comes next."""
        if self.ended or self.begun or self.chosen:
            return False
        return any(p.strip() in self.grammar.distortions for p in self._following())

    def take(
        self, logits: Tensor, behind: Mapping[str, tuple[float, Tensor]] = MappingProxyType({})
    ) -> int:
        """Say one more token; its id.

        Args:
            logits: (V,) of what comes next.
            behind: for severities that may come next, their log-probability and the
                log-probabilities (V,) of what follows them.
        """
        if self.names_next:
            self._choose(logits.log_softmax(-1), behind)
        if self.ended:
            return self.grammar.ids[_END][0]
        n = len(self.begun)
        going_on = [(p, self.grammar.ids[p]) for p in self._following()]
        going_on = [(p, ids) for p, ids in going_on if ids[:n] == self.begun and len(ids) > n]
        tokens = self.chosen[:1] or sorted({ids[n] for _, ids in going_on})
        best = max(tokens, key=lambda i: float(logits[i]))
        self.begun, self.chosen = (*self.begun, best), self.chosen[1:]
        whole = [p for p, ids in going_on if ids == self.begun]
        if whole:
            self.said, self.begun = [*self.said, whole[0]], ()
        return best

    def _following(self) -> list[str]:
        return following(self.said, self.grammar.distortions)

    def _choose(self, here: Tensor, behind: Mapping[str, tuple[float, Tensor]]) -> None:
        """Choose a severity, or none, and the first token of a type."""
        following = self._following()
        types = [p for p in following if p.strip() in self.grammar.distortions]
        first = sorted({self.grammar.ids[p][0] for p in types})
        words = [w for w in behind if f" {w}" in following]
        joint = torch.stack([here[first], *(behind[w][0] + behind[w][1][first] for w in words)])
        best = int(joint.logsumexp(0).argmax())
        if self.said == [WITH] and self.without > float(joint[:, best].logsumexp(0)):
            self.said = [WITHOUT, " distortions", ".", _END]
            return
        which = int(joint[:, best].argmax())
        severity = self.grammar.ids[f" {words[which - 1]}"] if which else ()
        self.chosen = (*severity, first[best])


def following(pieces: list[str], distortions: Sequence[str] = DISTORTIONS) -> list[str]:
    """The pieces that may follow those of an answer."""
    if not pieces:
        return [WITH, WITHOUT]
    last, word = pieces[-1], pieces[-1].strip()
    if last == ".":
        return [_END]
    if word == "distortions":
        return ["."]
    if last == WITHOUT:
        return [" distortions"]
    named = [p.strip() for p in pieces if p.strip() in distortions]
    left = [f" {d}" for d in distortions[distortions.index(named[-1]) + 1 if named else 0 :]]
    if word in distortions:
        if " and" in pieces or not left:
            return [" distortions"]
        listed = [] if "," in pieces else [" distortions"]
        return [*([","] if len(left) > 1 else []), " and", *listed]
    # A comma promises two more types: one behind it, one behind the closing "and".
    before = pieces[-2] if word in SEVERITY_WORDS else last
    choice = left[:-1] if before == "," else left
    return choice if word in SEVERITY_WORDS else [*choice, *(f" {s}" for s in SEVERITY_WORDS)]
