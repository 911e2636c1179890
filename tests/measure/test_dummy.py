import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from ci_lib.errors import BadInput
from ci_lib.measure import dummy


def test_binary_scores_are_the_share_of_positives_in_train() -> None:
    found = dummy.classes("binary", {"no": 30, "yes": 70}, ("no", "yes"), rows=3, threshold=0.5)
    assert found.scores.tolist() == [0.7, 0.7, 0.7]
    assert found.decisions.tolist() == [1, 1, 1]
    assert (found.labels, found.threshold) == (("no", "yes"), 0.5)


def test_multiclass_scores_are_sklearns_prior() -> None:
    train = np.array(["a"] * 5 + ["b"] * 3 + ["c"] * 2)
    prior = DummyClassifier(strategy="prior").fit(np.zeros((10, 1)), train).predict_proba(np.zeros((4, 1)))
    found = dummy.classes("multiclass", {"c": 2, "a": 5, "b": 3}, ("a", "b", "c"), rows=4)
    assert found.scores == pytest.approx(prior)


def test_a_label_that_train_does_not_have_has_no_share() -> None:
    found = dummy.classes("multiclass", {"a": 5, "b": 5}, ("a", "b", "c"), rows=1)
    assert found.scores.tolist() == [[0.5, 0.5, 0]]


def test_regression_answers_are_sklearns_mean() -> None:
    expected = DummyRegressor().fit(np.zeros((3, 1)), [1.0, 2.0, 6.0]).predict(np.zeros((2, 1)))
    assert dummy.number(3.0, rows=2).scores.tolist() == expected.tolist()


def test_train_without_any_of_the_labels_is_refused() -> None:
    with pytest.raises(BadInput, match="none of the training rows has one of the labels no, yes"):
        dummy.classes("binary", {"other": 3}, ("no", "yes"), rows=3, threshold=0.5)
