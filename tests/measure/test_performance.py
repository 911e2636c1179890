from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics

from ci_lib.errors import BadInput
from ci_lib.measure import performance
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measure.predictions import Predictions


def binary(scores: Any, threshold: float = 0.5) -> Predictions:
    return Predictions(task="binary", scores=np.asarray(scores, dtype=float), labels=("0", "1"), threshold=threshold)


def multiclass(scores: Any, labels: tuple[str, ...] = ("a", "b", "c")) -> Predictions:
    return Predictions(task="multiclass", scores=np.asarray(scores, dtype=float), labels=labels)


def regression(values: Any) -> Predictions:
    return Predictions(task="regression", scores=np.asarray(values, dtype=float))


def measured(truth: NDArray[Any], predictions: Predictions, confidence: float = 0.95, seed: int = 0) -> dict[str, Any]:
    found = performance.measure(truth, predictions, of="candidate", confidence=confidence, seed=seed)
    return {one.metric: one for one in found}


def loans(rows: int, seed: int = 0) -> tuple[Any, ...]:
    """Truth and probabilities of a decent binary model."""
    generator = np.random.default_rng(seed)
    truth = (generator.random(rows) < 0.7).astype(np.int64)
    return truth, 1 / (1 + np.exp(-(generator.normal(size=rows) + 1.5 * truth - 0.5)))


