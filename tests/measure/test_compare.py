from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ci_lib.errors import BadInput
from ci_lib.measure import compare, dummy, performance
from ci_lib.measure.predictions import Predictions
from ci_lib.measurement import Of


def binary(scores: Any, threshold: float = 0.5, labels: tuple[str, ...] = ("0", "1")) -> Predictions:
    return Predictions(task="binary", scores=np.asarray(scores, dtype=float), labels=labels, threshold=threshold)


def multiclass(scores: Any) -> Predictions:
    return Predictions(task="multiclass", scores=np.asarray(scores, dtype=float), labels=("a", "b", "c"))


def regression(values: Any) -> Predictions:
    return Predictions(task="regression", scores=np.asarray(values, dtype=float))


def loans(rows: int, seed: int = 0) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    truth = (generator.random(rows) < 0.7).astype(np.int64)
    shared = generator.normal(size=rows) + 1.5 * truth - 0.5
    return truth, *(binary(1 / (1 + np.exp(-(shared + scale * generator.normal(size=rows))))) for scale in (0.1, 0.6))


def flowers(rows: int, seed: int = 0) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, rows)
    scores = [generator.random((rows, 3)) + sharp * np.eye(3)[truth] for sharp in (0.8, 0.4)]
    return truth, *(multiclass(each / each.sum(axis=1, keepdims=True)) for each in scores)


def prices(rows: int, seed: int = 0) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=rows)
    return truth, *(regression(truth + generator.normal(scale=scale, size=rows)) for scale in (0.4, 0.6))


CASES = [loans, flowers, prices]


def compared(
    truth: NDArray[Any], candidate: Predictions, other: Any, of: Of = "candidate - champion", seed: int = 0
) -> dict[str, Any]:
    found = compare.measure(truth, candidate, other, of=of, confidence=0.95, seed=seed)
    return {one.metric: one for one in found}


def single(truth: NDArray[Any], predictions: Predictions) -> dict[str, Any]:
    found = performance.measure(truth, predictions, of="candidate", confidence=0.95, seed=0)
    return {one.metric: one for one in found}


@pytest.mark.parametrize("rows_of", CASES)
def test_the_difference_is_that_of_the_two_values(rows_of: Callable[..., Any]) -> None:
    truth, candidate, champion = rows_of(150)
    first, second = single(truth, candidate), single(truth, champion)
    found = compared(truth, candidate, champion)
    assert list(found) == list(first)
    for name, one in found.items():
        assert one.value == pytest.approx(first[name].value - second[name].value, abs=1e-9)
        assert one.low < one.value < one.high
        assert one.scope.of == "candidate - champion"


@pytest.mark.parametrize("rows_of", CASES)
def test_identical_predictions_differ_by_exactly_nothing(rows_of: Callable[..., Any]) -> None:
    truth, candidate, _ = rows_of(50)
    for one in compared(truth, candidate, candidate).values():
        assert (one.value, one.low, one.high, one.method) == (0, 0, 0, "identical predictions")


@pytest.mark.parametrize("rows_of", CASES)
def test_exchanging_the_models_turns_the_sign(rows_of: Callable[..., Any]) -> None:
    truth, candidate, champion = rows_of(150)
    there, back = compared(truth, candidate, champion), compared(truth, champion, candidate)
    for name, one in there.items():
        assert (one.value, one.low, one.high) == pytest.approx(
            (-back[name].value, -back[name].high, -back[name].low), abs=0.02
        )


@pytest.mark.parametrize("rows_of", CASES)
def test_the_order_of_rows_does_not_matter(rows_of: Callable[..., Any]) -> None:
    truth, candidate, champion = rows_of(60)
    order = np.random.default_rng(9).permutation(60)
    shuffled = [
        Predictions(task=each.task, scores=each.scores[order], labels=each.labels, threshold=each.threshold)
        for each in (candidate, champion)
    ]
    there, back = compared(truth, candidate, champion), compared(truth[order], *shuffled)
    for name, one in there.items():
        if name == "average_precision":  # weights are drawn row by row, so a shuffle redraws them
            assert (one.low, one.high) == pytest.approx((back[name].low, back[name].high), abs=0.02)
        else:
            assert (one.low, one.high) == pytest.approx((back[name].low, back[name].high), abs=1e-9)


