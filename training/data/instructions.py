"""A label becomes its truth, and instructions are drawn for it (section 3.3).

One question a sequence: several on one ROI would let an answer leak into the next. Stage 1 draws
at random, half analysis (AIR) and half judgment (JIR); the judgments are half Yes and half No, the
No ones uniform over what is not true. Stage 2 draws once, from a generator keyed by the ROI.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from manifests.chance import generator
from manifests.keys import DISTORTIONS, WITHOUT, in_order
from manifests.ratings import Opinion
from manifests.records import Label
from manifests.words import RATING_TOP, grade, on_scale
from training.data import texts


@dataclass(frozen=True)
class Truth:
    """What is true of one ROI in one rendering: scores on the card's scales, and their grades."""

    rendering_id: str
    roi_id: str
    quality: float
    importance: float
    quality_grade: int
    importance_grade: int
    severities: texts.Severities
    distortions: tuple[str, ...] = DISTORTIONS  # that a ROI of the dataset may show


@dataclass(frozen=True)
class Instruction:
    """One question and the answer to learn."""

    kind: str  # quality | importance | distortion, or judge_ before one of them
    question: str
    answer: str


def truth(
    label: Label | Opinion,
    quality_top: float,
    importance_top: float,
    quality_scale: str = "linear",
    distortions: tuple[str, ...] = DISTORTIONS,
) -> Truth:
    """Return the truth of a label of SEAGULL-100w, or of people's opinion of SEAGULL-3k."""
    quality = on_scale(label.quality, quality_top, quality_scale)
    return Truth(
        rendering_id=label.rendering_id,
        roi_id=label.roi_id,
        quality=quality,
        importance=label.importance,
        quality_grade=grade(quality, quality_top),
        importance_grade=grade(label.importance, importance_top),
        severities=_severities(label),
        distortions=distortions,
    )


def _severities(label: Label | Opinion) -> texts.Severities:
    if isinstance(label, Label):
        shown = () if label.distortion_label == WITHOUT else label.distortion_label.split("+")
        return dict.fromkeys(in_order(shown))
    means = ((name, label.severities[name]) for name in in_order(label.severities))
    return {name: grade(mean, RATING_TOP) for name, mean in means if mean is not None}


def analyses(of: Truth) -> tuple[Instruction, Instruction, Instruction]:
    """The three AIRs: quality, importance, distortion."""
    return (
        Instruction("quality", texts.QUALITY_QUESTION, texts.quality_answer(of.quality_grade)),
        Instruction(
            "importance",
            texts.IMPORTANCE_QUESTION,
            texts.importance_answer(of.importance_grade),
        ),
        Instruction(
            "distortion", texts.DISTORTION_QUESTION, texts.distortion_answer(of.severities)
        ),
    )


def judgment(of: Truth, kind: int, rng: np.random.Generator) -> Instruction:
    """A JIR on quality (0), importance (1) or a distortion (2), Yes or No with equal chance.

    A ROI without distortions has no true type to ask for, and one with all types no absent one:
    there the verdict is the only possible one.
    """
    yes = bool(rng.integers(2))
    if kind == 2:
        present = [d for d in of.distortions if d in of.severities]
        absent = [d for d in of.distortions if d not in of.severities]
        yes = bool(present) and (yes or not absent)
        asked = str(rng.choice(present if yes else absent))
        question, name = texts.distortion_judgment(asked), "judge_distortion"
    elif kind == 1:
        question = texts.importance_judgment(_asked(of.importance_grade, yes, rng))
        name = "judge_importance"
    else:
        question = texts.quality_judgment(_asked(of.quality_grade, yes, rng))
        name = "judge_quality"
    return Instruction(name, question, texts.YES if yes else texts.NO)


def _asked(true: int, yes: bool, rng: np.random.Generator) -> int:
    return true if yes else int(rng.choice([i for i in range(5) if i != true]))


def draw(of: Truth, rng: np.random.Generator, judgments: float = 0.5) -> Instruction:
    """One instruction: a JIR with chance `judgments`, else an AIR; the three kinds alike."""
    kind = int(rng.integers(3))
    if rng.random() < judgments:
        return judgment(of, kind, rng)
    return analyses(of)[kind]


def fixed(of: Truth, seed: int) -> tuple[Instruction, ...]:
    """Stage 2: the three AIRs and three JIRs of a ROI, the same whenever they are asked for."""
    rng = generator("instructions", seed, of.rendering_id, of.roi_id)
    return (*analyses(of), *(judgment(of, kind, rng) for kind in range(3)))


def fixed_of(of: Truth, seed: int, judgments: float) -> tuple[Instruction, ...]:
    """`fixed`, or the AIRs alone where judgments are left out (paper, table 4)."""
    return fixed(of, seed) if judgments else analyses(of)


def pick_fixed(seed: int, judgments: float = 0.5) -> Callable[..., Instruction]:
    """A draw that picks one of a ROI's fixed instructions."""

    def pick(of: Truth, rng: np.random.Generator) -> Instruction:
        asked = fixed_of(of, seed, judgments)
        return asked[int(rng.integers(len(asked)))]

    return pick