def flowers(rows: int, seed: int = 0) -> tuple[Any, ...]:
    """Truth and probabilities of three classes."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, rows)
    scores = generator.random((rows, 3)) + 0.7 * np.eye(3)[truth]
    return truth, scores / scores.sum(axis=1, keepdims=True)


def prices(rows: int, seed: int = 0) -> tuple[Any, ...]:
    """Truth and predictions of numbers."""
    generator = np.random.default_rng(seed)
    truth = generator.normal(size=rows)
    return truth, truth + generator.normal(scale=0.5, size=rows)


CASES = [(loans, binary), (flowers, multiclass), (prices, regression)]


@pytest.mark.parametrize("rows", [40, 300])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_binary_metrics_are_sklearns(rows: int, seed: int) -> None:
    truth, scores = loans(rows, seed)
    decided = (scores >= 0.5).astype(int)
    expected = {
        "accuracy": metrics.accuracy_score(truth, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, decided),
        "precision": metrics.precision_score(truth, decided),
        "recall": metrics.recall_score(truth, decided),
        "specificity": metrics.recall_score(truth, decided, pos_label=0),
        "f1": metrics.f1_score(truth, decided),
        "macro_f1": metrics.f1_score(truth, decided, average="macro"),
        "roc_auc": metrics.roc_auc_score(truth, scores),
        "average_precision": metrics.average_precision_score(truth, scores),
        "log_loss": metrics.log_loss(truth, scores),
        "brier": metrics.brier_score_loss(truth, scores),
        "matthews_correlation": metrics.matthews_corrcoef(truth, decided),
    }
    assert {name: one.value for name, one in measured(truth, binary(scores)).items()} == pytest.approx(
        expected, abs=1e-9
    )


def test_multiclass_metrics_are_sklearns() -> None:
    truth, scores = flowers(200)
    decided = scores.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, decided),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, decided),
        "macro_f1": metrics.f1_score(truth, decided, average="macro"),
        "log_loss": metrics.log_loss(truth, scores),
        "matthews_correlation": metrics.matthews_corrcoef(truth, decided),
    }
    assert {name: one.value for name, one in measured(truth, multiclass(scores)).items()} == pytest.approx(
        expected, abs=1e-9
    )


def test_regression_metrics_are_sklearns() -> None:
    truth, values = prices(200)
    expected = {
        "mean_absolute_error": metrics.mean_absolute_error(truth, values),
        "root_mean_squared_error": metrics.root_mean_squared_error(truth, values),
        "r2": metrics.r2_score(truth, values),
    }
    assert {name: one.value for name, one in measured(truth, regression(values)).items()} == pytest.approx(
        expected, abs=1e-9
    )


def test_log_loss_of_a_certain_error_is_bounded_as_in_sklearn() -> None:
    truth, scores = loans(50)
    scores[:2] = 1 - truth[:2]
    assert measured(truth, binary(scores))["log_loss"].value == pytest.approx(metrics.log_loss(truth, scores), abs=1e-9)


@pytest.mark.parametrize(("rows_of", "model"), CASES)
def test_every_metric_of_the_task_is_there_in_the_catalogues_order_with_an_interval(
    rows_of: Callable[..., Any], model: Callable[..., Predictions]
) -> None:
    truth, scores = rows_of(100)
    predictions = model(scores)
    found = measured(truth, predictions)
    assert list(found) == [
        name for name, entry in CATALOGUE.items() if entry.section == "performance" and predictions.task in entry.tasks
    ]
    for one in found.values():
        assert one.low < one.value < one.high
        assert (one.n, one.confidence, one.scope.of) == (100, 0.95, "candidate")
        assert one.method


@pytest.mark.parametrize(("rows_of", "model"), CASES)
def test_the_order_of_rows_does_not_matter(rows_of: Callable[..., Any], model: Callable[..., Predictions]) -> None:
    truth, scores = rows_of(120)
    order = np.random.default_rng(9).permutation(120)
    there, back = measured(truth, model(scores)), measured(truth[order], model(scores[order]))
    for name, one in there.items():
        assert (one.value, one.low, one.high) == pytest.approx(
            (back[name].value, back[name].low, back[name].high), abs=1e-9
        )


@pytest.mark.parametrize(("rows_of", "model"), CASES)
def test_twice_the_rows_narrow_every_interval(rows_of: Callable[..., Any], model: Callable[..., Predictions]) -> None:
    truth, scores = rows_of(120)
    once = measured(truth, model(scores))
    twice = measured(np.concatenate([truth, truth]), model(np.concatenate([scores, scores])))
    for name, one in once.items():
        assert twice[name].value == pytest.approx(one.value, abs=1e-9)
        assert twice[name].high - twice[name].low < 0.85 * (one.high - one.low)


@pytest.mark.parametrize(("rows_of", "model"), CASES)
def test_more_confidence_widens_every_interval(rows_of: Callable[..., Any], model: Callable[..., Predictions]) -> None:
    truth, scores = rows_of(120)
    for name, one in measured(truth, model(scores), confidence=0.8).items():
        wide = measured(truth, model(scores), confidence=0.99)[name]
        assert wide.low < one.low < one.high < wide.high


@pytest.mark.parametrize(("rows_of", "model"), CASES)
def test_the_same_seed_gives_the_same_numbers(rows_of: Callable[..., Any], model: Callable[..., Predictions]) -> None:
    truth, scores = rows_of(60)
    assert measured(truth, model(scores), seed=4) == measured(truth, model(scores), seed=4)


@settings(max_examples=40)
@given(st.data())
def test_no_answer_of_a_model_gives_a_number_that_is_not_finite_or_outside_its_interval(data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 25))
    truth = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)), dtype=np.int64)
    odd = st.sampled_from([0.0, 0.5, 1.0, -3.0, 1e308, -1e308, 5e-324, float("nan"), float("inf")])
    scores = data.draw(st.lists(st.one_of(st.floats(0, 1), odd), min_size=rows, max_size=rows))
    for name, one in measured(truth, binary(scores)).items():
        if one.value is None:
            assert one.low is None
            assert one.high is None
            assert one.note.startswith("not assessable: ")
        else:
            assert one.low <= one.value <= one.high, name
            assert np.isfinite(scores).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=25))
def test_no_number_at_all_gives_a_measurement_that_is_not_finite(rows: int) -> None:
    truth, values = (np.array([row[side] for row in rows]) for side in (0, 1))
    for one in measured(truth, regression(values)).values():
        assert (one.value is None) or (one.low <= one.value <= one.high)


HALF = [0, 1] * 15
DEGENERATE = [
    # truth, predictions, metrics that are not assessable (None: all), what the note says
    ([], binary([]), None, "no rows"),
    ([1], binary([0.9]), None, "the same label"),
    ([1, 1, 1], binary([0.9, 0.2, 0.4]), None, "the same label"),
    (HALF, binary([float("nan")] + [0.5] * 29), None, "1 of 30 predictions are NaN or infinite"),
    (HALF, binary([float("-inf")] * 30), None, "30 of 30 predictions"),
    (HALF, binary([0.2] * 30), {"precision"}, "no positive decisions"),
    (HALF, binary([-2.0, 3.0] * 15), {"log_loss", "brier"}, "no probabilities"),
    ([0, 1] * 4, binary([0.4, 0.6] * 4), {"log_loss", "brier"}, "8 rows, 10 needed"),
    ([0, 1, 2] * 10, multiclass([0, 1, 2] * 10), {"log_loss"}, "no probabilities"),
    ([0, 1, 2] * 10, multiclass([[0.9, 0.9, 0.9]] * 30), {"log_loss"}, "do not sum to 1"),
    ([0, 1, 2] * 10, multiclass([[1.5, -0.5, 0.0]] * 30), {"log_loss"}, "do not sum to 1"),
    ([0, 1, 2] * 10, multiclass([[0.9, float("inf"), 0.1]] * 30), None, "30 of 30 predictions"),
    ([0] * 30, multiclass([[0.5, 0.3, 0.2]] * 30), None, "the same label"),
    ([], regression([]), None, "no rows"),
    ([1.0], regression([1.0]), {"mean_absolute_error", "root_mean_squared_error"}, "1 row, 10 needed"),
    ([2.0] * 30, regression(range(30)), {"r2"}, "true values are equal"),
    ([1e308, -1e308] * 10, regression([0.0] * 20), None, "not finite"),
    ([0.0, 5e-324] * 10, regression([1.0] * 20), {"r2"}, "not finite"),
    ([1.0, float("nan")] * 10, regression([0.0] * 20), None, "10 of 20 true values"),
    ([1.0, 2.0] * 10, regression([float("nan")] * 20), None, "20 of 20 predictions"),
    ([1.0, 2.0] * 10, regression([1e200, 0.0] * 10), {"root_mean_squared_error", "r2"}, "not finite"),
]


@pytest.mark.parametrize(("truth", "predictions", "missing", "says"), DEGENERATE)
def test_what_cannot_be_assessed_is_none_with_the_reason(
    truth: NDArray[Any], predictions: Predictions, missing: Any, says: str
) -> None:
    dtype = float if predictions.task == "regression" else np.int64
    found = measured(np.array(truth, dtype=dtype), predictions)
    for name in missing if missing is not None else found:
        assert found[name].value is None
        assert says in found[name].note
    for name in found.keys() - (missing if missing is not None else found):
        if len(truth) > 1:
            assert found[name].value is not None, found[name].note


def test_decisions_that_are_all_right_in_few_rows_are_not_certain() -> None:
    """Where a percentile bootstrap says "1 to 1"."""
    truth = np.array([0, 1] * 15)
    for name, one in measured(truth, binary(truth)).items():
        if name != "log_loss":
            assert one.high - one.low > 0.02, name


def test_a_dummys_constant_decisions_have_no_correlation_and_say_so() -> None:
    one = measured(np.array([0, 1] * 20), binary([0.7] * 40))["matthews_correlation"]
    assert one.value == 0
    assert one.note == "all decisions are the same"


def test_labels_that_no_row_has_are_named() -> None:
    truth, scores = flowers(90)
    one = measured(truth % 2, multiclass(scores))["balanced_accuracy"]
    assert one.note == "no row has the label c"


def test_shares_are_on_the_logit_scale_inside_and_identity_at_the_ends() -> None:
    truth, scores = loans(200)
    assert measured(truth, binary(scores))["accuracy"].scale == "logit"
    assert measured(truth, binary(scores))["log_loss"].scale == "identity"
    assert measured(truth, binary(truth))["accuracy"].scale == "identity"


def test_notes_count_the_rows_that_a_share_is_taken_among() -> None:
    truth, scores = loans(200)
    assert measured(truth, binary(scores))["recall"].note == f"{truth.sum()} positives"
    assert measured(truth, binary(scores))["accuracy"].note == ""


def test_other_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="2 predictions for 3 rows"):
        performance.measure(np.array([0, 1, 1]), binary([0.1, 0.2]), of="candidate", confidence=0.95, seed=0)
