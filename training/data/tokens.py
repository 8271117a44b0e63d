r"""The word-level tokenizer, and sequences built segment by segment so that labels cannot slip.

A sequence is a Vicuna v1 turn: `USER: <image>\nThis is the overview of the image. Here is the
region <global><local>. {question} ASSISTANT: {answer}</s>`. Placeholders get ids above the
vocabulary, one a token of the image or the ROI, and never reach the embedding table: the network
scatters its features into their places (the idea of LLaVA's `masked_scatter` in transformers).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from training.data import texts

IGNORED = -100  # the label of a token that is given, not learned
SYSTEM = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. "
)
RELEASED_SYSTEM = SYSTEM.replace("user and", "human and").replace("user's", "human's")


def compact_tokenizer(distortions: Sequence[str] = DISTORTIONS) -> Any:
    """Build a word-level tokenizer over all that `texts` can say; the same on every machine."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="always", split=True),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    spoken = [*texts.every_text(distortions), texts.OVERVIEW, ". ", "USER:", "ASSISTANT:"]
    words = sorted({piece for text in spoken for piece, _ in splitter.pre_tokenize_str(text)})
    special = ["<unk>", "<s>", "</s>"]
    tokenizer = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate([*special, *words])}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        clean_up_tokenization_spaces=False,
    )


def load_tokenizer(folder: Path) -> Any:
    """A tokenizer saved in transformers' format."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SeagullError(f"{folder} holds no tokenizer in transformers' format") from error


@dataclass(frozen=True)
class Tokens:
    """`ids` and `labels` of one length; a label is `IGNORED` or the id itself."""

    ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Sequencer:
    """Builds sequences for one tokenizer and one number of image tokens.

    A prompt is `beginning` (one for an image, up to its last token), `region` (the words about the
    ROI and its tokens) and `question`; what several prompts share is computed once.
    """

    tokenizer: Any
    image_tokens: int
    system: str = ""
    views: tuple[int, ...] = (1, 2)  # of the ROI's tokens, those that are given: global 1, local 2

    @property
    def image_id(self) -> int:
        """The id of every image token; those of `<global>` and `<local>` follow."""
        return len(self.tokenizer)

    def ids(self, text: str) -> list[int]:
        """The ids of a segment, without special tokens."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def beginning(self) -> list[int]:
        """All up to the last image token."""
        opened = [self.tokenizer.bos_token_id, *self.ids(f"{self.system}USER:")]
        return [*opened, *[self.image_id] * self.image_tokens]

    def region(self) -> list[int]:
        """What introduces the ROI, and its tokens."""
        return [*self.ids(texts.OVERVIEW), *(self.image_id + view for view in self.views)]

    def question(self, question: str, lead: str = "") -> list[int]:
        """The question, up to the answer or up to the rest of one that begins with `lead`."""
        asked = [*self.ids(f". {question}"), *self.ids("ASSISTANT:")]
        return [*asked, *(self.ids(lead) if lead else [])]

    def prompt(self, question: str, lead: str = "") -> list[int]:
        """All up to the answer, or up to the rest of an answer that begins with `lead`."""
        return [*self.beginning(), *self.region(), *self.question(question, lead)]

    def sequence(self, question: str, answer: str) -> Tokens:
        """Prompt, answer and end; only the answer and the end are learned."""
        prompt = self.prompt(question)
        learned = [*self.ids(answer), self.tokenizer.eos_token_id]
        return Tokens([*prompt, *learned], [*[IGNORED] * len(prompt), *learned])

    def continuation(self, lead: str, word: str) -> list[int]:
        """The ids that `word` adds to `lead`: ids(lead + " " + word) minus ids(lead)."""
        return self._added(lead, f"{lead} {word}")

    def piece(self, piece: str) -> list[int]:
        """The ids of `piece` (` blur`, `,`) after a word."""
        return self._added("With", f"With{piece}")

    def _added(self, start: str, whole: str) -> list[int]:
        before, ids = self.ids(start), self.ids(whole)
        if ids[: len(before)] != before:
            rest = whole[len(start) :]
            raise SeagullError(
                f"the tokenizer joins '{start}' with '{rest}': no closed set over it"
            )
        return ids[len(before) :]

    def text(self, ids: list[int]) -> str:
        """The text of an answer's ids, special tokens left out."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()


@dataclass(frozen=True)
class ReleasedSequencer(Sequencer):
    """The prompt of the released SEAGULL-7B: words around the placeholders tokenized in one go.

    `<global>` and `<local>` are words of its tokenizer; their embeddings are never used.
    """

    system: str = RELEASED_SYSTEM

    def beginning(self) -> list[int]:
        """All up to the last image token; the blank before the image is a piece of its own."""
        opened = [self.tokenizer.bos_token_id, *self.ids(f"{self.system}USER: ")]
        return [*opened, *[self.image_id] * self.image_tokens]

    def region(self) -> list[int]:
        """What introduces the ROI, and its tokens."""
        return self._around("")[0]

    def question(self, question: str, lead: str = "") -> list[int]:
        """The question, up to the answer or up to the rest of one that begins with `lead`."""
        asked = texts.RELEASED_QUESTIONS.get(question, question)
        return [*self._around(f". {asked} ASSISTANT:")[1], *(self.ids(lead) if lead else [])]

    def _around(self, after: str) -> tuple[list[int], list[int]]:
        """Ids up to the ROI's tokens, and of `after` behind them."""
        whole = self.ids(f"{texts.RELEASED_OVERVIEW}{texts.GLOBAL}{texts.LOCAL}{after}")
        first = self.tokenizer.convert_tokens_to_ids(texts.GLOBAL)
        at = whole.index(first)
        views = [self.image_id + view for view in self.views]
        return [*whole[:at], *views], whole[at + 2 :]
