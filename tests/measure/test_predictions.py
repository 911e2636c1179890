from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ci_lib.errors import BadInput
from ci_lib.measure.predictions import Predictions, check_rows


def binary(scores: Any, threshold: float = 0.5) -> Predictions:
    return Predictions(task="binary", scores=np.array(scores, dtype=float), labels=("no", "yes"), threshold=threshold)


def multiclass(scores: Any) -> Predictions:
    return Predictions(task="multiclass", scores=np.array(scores, dtype=float), labels=("a", "b", "c"))


def test_a_score_at_the_threshold_is_a_positive_decision() -> None:
    assert binary([0.49, 0.5, 0.51]).decisions.tolist() == [0, 1, 1]


def test_multiclass_decides_for_the_likeliest_label() -> None:
    assert multiclass([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]).decisions.tolist() == [1, 0]


def test_label_indices_are_their_own_decisions() -> None:
    predictions = multiclass([2, 0, 1])
    assert predictions.decisions.tolist() == [2, 0, 1]
    assert not predictions.has_probabilities


@pytest.mark.parametrize(
    ("scores", "unusable"),
    [([0.1, float("nan"), float("inf")], 2), ([0.1, 0.2, 0.3], 0), ([[0.1, float("nan"), 0.9], [1, 0, 0]], 1)],
)
def test_unusable_rows_are_counted_not_raised(scores: Any, unusable: int) -> None:
    make = multiclass if isinstance(scores[0], list) else binary
    predictions = make(scores)
    assert predictions.unusable == unusable
    assert len(predictions.decisions) == len(predictions) == len(scores)


def test_scores_outside_0_and_1_are_no_probabilities() -> None:
    assert binary([0.0, 1.0]).has_probabilities
    assert not binary([-0.1, 0.5]).has_probabilities


def test_same_answers_need_the_same_threshold() -> None:
    assert binary([0.1, 0.9]).same_as(binary([0.1, 0.9]))
    assert not binary([0.1, 0.9]).same_as(binary([0.1, 0.9], threshold=0.6))
    assert not binary([0.1, 0.9]).same_as(binary([0.1, 0.8]))
    assert not multiclass([0, 1]).same_as(multiclass([[1, 0, 0], [0, 1, 0]]))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"task": "binary", "scores": np.zeros((3, 2)), "threshold": 0.5}, "one number a row"),
        ({"task": "regression", "scores": np.zeros((3, 1))}, "one number a row"),
        ({"task": "binary", "scores": np.zeros(3)}, "needs a threshold"),
        ({"task": "multiclass", "scores": np.zeros(3), "labels": ("a",)}, "at least two labels"),
        ({"task": "multiclass", "scores": np.zeros((3, 2)), "labels": ("a", "b", "c")}, "2 columns"),
        ({"task": "multiclass", "scores": np.zeros((3, 2, 2)), "labels": ("a", "b")}, "shape"),
        ({"task": "multiclass", "scores": np.array([0.0, 2.0]), "labels": ("a", "b")}, "0 to 1"),
        ({"task": "multiclass", "scores": np.array([0.0, -1.0]), "labels": ("a", "b")}, "0 to 1"),
        ({"task": "multiclass", "scores": np.array([0.5]), "labels": ("a", "b")}, "0 to 1"),
    ],
)
def test_answers_that_cannot_be_read_in_one_way_are_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Predictions(**arguments)


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        (np.array([0, 1, 1]), "2 predictions for 3 rows"),
        (np.array([[0], [1]]), "predictions for"),
        (np.array([0, 2]), "whole numbers from 0 to 1"),
        (np.array([-1, 1]), "whole numbers"),
        (np.array([0.0, 1.0]), "whole numbers"),
        (np.array(["no", "yes"]), "whole numbers"),
    ],
)
def test_truth_of_other_rows_or_labels_is_refused(truth: NDArray[Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check_rows(truth, binary([0.1, 0.9]))


def test_truth_of_the_same_rows_is_accepted() -> None:
    check_rows(np.array([0, 1]), binary([0.1, 0.9]))
    check_rows(np.array([], dtype=int), binary([]))
    check_rows(np.array([1.5]), Predictions(task="regression", scores=np.zeros(1)))
