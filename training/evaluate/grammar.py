"""What a distortion answer may go on with, token by token: types in their order, none twice.

    Without distortions.
    With [severity] type {, [severity] type} [and [severity] type] distortions.

The pieces are words with the blank before them and punctuation without; each is a few tokens, so
the choice is among the next tokens of the pieces that may follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from manifests.keys import DISTORTIONS
from manifests.words import SEVERITY_WORDS
from training.data.tokens import Sequencer

_WITH, _WITHOUT, _END = "With", "Without", "</s>"


class DistortionGrammar:
    """The grammar in the tokens of one tokenizer."""

    def __init__(self, sequencer: Sequencer, distortions: Sequence[str] = DISTORTIONS) -> None:
        self.sequencer, self.distortions = sequencer, tuple(distortions)
        pieces = [f" {w}" for w in (*distortions, *SEVERITY_WORDS, "and", "distortions")]
        self.ids = {p: tuple(sequencer.piece(p)) for p in (*pieces, ",", ".")}
        self.ids |= {w: tuple(sequencer.ids(w)) for w in (_WITH, _WITHOUT)}
        self.ids[_END] = (sequencer.tokenizer.eos_token_id,)

    def start(self) -> "Answer":
        """An answer of which nothing is said yet."""
        return Answer(self)


@dataclass
class Answer:
    """One answer as it grows."""

    grammar: DistortionGrammar
    said: list[str] = field(default_factory=list)  # whole pieces
    begun: tuple[int, ...] = ()  # tokens of the next one

    @property
    def ended(self) -> bool:
        """Whether its last piece is said."""
        return self.said[-1:] == [_END]

    @property
    def text(self) -> str:
        """What is said."""
        return "".join(piece for piece in self.said if piece != _END)

    def take(self, logits: Tensor) -> int:
        """Say the likeliest token (of logits (V,)) among those that may follow; its id."""
        if self.ended:
            return self.grammar.ids[_END][0]
        n = len(self.begun)
        going_on = [
            (p, self.grammar.ids[p]) for p in following(self.said, self.grammar.distortions)
        ]
        going_on = [(p, ids) for p, ids in going_on if ids[:n] == self.begun and len(ids) > n]
        best = max(sorted({ids[n] for _, ids in going_on}), key=lambda i: float(logits[i]))
        self.begun = (*self.begun, best)
        whole = [p for p, ids in going_on if ids == self.begun]
        if whole:
            self.said, self.begun = [*self.said, whole[0]], ()
        return best


def following(pieces: list[str], distortions: Sequence[str] = DISTORTIONS) -> list[str]:
    """The pieces that may follow those of an answer."""
    if not pieces:
        return [_WITH, _WITHOUT]
    last, word = pieces[-1], pieces[-1].strip()
    if last == ".":
        return [_END]
    if word == "distortions":
        return ["."]
    if last == _WITHOUT:
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
