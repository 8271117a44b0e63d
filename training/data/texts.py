"""The questions and answers of section 3.3 and figure 3, and the way back from an answer.

Covers the words alone: which question is put to which ROI is `instructions.py`. Levels are the
indices 0..4 of `manifests.words`; a severity of None is a distortion of unknown severity
(SEAGULL-100w has types alone).
"""

import re
from collections.abc import Mapping, Sequence

from manifests.keys import DISTORTIONS, in_order
from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS, SEVERITY_WORDS

IMAGE, GLOBAL, LOCAL = "<image>", "<global>", "<local>"
OVERVIEW = "\nThis is the overview of the image. Here is the region"

QUALITY_QUESTION = "Analyze the quality of this region."
IMPORTANCE_QUESTION = (
    "Consider the impact of this region on the overall image quality. "
    "Analyze its importance to the overall image quality."
)
DISTORTION_QUESTION = "Analyze the distortions of this region."

RELEASED_OVERVIEW = (  # as the released model was asked, its missing comma included
    "\nThis provides an overview of the image.\n Please answer the following questions about the "
    "provided region. Note: Distortions include: blur, colorfulness, compression, contrast "
    "exposure and noise.\n Here is the region "
)
RELEASED_QUESTIONS = {DISTORTION_QUESTION: "Provide the distortion type of this region."}

QUALITY_LEAD = "The quality is"
IMPORTANCE_LEAD = "This region is"
CLOSED_SETS = {  # question, lead, words
    "quality": (QUALITY_QUESTION, QUALITY_LEAD, QUALITY_WORDS),
    "importance": (IMPORTANCE_QUESTION, IMPORTANCE_LEAD, IMPORTANCE_WORDS),
}
WITHOUT_DISTORTIONS = "Without distortions."
YES, NO = "Yes", "No"

Severities = Mapping[str, int | None]
"""Distortion -> severity 0..4 or None; empty is a ROI without distortions."""


def quality_answer(grade: int) -> str:
    """Write `The quality is good.` for grade 3."""
    return f"{QUALITY_LEAD} {QUALITY_WORDS[grade]}."


def importance_answer(grade: int) -> str:
    """Write `This region is important to the overall quality.` for grade 3."""
    return f"{IMPORTANCE_LEAD} {IMPORTANCE_WORDS[grade]} to the overall quality."


def distortion_answer(severities: Severities) -> str:
    """`With minor colorfulness and trivial contrast distortions.`, types in the paper's order."""
    named = [
        name if severities[name] is None else f"{SEVERITY_WORDS[severities[name] or 0]} {name}"
        for name in in_order(severities)
    ]
    if not named:
        return WITHOUT_DISTORTIONS
    *head, last = named
    listed = f"{', '.join(head)} and {last}" if head else last
    return f"With {listed} distortions."


def quality_judgment(grade: int) -> str:
    """Write `Is the quality of this region good?` for grade 3."""
    return f"Is the quality of this region {QUALITY_WORDS[grade]}?"


def importance_judgment(grade: int) -> str:
    """Write `Is this region unimportant to the overall quality?` for grade 0."""
    return f"Is this region {IMPORTANCE_WORDS[grade]} to the overall quality?"


def distortion_judgment(distortion: str) -> str:
    """Write `Is this region in blur distortion?` for blur."""
    return f"Is this region in {distortion} distortion?"


def parse_quality(text: str) -> int | None:
    """Read the grade of a quality answer; None when the text is none."""
    return _parse_grade(text, f"{QUALITY_LEAD} (\\w+)", QUALITY_WORDS)


def parse_importance(text: str) -> int | None:
    """Read the grade of an importance answer; None when the text is none."""
    return _parse_grade(text, f"{IMPORTANCE_LEAD} (\\w+)", IMPORTANCE_WORDS)


def parse_verdict(text: str) -> bool | None:
    """Return True for Yes, False for No, None for anything else."""
    return {"yes": True, "no": False}.get(text.strip().rstrip(".").lower())


def parse_distortions(
    text: str, distortions: Sequence[str] = DISTORTIONS
) -> dict[str, int | None] | None:
    """Read the types, with severities where named, of a distortion answer; None when it is none."""
    answer = text.strip().lower()
    if re.fullmatch(r"without distortions?\.?", answer):
        return {}
    match = re.fullmatch(r"with (.+?) distortions?\.?", answer)
    if match is None:
        return None
    parts = [part.split() for part in re.split(r", | and ", match[1])]
    if not all(_is_distortion(part, distortions) for part in parts):
        return None
    return {p[-1]: SEVERITY_WORDS.index(p[0]) if len(p) == 2 else None for p in parts}


def _is_distortion(words: list[str], distortions: Sequence[str]) -> bool:
    severity, name = words[:-1], words[-1:]
    return (
        len(words) in (1, 2)
        and name[0] in distortions
        and all(s in SEVERITY_WORDS for s in severity)
    )


def _parse_grade(text: str, pattern: str, words: tuple[str, ...]) -> int | None:
    match = re.match(pattern, text.strip(), re.IGNORECASE)
    word = match[1].lower() if match else None
    return words.index(word) if word in words else None


def every_text(distortions: Sequence[str] = DISTORTIONS) -> list[str]:
    """Every question and answer that can be formed with at most one distortion, and `, and`."""
    grades = range(5)
    severities: list[int | None] = [None, *grades]
    answers = [distortion_answer({d: s}) for d in distortions for s in severities]
    return [
        *(QUALITY_QUESTION, IMPORTANCE_QUESTION, DISTORTION_QUESTION, WITHOUT_DISTORTIONS, YES, NO),
        *answers,
        distortion_answer(dict.fromkeys(distortions)),
        *(f(i) for i in grades for f in (quality_answer, importance_answer)),
        *(f(i) for i in grades for f in (quality_judgment, importance_judgment)),
        *(distortion_judgment(d) for d in distortions),
    ]