def test_pairing_makes_intervals_narrower_than_two_single_ones() -> None:
    truth, candidate, _ = loans(400)
    nearly = binary(candidate.scores + 0.01 * np.random.default_rng(1).normal(size=400).clip(-1, 1) * 0.5)
    one, alone = compared(truth, candidate, nearly), single(truth, candidate)
    for name in ("accuracy", "f1", "macro_f1", "roc_auc", "average_precision", "matthews_correlation"):
        assert one[name].high - one[name].low < 0.6 * (alone[name].high - alone[name].low), name


def test_the_same_decisions_from_other_scores_are_near_0_but_not_certain() -> None:
    truth, candidate, _ = loans(100)
    other = binary(np.where(candidate.scores >= 0.5, 0.8, 0.2))
    for name in ("accuracy", "recall", "specificity", "precision", "f1", "macro_f1", "matthews_correlation"):
        one = compared(truth, candidate, other)[name]
        assert one.value == 0
        assert -0.15 < one.low < 0 < one.high < 0.15


def test_a_new_calibration_does_not_change_the_ranking() -> None:
    truth, candidate, _ = loans(100)
    found = compared(truth, candidate, binary(candidate.scores**2))
    for name in ("roc_auc", "average_precision"):
        assert (found[name].value, found[name].low, found[name].high) == (0, 0, 0)
        assert found[name].method == "identical ranking"
    assert found["brier"].low < found["brier"].high


def test_another_threshold_is_another_model() -> None:
    truth, candidate, _ = loans(100)
    found = compared(truth, candidate, binary(candidate.scores, threshold=0.9))
    assert found["recall"].low > 0.1
    assert found["specificity"].high < -0.1
    assert found["roc_auc"].value == 0


def test_two_models_without_an_error_are_not_certainly_equal() -> None:
    truth = np.array([0, 1] * 15)
    generator = np.random.default_rng(0)
    first, second = (binary(np.where(truth, 0.7, 0.3) + 0.1 * generator.random(30)) for _ in range(2))
    found = compared(truth, first, second)
    for name in ("accuracy", "roc_auc", "average_precision"):
        assert found[name].value == 0
        assert found[name].low < -0.02
        assert found[name].high > 0.02


def test_a_good_model_beats_the_dummy_beyond_doubt() -> None:
    truth, candidate, _ = loans(300)
    constant = dummy.classes("binary", {"0": 30, "1": 70}, ("0", "1"), rows=300, threshold=0.5)
    found = compared(truth, candidate, constant, of="candidate - dummy")
    for name in ("balanced_accuracy", "roc_auc", "average_precision", "macro_f1", "matthews_correlation"):
        assert found[name].low > 0, name
    assert found["log_loss"].high < 0
    assert found["roc_auc"].scope.of == "candidate - dummy"


@pytest.mark.parametrize("side", [0, 1])
def test_a_model_that_cannot_be_measured_cannot_be_compared(side: int) -> None:
    truth, *models = loans(60)
    models[side] = binary(np.where(np.arange(60) == 3, np.nan, models[side].scores))
    for one in compared(truth, *models).values():
        assert one.value is None
        assert one.note == f"not assessable: {('candidate', 'champion')[side]}: 1 of 60 predictions are NaN or infinite"


def test_few_rows_are_not_resampled() -> None:
    truth = np.array([0, 1] * 4)
    found = compared(truth, binary([0.1, 0.9] * 4), binary(np.linspace(0, 1, 8)))
    assert found["average_precision"].value is None
    assert "8 rows, 10 needed" in found["average_precision"].note
    assert found["accuracy"].value is not None


def test_labels_that_no_row_has_are_named() -> None:
    truth, candidate, champion = flowers(60)
    assert compared(truth % 2, candidate, champion)["macro_f1"].note == "no row has the label c"


def test_errors_of_equal_size_differ_by_nothing() -> None:
    truth = np.arange(30.0)
    one = compared(truth, regression(truth + 0.5), regression(truth - 0.5))["mean_absolute_error"]
    assert one.value == 0
    assert one.low <= 0 <= one.high


@pytest.mark.parametrize("other", [binary([0.1] * 4, labels=("no", "yes")), regression([0.1] * 4)])
def test_models_that_answer_different_questions_are_refused(other: Any) -> None:
    with pytest.raises(BadInput, match="tasks or labels differ"):
        compared(np.array([0, 1, 0, 1]), binary([0.2] * 4), other)


def test_other_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="3 predictions for 2 rows"):
        compared(np.array([0, 1]), binary([0.1, 0.2]), binary([0.1, 0.2, 0.3]))
