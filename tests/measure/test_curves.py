from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_auc_score, roc_curve

from ci_lib.errors import BadInput
from ci_lib.evidence import Curve
from ci_lib.measure import curves
from ci_lib.measure.predictions import Predictions


def binary(scores: Any, labels: tuple[str, ...] = ("no", "yes")) -> Predictions:
    return Predictions(task="binary", scores=np.asarray(scores, dtype=float), labels=labels, threshold=0.5)


def loans(rows: int = 60, seed: int = 0) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    truth = (generator.random(rows) < 0.6).astype(np.int64)
    return truth, np.clip(np.round(0.7 * generator.random(rows) + 0.25 * truth, 2), 0, 1)


def drawn(truth: NDArray[Any], predictions: Predictions) -> list[Curve]:
    found = curves.points(truth, predictions, of="champion")
    assert all(len(curve.x) == len(curve.y) <= 200 for curve in found)
    assert all(curve.scope.of == "champion" for curve in found)
    return found


def named(found: Any, name: str) -> Curve:
    return next(curve for curve in found if curve.name == name)


def test_a_binary_model_has_six_curves() -> None:
    found = drawn(*_with(binary, *loans()))
    assert [curve.name for curve in found] == [
        "roc", "precision_recall", "calibration", "score_histogram", "score_histogram", "confusion"
    ]  # fmt: skip


def _with(model: Callable[..., Predictions], truth: NDArray[Any], scores: Any) -> tuple[Any, ...]:
    return truth, model(scores)


def test_roc_points_are_sklearns() -> None:
    truth, scores = loans()
    x, y, _ = roc_curve(truth, scores, drop_intermediate=False)
    found = named(drawn(truth, binary(scores)), "roc")
    assert (found.x, found.y) == (pytest.approx(x, abs=1e-6), pytest.approx(y, abs=1e-6))


def test_precision_recall_points_are_sklearns() -> None:
    truth, scores = loans()
    precision, recall, _ = precision_recall_curve(truth, scores)
    found = named(drawn(truth, binary(scores)), "precision_recall")
    assert found.x == pytest.approx(recall[::-1][1:], abs=1e-6)
    assert found.y == pytest.approx(precision[::-1][1:], abs=1e-6)


def test_many_rows_are_thinned_and_keep_area_and_ends() -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, 2, 20_000)
    scores = np.clip(generator.normal(0.4, 0.15, 20_000) + 0.2 * truth, 0, 1)
    found = named(drawn(truth, binary(scores)), "roc")
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(found.y, found.x) == pytest.approx(roc_auc_score(truth, scores), abs=1e-3)


def test_calibration_bins_hold_equally_many_rows() -> None:
    generator = np.random.default_rng(1)
    scores = generator.random(1000)
    truth = (generator.random(1000) < scores).astype(np.int64)
    found = named(drawn(truth, binary(scores)), "calibration")
    assert found.labels == ("100",) * 10
    assert found.y == pytest.approx(found.x, abs=0.15)
    assert np.mean(found.y) == pytest.approx(truth.mean(), abs=1e-6)


def test_equal_scores_share_a_calibration_bin() -> None:
    truth = np.array([0, 1] * 20)
    found = named(drawn(truth, binary([0.3] * 40)), "calibration")
    assert (found.x, found.y, found.labels) == ((0.3,), (0.5,), ("40",))


def test_histograms_count_every_row_by_outcome() -> None:
    truth, scores = loans()
    negative, positive = (curve for curve in drawn(truth, binary(scores)) if curve.name == "score_histogram")
    assert (negative.labels, positive.labels) == (("no",), ("yes",))
    assert (sum(negative.y), sum(positive.y)) == (np.sum(truth == 0), np.sum(truth == 1))
    assert (len(positive.x), positive.x[0], positive.x[-1]) == (20, 0.025, 0.975)


def test_scores_that_are_no_probabilities_have_a_histogram_but_no_calibration() -> None:
    truth = np.array([0, 1] * 20)
    found = drawn(truth, binary(np.linspace(-3, 4, 40), labels=()))
    assert "calibration" not in [curve.name for curve in found]
    bars = [curve for curve in found if curve.name == "score_histogram"]
    assert [curve.labels for curve in bars] == [("0",), ("1",)]
    assert sum(sum(curve.y) for curve in bars) == 40
    constant = drawn(truth, binary([7.0] * 40))
    assert sum(sum(curve.y) for curve in constant if curve.name == "score_histogram") == 40


def test_confusion_is_sklearns_row_by_row() -> None:
    truth, scores = loans()
    found = named(drawn(truth, binary(scores)), "confusion")
    assert found.y == tuple(confusion_matrix(truth, scores >= 0.5).ravel())
    assert found.labels == ("no", "yes")


@pytest.mark.parametrize(("classes", "there"), [(3, True), (14, True), (15, False)])
def test_a_confusion_matrix_of_more_than_200_cells_is_left_out(classes: int, there: bool) -> None:
    truth = np.arange(60) % classes
    model = Predictions(
        task="multiclass", scores=(truth[::-1] % classes).astype(float), labels=tuple(map(str, range(classes)))
    )
    found = drawn(truth, model)
    assert [curve.name for curve in found] == (["confusion"] if there else [])
    if there:
        assert found[0].y == tuple(confusion_matrix(truth, model.decisions).ravel())


def test_residuals_are_of_rows_spread_over_the_predictions() -> None:
    truth = np.random.default_rng(1).normal(size=1000)
    predicted = truth + 0.5
    found = named(drawn(truth, Predictions(task="regression", scores=predicted)), "residuals")
    assert found.y == pytest.approx([-0.5] * 200)
    assert (found.x[0], found.x[-1]) == pytest.approx((predicted.min(), predicted.max()), abs=1e-6)


def test_numbers_have_six_digits() -> None:
    found = named(drawn(np.array([0, 1, 0]), binary([1 / 3, 2 / 3, 0.1])), "calibration")
    assert found.x[1] == 0.333333


def test_one_label_only_has_no_ranking_curves() -> None:
    names = [curve.name for curve in drawn(np.ones(30, dtype=int), binary(np.linspace(0, 1, 30)))]
    assert names == ["calibration", "score_histogram", "score_histogram", "confusion"]


@pytest.mark.parametrize(
    ("truth", "predictions"),
    [
        (np.array([], dtype=int), binary([])),
        (np.array([0, 1]), binary([0.5, float("nan")])),
        (np.array([0.0, float("inf")]), Predictions(task="regression", scores=np.zeros(2))),
    ],
)
def test_nothing_is_drawn_of_what_is_not_finite(truth: NDArray[Any], predictions: Predictions) -> None:
    assert drawn(truth, predictions) == []


def test_the_order_of_rows_does_not_matter() -> None:
    truth, scores = loans(500)
    order = np.random.default_rng(2).permutation(500)
    assert drawn(truth, binary(scores)) == drawn(truth[order], binary(scores[order]))


def test_other_rows_are_refused() -> None:
    with pytest.raises(BadInput, match="1 predictions for 2 rows"):
        curves.points(np.array([0, 1]), binary([0.5]), of="candidate")
