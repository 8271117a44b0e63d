import numpy as np
import pytest

from manifests.words import grade, on_scale, soft_grade


def test_decibels_keep_the_order_and_end_at_the_top():
    scores = np.linspace(0, 1, 201)
    decibels = [on_scale(s, 20.0, "decibel") for s in scores]
    assert decibels == sorted(decibels) and decibels[0] == 0 and decibels[-1] == 20
    assert on_scale(0.9, 20.0, "decibel") == pytest.approx(10)
    assert [on_scale(s, 1.0, "linear") for s in scores] == list(scores)


@pytest.mark.parametrize("score", np.linspace(0.01, 4, 50))
def test_soft_levels_expect_the_score_and_peak_at_its_word(score):
    shares = soft_grade(score, 4.0)
    assert sum(shares) == pytest.approx(1)
    place = min(max(5 * score / 4 - 0.5, 0), 4)
    assert sum(i * p for i, p in enumerate(shares)) == pytest.approx(place)
    if abs(place % 1 - 0.5) > 1e-6:
        assert np.argmax(shares) == grade(score, 4.0)
