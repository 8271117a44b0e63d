"""What a network says of regions it has seen: scales, distortions, severities, sentences.

Quality and importance are closed-set scores over five words. Distortions are the greedy answer; a
type's probability is that an answer begins with it, a severity's that of the closed set over the
five words at its place in the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, SEVERITY_WORDS, expected_grade
from training.data import texts
from training.evaluate.answer import CLOSED_SETS, Prefilled, generate_answers
from training.network.network import Network, VisualTokens

_NAMED = re.compile(rf"({'|'.join(SEVERITY_WORDS)}) ([a-z]+)\b")


@dataclass(frozen=True)
class Scale:
    """A closed-set answer: the likeliest word, the expected grade in [0, 4], p of the words."""

    word: str
    score: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class DistortionAnswer:
    """One type: whether the answer names it, and how probable that is.

    `probability`: that an answer begins with this type, against the others and "without".
    `judged`: Yes against No, when this type is asked for alone (a JIR).
    `severity` and the probabilities of its five words are there where the answer names one.
    """

    name: str
    said: bool
    probability: float
    judged: float
    severity: str | None
    severities: Mapping[str, float]


@dataclass(frozen=True)
class Answer:
    """What a network says of one region; `sentences` on quality, importance and distortions."""

    quality: Scale
    importance: Scale
    distortions: tuple[DistortionAnswer, ...]
    without: float  # probability that an answer begins "Without distortions"
    sentences: tuple[str, str, str]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def read_answers(network: Network, visual: VisualTokens, grammatical: bool = True) -> list[Answer]:
    """One answer for each of the sequences that `visual` serves.

    `grammatical`: distortions are named within the grammar that was learned; the released model's
    answers have another.
    """
    asked = Prefilled(network, visual)
    quality, importance = (_scales(asked, name) for name in ("quality", "importance"))
    sentences = asked.distortions() if grammatical else _as_it_likes(network, visual)
    begun, judged = _begun(asked), _judged(asked)
    return [
        Answer(
            quality=quality[row],
            importance=importance[row],
            distortions=_distortions(network, visual, row, text, begun[row][1:], judged[row]),
            without=round(begun[row][0], 6),
            sentences=(
                _quality_sentence(quality[row]),
                _importance_sentence(importance[row]),
                text,
            ),
        )
        for row, text in enumerate(sentences)
    ]


def _scales(asked: Prefilled, name: str) -> list[Scale]:
    question, lead, words = CLOSED_SETS[name]
    return [_scale(row, words) for row in asked.closed_set(question, lead, words)]


def _as_it_likes(network: Network, visual: VisualTokens) -> list[str]:
    return generate_answers(network, visual, texts.DISTORTION_QUESTION)


def _begun(asked: Prefilled) -> list[list[float]]:
    """Return, for every sequence, p that the answer begins with "without", then with each type.

    A type may come with any severity or none; the beginnings exclude each other.
    """
    types = asked.network.distortions
    before = ("", *(f"{word} " for word in SEVERITY_WORDS))
    named = [f"With {severity}{name}" for name in types for severity in before]
    phrases = (texts.WITHOUT_DISTORTIONS.rstrip("."), *named)
    p = asked.closed_set(texts.DISTORTION_QUESTION, "", phrases).softmax(1)
    by_type = p[:, 1:].unflatten(1, (len(types), len(before))).sum(2)
    whole: list[list[float]] = torch.cat([p[:, :1], by_type], 1).tolist()
    return whole


def _judged(asked: Prefilled) -> list[list[float]]:
    """Return, for every sequence, p(Yes) against No of each type's judgment."""
    questions = [texts.distortion_judgment(name) for name in asked.network.distortions]
    verdicts: list[list[float]] = torch.stack(
        [asked.verdict(q).sigmoid() for q in questions], 1
    ).tolist()
    return verdicts


def _distortions(
    network: Network,
    visual: VisualTokens,
    row: int,
    text: str,
    begun: Sequence[float],
    judged: Sequence[float],
) -> tuple[DistortionAnswer, ...]:
    named = texts.parse_distortions(text, network.distortions) or {}
    severities = _severities(network, visual, row, text)
    return tuple(
        DistortionAnswer(
            name=name,
            said=name in named,
            probability=round(p, 6),
            judged=round(yes, 6),
            severity=None if (grade := named.get(name)) is None else SEVERITY_WORDS[grade],
            severities=severities.get(name, {}),
        )
        for name, p, yes in zip(network.distortions, begun, judged, strict=True)
    )


def _severities(
    network: Network, visual: VisualTokens, row: int, text: str
) -> dict[str, Mapping[str, float]]:
    """For each type said with a severity: p of the five words at that place of the answer."""
    places = list(_NAMED.finditer(text))
    if not places:
        return {}
    asked = Prefilled(network, visual, torch.tensor([row], device=visual.image.device))
    by_name: dict[str, Mapping[str, float]] = {}
    for match in places:
        lead = text[: match.start()].rstrip()
        (logs,) = asked.closed_set(texts.DISTORTION_QUESTION, lead, SEVERITY_WORDS)
        by_name.setdefault(match[2], _scale(logs, SEVERITY_WORDS).probabilities)
    return by_name


def _scale(log_probabilities: Tensor, words: Sequence[str]) -> Scale:
    p = log_probabilities.softmax(0).tolist()
    rounded = {word: round(value, 6) for word, value in zip(words, p, strict=True)}
    return Scale(words[p.index(max(p))], round(expected_grade(p), 4), rounded)


def _quality_sentence(scale: Scale) -> str:
    return texts.quality_answer(QUALITY_WORDS.index(scale.word))


def _importance_sentence(scale: Scale) -> str:
    return texts.importance_answer(IMPORTANCE_WORDS.index(scale.word))
