"""Points for the report to draw. No rule reads them, so they have no intervals; at most 200 a curve, six digits."""

import numpy as np
from numpy.typing import NDArray

from ci_lib.evidence import Curve
from ci_lib.measure.predictions import Floats, Integers, Predictions, check_rows
from ci_lib.measurement import Of, Scope

MOST = 200
DIGITS = 6
BINS = 10
"""Of the calibration curve; each holds about the same number of rows."""
BARS = 20
"""Of a histogram of scores."""


def points(truth: NDArray[np.generic], predictions: Predictions, *, of: Of) -> list[Curve]:
    """Return the curves that fit the task; none where scores or truth are not finite or no row is left.

    - ``roc``: x false positive rate, y true positive rate; from (0, 0) to (1, 1).
    - ``precision_recall``: x recall, y precision, by rising recall.
    - ``calibration``: x mean score, y share of positives, in bins of about equally many rows; labels are row counts.
    - ``score_histogram``: one curve an outcome; x centre of the bar, y rows; labels hold the outcome.
    - ``confusion``: y rows by truth, then decision; x the index of the cell; labels are the classes.
    - ``residuals``: x predicted, y true minus predicted, of rows spread evenly over the predictions.

    Raises:
        BadInput: truth and predictions do not fit together.
    """
    check_rows(truth, predictions)
    numbers = truth.astype(np.float64)
    if len(truth) == 0 or predictions.unusable or not np.all(np.isfinite(numbers)):
        return []
    scope = Scope(of=of)
    if predictions.task == "regression":
        return [_residuals(numbers, predictions.scores, scope)]
    classes = truth.astype(np.int64)
    found = [] if predictions.classes**2 > MOST else [_confusion(classes, predictions, scope)]
    if predictions.task == "binary":
        found = [*_ranking(classes, predictions.scores, scope), *_of_scores(classes, predictions, scope), *found]
    return found


def _ranking(truth: Integers, scores: Floats, scope: Scope) -> list[Curve]:
    positives, negatives = int(np.sum(truth == 1)), int(np.sum(truth == 0))
    if positives == 0 or negatives == 0:
        return []
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, [True]))
    found = np.cumsum(truth[order] == 1)[last]
    alarms = np.cumsum(truth[order] == 0)[last]
    x, y = np.append(0, alarms / negatives), np.append(0, found / positives)
    kept = _spread(x + y)
    recall, precision = found / positives, found / (found + alarms)
    shown = _spread(recall + np.linspace(0, 1, len(recall)))
    return [
        _curve("roc", scope, x[kept], y[kept]),
        _curve("precision_recall", scope, recall[shown], precision[shown]),
    ]


def _spread(along: Floats) -> Integers:
    """Choose at most 200 places, evenly along a rising measure of length, with both ends."""
    if len(along) <= MOST:
        return np.arange(len(along))
    steps = np.searchsorted(along, np.linspace(along[0], along[-1], MOST))
    return np.unique(np.clip(steps, 0, len(along) - 1)).astype(np.int64)


def _of_scores(truth: Integers, predictions: Predictions, scope: Scope) -> list[Curve]:
    scores = predictions.scores
    low, high = (0.0, 1.0) if predictions.has_probabilities else (float(scores.min()), float(scores.max()))
    edges = np.linspace(low, high if high > low else low + 1, BARS + 1)
    names = predictions.labels or ("0", "1")
    bars = [
        _curve("score_histogram", scope, (edges[:-1] + edges[1:]) / 2, np.histogram(scores[truth == outcome], edges)[0],
               (names[outcome],))
        for outcome in (0, 1)
    ]  # fmt: skip
    return [_calibration(truth, scores, scope), *bars] if predictions.has_probabilities else bars


def _calibration(truth: Integers, scores: Floats, scope: Scope) -> Curve:
    """Bin by quantiles of the scores; equal scores share a bin, so there may be fewer than ten."""
    cuts = np.unique(np.quantile(scores, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    bins = np.searchsorted(cuts, scores, side="left")
    rows = np.bincount(bins)
    used = rows > 0
    mean_score = np.bincount(bins, scores)[used] / rows[used]
    observed = np.bincount(bins, truth)[used] / rows[used]
    return _curve("calibration", scope, mean_score, observed, tuple(str(count) for count in rows[used]))


def _confusion(truth: Integers, predictions: Predictions, scope: Scope) -> Curve:
    classes = predictions.classes
    cells = np.bincount(truth * classes + predictions.decisions, minlength=classes * classes)
    labels = predictions.labels or ("0", "1")
    return _curve("confusion", scope, np.arange(len(cells)), cells, labels)


def _residuals(truth: Floats, predicted: Floats, scope: Scope) -> Curve:
    order = np.lexsort((truth, predicted))
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(MOST, len(order))).round().astype(np.int64))]
    return _curve("residuals", scope, predicted[chosen], (truth - predicted)[chosen])


def _curve(
    name: str, scope: Scope, x: NDArray[np.generic], y: NDArray[np.generic], labels: tuple[str, ...] = ()
) -> Curve:
    def rounded(values: NDArray[np.generic]) -> tuple[float, ...]:
        return tuple(round(float(value), DIGITS) for value in values.tolist())

    return Curve(name=name, scope=scope, x=rounded(x), y=rounded(y), labels=labels)
