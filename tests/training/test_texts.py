from itertools import combinations

import pytest

from manifests.keys import DISTORTIONS
from training.data import texts


def test_answers_of_figure_3():
    assert texts.quality_answer(3) == "The quality is good."
    assert texts.importance_answer(3) == "This region is important to the overall quality."
    severities = {"colorfulness": 3, "contrast": 4}
    wanted = "With trivial contrast and minor colorfulness distortions."
    assert texts.distortion_answer(severities) == wanted
    assert texts.distortion_answer({}) == "Without distortions."


@pytest.mark.parametrize("level", range(5))
def test_levels_round_trip(level):
    assert texts.parse_quality(texts.quality_answer(level)) == level
    assert texts.parse_importance(texts.importance_answer(level)) == level


@pytest.mark.parametrize("severity", [None, 0, 4])
@pytest.mark.parametrize("count", range(7))
def test_distortions_round_trip(count, severity):
    for found in combinations(DISTORTIONS, count):
        severities = dict.fromkeys(found, severity)
        assert texts.parse_distortions(texts.distortion_answer(severities)) == severities


@pytest.mark.parametrize(
    "text",
    ["", "With distortions.", "With haze distortions.", "With very blur distortions.", "blur",
     "With blur and distortions.", "With noise distortions and so on"],
)  # fmt: skip
def test_what_is_no_distortion_answer(text):
    assert texts.parse_distortions(text) is None


def test_singular_is_understood_too():
    assert texts.parse_distortions("With severe blur distortion.") == {"blur": 1}


def test_other_text_has_no_level():
    assert texts.parse_quality("The quality is splendid.") is None
    assert texts.parse_importance("The quality is good.") is None
    assert [texts.parse_verdict(t) for t in ("Yes", "No.", "Maybe")] == [True, False, None]
