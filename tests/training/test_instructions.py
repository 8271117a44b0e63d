from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from manifests.keys import DISTORTIONS
from manifests.ratings import Opinion
from manifests.records import Label
from training.data import instructions, texts

HUNDRED = Label("a_blur_03", "a_obj000", "a", 0.61, 0.02, "blur", "test", "0")
SEVERITIES = {**dict.fromkeys(DISTORTIONS), "noise": 0.8, "contrast": 0.81}
STUDY = Opinion("a_mixed_01", "a_obj000", "a", 4.0, 0.0, SEVERITIES, 7, "people")


def test_truth_of_seagull_100w():
    truth = instructions.truth(HUNDRED, 1.0, 0.1)
    assert (truth.quality_grade, truth.importance_grade) == (3, 0)
    assert truth.severities == {"blur": None}
    without = instructions.truth(replace(HUNDRED, distortion_label="without"), 1.0, 0.1)
    assert without.severities == {}
    mixed = instructions.truth(replace(HUNDRED, distortion_label="blur+exposure"), 1.0, 0.1)
    answer = instructions.analyses(mixed)[2].answer
    assert answer == "With exposure and blur distortions."


def test_truth_of_seagull_3k():
    truth = instructions.truth(STUDY, 4.0, 4.0)
    assert (truth.quality_grade, truth.importance_grade) == (4, 0)
    assert truth.severities == {"noise": 0, "contrast": 1}
    answer = instructions.analyses(truth)[2].answer
    assert answer == "With extreme noise and severe contrast distortions."


def true_answer(truth, question):
    """The verdict, found from the question's words alone."""
    words = question.rstrip("?").split()
    if "distortion" in words:
        return words[-2] in truth.severities
    if "quality of" in question:
        return words[-1] == texts.QUALITY_WORDS[truth.quality_grade]
    return words[3] == texts.IMPORTANCE_WORDS[truth.importance_grade]


def test_draws_are_half_judgments_half_yes_and_right():
    truth = instructions.truth(STUDY, 4.0, 4.0)
    rng = np.random.default_rng(0)
    drawn = [instructions.draw(truth, rng) for _ in range(6000)]
    kinds = Counter(i.kind for i in drawn)
    assert len(kinds) == 6
    assert all(count == pytest.approx(1000, abs=120) for count in kinds.values())
    judged = [i for i in drawn if i.kind.startswith("judge")]
    yes = [i.answer == texts.YES for i in judged]
    assert np.mean(yes) == pytest.approx(0.5, abs=0.04)
    assert yes == [true_answer(truth, i.question) for i in judged]
    denied = Counter(i.question for i in judged if i.answer == texts.NO)
    assert len(denied) == 4 + 4 + 4  # the other levels, and the absent types
    per_kind = sum(denied.values()) / 12
    assert all(count == pytest.approx(per_kind, rel=0.35) for count in denied.values())


def test_no_type_is_asked_for_that_cannot_be():
    rng = np.random.default_rng(1)
    clean = instructions.truth(replace(HUNDRED, distortion_label="without"), 1.0, 0.1)
    assert {instructions.judgment(clean, 2, rng).answer for _ in range(20)} == {texts.NO}
    full = instructions.truth(replace(STUDY, severities=dict.fromkeys(DISTORTIONS, 1.0)), 4.0, 4.0)
    assert {instructions.judgment(full, 2, rng).answer for _ in range(20)} == {texts.YES}


def test_stage_two_is_fixed():
    truth = instructions.truth(STUDY, 4.0, 4.0)
    assert instructions.fixed(truth, 7) == instructions.fixed(truth, 7)
    assert any(instructions.fixed(truth, 7) != instructions.fixed(truth, s) for s in range(8, 20))
    picked = instructions.pick_fixed(7)(truth, np.random.default_rng(0))
    assert picked in instructions.fixed(truth, 7)
