"""One vote as a browser sends it: checked whole, or refused in words."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from manifests.ratings import questions
from manifests.words import IMPORTANCE_WORDS, NONEXISTENT, QUALITY_WORDS, SEVERITY_WORDS

_TOPS = {"quality": len(QUALITY_WORDS) - 1, "importance": len(IMPORTANCE_WORDS) - 1}

SEVERITIES = (*SEVERITY_WORDS, "nonexistent")
_VOTE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_DAY_S = 86400.0


def top_answer(question: str) -> int:
    """Return the highest answer to a question; the lowest is 0.

    >>> top_answer("quality"), top_answer("blur")
    (4, 5)
    """
    return _TOPS.get(question, NONEXISTENT)


@dataclass(frozen=True)
class Vote:
    """Answers to all questions about one item, and how they were given."""

    vote: str  # made by the client: the same vote sent twice counts once
    position: int
    item: int
    answers: Mapping[str, int]
    seconds: float
    window_width: int
    window_height: int
    zoom: float


def parse_vote(body: Mapping[str, Any], distortions: Sequence[str] = DISTORTIONS) -> Vote:
    """The vote in a JSON body, on a study of these distortions.

    Raises:
        SeagullError: a field is missing, unknown, of another type or off its scale.
    """
    names = set(Vote.__dataclass_fields__)
    if set(body) != names:
        wrong = sorted(names ^ set(body))
        raise SeagullError(
            f"a vote has the fields {', '.join(sorted(names))}; see {wrong[0]!r:.80}"
        )
    vote = body["vote"]
    if not isinstance(vote, str) or not _VOTE_ID.fullmatch(vote):
        raise SeagullError("vote must be 8 to 64 letters, digits, '-' or '_', made by the client")
    return Vote(
        vote=vote,
        position=_whole(body, "position", 10**6),
        item=_whole(body, "item", 10**7),
        answers=_answers(body["answers"], questions(distortions)),
        seconds=round(_number(body, "seconds", _DAY_S), 3),
        window_width=_whole(body, "window_width", 10**5),
        window_height=_whole(body, "window_height", 10**5),
        zoom=round(_number(body, "zoom", 1000.0), 4),
    )


def _answers(given: Any, asked: Sequence[str]) -> dict[str, int]:
    if not isinstance(given, dict) or set(given) != set(asked):
        raise SeagullError(f"answers must be to all of {', '.join(asked)}, and no other")
    return {question: _whole(given, question, top_answer(question)) for question in asked}


def _whole(values: Mapping[str, Any], name: str, most: int) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise SeagullError(f"{name} must be a whole number 0 to {most}, got {value!r:.40}")
    return value


def _number(values: Mapping[str, Any], name: str, most: float) -> float:
    value = values[name]
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not 0 <= value <= most:
        raise SeagullError(f"{name} must be a number 0 to {most:g}, got {value!r:.40}")
    return float(value)
