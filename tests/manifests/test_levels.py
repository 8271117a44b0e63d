"""Eq. 1 against numpy's digitize with closed right edges."""

import numpy as np
import pytest

from manifests.words import expected_grade, grade


@pytest.mark.parametrize("top", [1.0, 4.0, 0.037])
def test_eq_1_is_digitize_with_right_edges(top):
    scores = np.random.default_rng(0).uniform(0, top, 2000)
    edges = np.linspace(0, top, 6)[1:-1]
    assert [grade(float(s), top) for s in scores] == list(np.digitize(scores, edges, right=True))


def test_edges_belong_to_the_lower_word_and_beyond_the_ends_is_clamped():
    assert [grade(k / 5, 1.0) for k in range(6)] == [0, 0, 1, 2, 3, 4]
    assert [grade(k * 0.8, 4.0) for k in range(6)] == [0, 0, 1, 2, 3, 4]
    assert (grade(-0.3, 1.0), grade(1.7, 1.0)) == (0, 4)


def test_unanimous_ratings_map_to_themselves():
    assert [grade(float(r), 4.0) for r in range(5)] == [0, 1, 2, 3, 4]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        grade(float("nan"), 1.0)


def test_closed_set_score_is_the_mean_of_the_distribution():
    assert expected_grade([0, 0, 0, 0, 2.0]) == 4
    assert expected_grade([1, 1, 1, 1, 1]) == pytest.approx(2)
