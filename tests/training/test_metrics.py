import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from manifests.keys import DISTORTIONS
from training.evaluate import metrics


def random_sets(rng, count):
    return [frozenset(d for d in DISTORTIONS if rng.random() < 0.25) for _ in range(count)]


def binary(sets):
    labels = [*DISTORTIONS, "clean"]
    return MultiLabelBinarizer(classes=labels).fit_transform([s or {"clean"} for s in sets])


@pytest.mark.parametrize("seed", range(3))
def test_sample_average_equals_scikit_learn_with_a_clean_label(seed):
    rng = np.random.default_rng(seed)
    said, true = random_sets(rng, 300), random_sets(rng, 300)
    wanted = precision_recall_fscore_support(binary(true), binary(said), average="samples")[:3]
    found = metrics.sample_average(said, true)
    assert list(found.values()) == pytest.approx(list(wanted), abs=1e-12)


def test_averages_and_pooled_f1_by_hand():
    said = [frozenset({"blur"}), frozenset(), None, frozenset({"blur", "noise"})]
    true = [frozenset({"blur", "noise"}), frozenset(), frozenset(), frozenset({"noise"})]
    found = metrics.sample_average(said, true)
    # (1, 1/2, 2/3), (1, 1, 1), nothing, (1/2, 1, 2/3)
    assert list(found.values()) == pytest.approx([2.5 / 4, 2.5 / 4, (2 / 3 + 1 + 2 / 3) / 4])
    rows = [metrics.sample_scores(a, t) for a, t in zip(said, true, strict=True)]
    assert list(found.values()) == pytest.approx(list(np.mean(rows, 0)))
    pooled = metrics.pooled_f1(said, true, DISTORTIONS)
    wanted = {"blur": 2 / 3, "noise": 2 / 3, "clean": 2 / 3}
    assert pooled == pytest.approx({d: wanted.get(d, 0.0) for d in (*DISTORTIONS, "clean")})
    severities = [frozenset({("blur", 1)})], [frozenset({("blur", 2)})]
    assert metrics.sample_average(*severities)["f1"] == 0


def test_pooled_f1_equals_scikit_learn():
    rng = np.random.default_rng(3)
    said, true = random_sets(rng, 300), random_sets(rng, 300)
    wanted = f1_score(binary(true), binary(said), average=None)
    found = metrics.pooled_f1(said, true, DISTORTIONS)
    assert list(found) == [*DISTORTIONS, "clean"]
    assert list(found.values()) == pytest.approx(list(wanted), abs=1e-12)


def test_unparsable_scores_nothing_even_where_the_truth_is_empty():
    assert metrics.sample_scores(None, frozenset()) == (0, 0, 0)
    assert metrics.sample_scores(frozenset(), frozenset()) == (1, 1, 1)
    assert metrics.sample_scores(frozenset(), frozenset({"blur"})) == (0, 0, 0)
    assert metrics.pooled_f1([None], [frozenset()], DISTORTIONS)["clean"] == 0


def test_correlations_equal_scipy():
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    b = (a + rng.normal(size=50)).round(1)
    found = metrics.correlations(list(a), list(b))
    assert found == pytest.approx((spearmanr(a, b)[0], pearsonr(a, b)[0]))
    assert metrics.correlations([1.0, 1.0], [0.0, 1.0]) == (0.0, 0.0)


def test_confusion_equals_scikit_learn():
    rng = np.random.default_rng(0)
    labels = ["x", "y", "z"]
    said, true = rng.choice(labels, 100).tolist(), rng.choice(labels, 100).tolist()
    found = metrics.confusion(said, true, labels)
    assert found == confusion_matrix(true, said, labels=labels).tolist()
    assert metrics.confusion([None], ["x"], labels) == [[0, 0, 0]] * 3


def test_majority_is_the_most_frequent_set():
    sets = [frozenset(), frozenset({"blur"}), frozenset({"blur"}), frozenset({"noise"})]
    assert metrics.majority(sets) == {"blur"}
    assert metrics.majority(sets[1::2]) == {"blur"}  # of equals the first by name
