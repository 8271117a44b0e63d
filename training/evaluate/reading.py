"""What a network says of regions it has seen: scales, distortions, severities, sentences.

Quality and importance are closed-set scores over five words. Distortions are the greedy answer; the
probability of a type is that of Yes against No when it is asked for alone, that of a severity the
closed set over the five words at its place in the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, SEVERITY_WORDS, expected_grade
from training.data import texts
from training.evaluate.answer import CLOSED_SETS, closed_set, generate_answers
from training.network.network import Network, VisualTokens

_NAMED = re.compile(rf"({'|'.join(SEVERITY_WORDS)}) ([a-z]+)\b")


@dataclass(frozen=True)
class Scale:
    """A closed-set answer: the likeliest word, the expected level in [0, 4], p of the words."""

    word: str
    score: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class DistortionAnswer:
    """One type: whether the answer names it, and p of Yes when asked for it alone.

    `severity` and the probabilities of its five words are there where the answer names one.
    """

    name: str
    said: bool
    probability: float
    severity: str | None
    severities: Mapping[str, float]


@dataclass(frozen=True)
class Answer:
    """What a network says of one region; `sentences` on quality, importance and distortions."""

    quality: Scale
    importance: Scale
    distortions: tuple[DistortionAnswer, ...]
    sentences: tuple[str, str, str]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def read_answers(network: Network, seen: VisualTokens) -> list[Answer]:
    """One answer for each of the sequences that `seen` serves."""
    words = {"quality": QUALITY_WORDS, "importance": IMPORTANCE_WORDS}
    scales = {
        name: [_scale(row, words[name]) for row in closed_set(network, seen, *asked)]
        for name, asked in CLOSED_SETS.items()
    }
    said = generate_answers(network, seen, texts.DISTORTION_QUESTION)
    present = _judged(network, seen)
    return [
        Answer(
            *(quality, importance),
            _distortions(network, seen, row, said[row], [p[row] for p in present]),
            (_quality_sentence(quality), _importance_sentence(importance), said[row]),
        )
        for row, (quality, importance) in enumerate(
            zip(scales["quality"], scales["importance"], strict=True)
        )
    ]


def _judged(network: Network, seen: VisualTokens) -> list[list[float]]:
    """p(Yes) against No of each distortion's judgment, of every sequence."""
    return [
        closed_set(
            *(network, seen, texts.distortion_judgment(name), "", (texts.YES, texts.NO))
        ).softmax(1)[:, 0].tolist()
        for name in network.distortions
    ]  # fmt: skip


def _distortions(
    network: Network, seen: VisualTokens, row: int, said: str, present: Sequence[float]
) -> tuple[DistortionAnswer, ...]:
    named = texts.parse_distortions(said, network.distortions) or {}
    severities = _severities(network, seen, row, said)
    return tuple(
        DistortionAnswer(
            *(name, name in named, round(p, 6)),
            None if (level := named.get(name)) is None else SEVERITY_WORDS[level],
            severities.get(name, {}),
        )
        for name, p in zip(network.distortions, present, strict=True)
    )


def _severities(
    network: Network, seen: VisualTokens, row: int, said: str
) -> dict[str, Mapping[str, float]]:
    """For each type said with a severity: p of the five words at that place of the answer."""
    mine = seen.of(torch.tensor([row], device=seen.image.device))
    found: dict[str, Mapping[str, float]] = {}
    for match in _NAMED.finditer(said):
        lead = said[: match.start()].rstrip()
        asked = (texts.DISTORTION_QUESTION, lead, SEVERITY_WORDS)
        (logs,) = closed_set(network, mine, *asked)
        found.setdefault(match[2], _scale(logs, SEVERITY_WORDS).probabilities)
    return found


def _scale(log_probabilities: Tensor, words: Sequence[str]) -> Scale:
    p = log_probabilities.softmax(0).tolist()
    rounded = {word: round(value, 6) for word, value in zip(words, p, strict=True)}
    return Scale(words[p.index(max(p))], round(expected_grade(p), 4), rounded)


def _quality_sentence(scale: Scale) -> str:
    return texts.quality_answer(QUALITY_WORDS.index(scale.word))


def _importance_sentence(scale: Scale) -> str:
    return texts.importance_answer(IMPORTANCE_WORDS.index(scale.word))
