"""What a model is worth on rows whose truth is known: every performance metric of the catalogue, with its interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ci_lib.measure import bootstrap, confusion, ranking
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measure.estimate import Estimate, logit_inside, not_assessable, proportion, too_few
from ci_lib.measure.intervals import Interval, mover_mean, wilson
from ci_lib.measure.losses import LOSSES
from ci_lib.measure.predictions import SUM_TOLERANCE, Predictions, check_rows
from ci_lib.measurement import Measurement, Of, Scope


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Truth and one model's answers on the same rows, and how to state the uncertainty."""

    truth: NDArray[np.generic]
    """Binary: 0 and 1. Multiclass: indices into the labels. Regression: numbers."""
    predictions: Predictions
    confidence: float
    seed: int

    @property
    def classes(self) -> NDArray[np.int64]:
        """Return the truth as label indices."""
        return self.truth.astype(np.int64)

    @property
    def numbers(self) -> NDArray[np.float64]:
        """Return the truth as numbers."""
        return self.truth.astype(np.float64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Tell for each row whether it is decided right."""
        return np.asarray(self.classes == self.predictions.decisions)

    def among(self, rows: NDArray[np.bool_], of: str) -> Estimate:
        """Return the share of right decisions among some rows."""
        n = int(rows.sum())
        if n == 0:
            return not_assessable(f"no {of}")
        note = "" if n == len(rows) else f"{n} {of}"
        return proportion(wilson(int(self.right[rows].sum()), n, self.confidence), note=note)


def measure(
    truth: NDArray[np.generic], predictions: Predictions, *, of: Of, confidence: float, seed: int
) -> list[Measurement]:
    """Measure every performance metric that fits the task, in the catalogue's order.

    Args:
        truth: binary 0 or 1, multiclass indices into the labels, regression numbers; one a row.
        predictions: the model's answers on the same rows.
        of: whose answers they are.
        confidence: of the intervals, e.g. 0.95.
        seed: of the resampling; the same seed gives the same numbers.

    Raises:
        BadInput: truth and predictions do not fit together.
    """
    check_rows(truth, predictions)
    sample = Sample(truth=truth, predictions=predictions, confidence=confidence, seed=seed)
    return [
        estimate(metric, sample).measurement(metric, Scope(of=of), n=len(truth), confidence=confidence)
        for metric in metrics_of(predictions)
    ]


def metrics_of(predictions: Predictions) -> list[str]:
    """Name the performance metrics that fit the task."""
    return [
        name for name, entry in CATALOGUE.items() if entry.section == "performance" and predictions.task in entry.tasks
    ]


def estimate(metric: str, sample: Sample) -> Estimate:
    """Estimate one metric."""
    reason = why_not(sample) or why_not_metric(metric, sample)
    if reason:
        return not_assessable(reason)
    with np.errstate(all="ignore"):  # a number that is not finite is refused by the estimate
        result = ESTIMATORS[metric](sample)
    return result.noting(absent_labels(sample)) if result.assessable else result


def why_not(sample: Sample) -> str:
    """Say why nothing can be measured on these rows; empty when something can."""
    rows, unusable = len(sample.truth), sample.predictions.unusable
    if rows == 0:
        return "no rows"
    if unusable:
        return f"{unusable} of {rows} predictions are NaN or infinite"
    if sample.predictions.task != "regression":
        return "all rows have the same label" if np.all(sample.truth == sample.truth[0]) else ""
    unknown = int(np.sum(~np.isfinite(sample.numbers)))
    return f"{unknown} of {rows} true values are NaN or infinite" if unknown else ""


def why_not_metric(metric: str, sample: Sample) -> str:
    """Say why one metric cannot be measured on rows that others can be measured on."""
    if metric in {"log_loss", "brier"}:
        return _why_no_probabilities(sample.predictions)
    if metric == "r2" and np.all(sample.truth == sample.truth[0]):
        return "all true values are equal"
    return ""


def _why_no_probabilities(predictions: Predictions) -> str:
    if not predictions.has_probabilities:
        return "the model gives no probabilities"
    if predictions.task == "multiclass":
        scores = predictions.scores
        if np.any(scores < 0) or np.any(np.abs(scores.sum(axis=1) - 1) > SUM_TOLERANCE):
            return "the scores of a row do not sum to 1"
    return ""


def absent_labels(sample: Sample) -> str:
    """Name the labels that no row has: averages over classes leave them out."""
    if sample.predictions.task != "multiclass":
        return ""
    found = set(np.unique(sample.classes).tolist())
    absent = [label for index, label in enumerate(sample.predictions.labels) if index not in found]
    return f"no row has the label {', '.join(absent)}" if absent else ""


def _accuracy(sample: Sample) -> Estimate:
    return sample.among(np.full(len(sample.truth), fill_value=True), "rows")


def _precision(sample: Sample) -> Estimate:
    return sample.among(sample.predictions.decisions == 1, "positive decisions")


def _recall(sample: Sample) -> Estimate:
    return sample.among(sample.classes == 1, "positives")


def _specificity(sample: Sample) -> Estimate:
    return sample.among(sample.classes == 0, "negatives")


def _balanced_accuracy(sample: Sample) -> Estimate:
    shares = [
        wilson(int(sample.right[rows].sum()), int(rows.sum()), sample.confidence)
        for rows in (sample.classes == label for label in np.unique(sample.classes))
    ]
    return proportion(mover_mean(shares).clamped(0, 1), "mover of wilson")


def _f1(sample: Sample) -> Estimate:
    """F1 = 2 J / (1 + J), where J is the share of hits among rows that are positive in truth or decision."""
    decided = sample.predictions.decisions
    either = (sample.classes == 1) | (decided == 1)
    hits = int(np.sum((sample.classes == 1) & (decided == 1)))
    jaccard = wilson(hits, int(either.sum()), sample.confidence)
    return proportion(Interval(*(2 * share / (1 + share) for share in jaccard)).clamped(0, 1), "wilson, indirect")


def _of_cells(metric: str) -> Callable[[Sample], Estimate]:
    statistic = confusion.STATISTICS[metric]

    def estimator(sample: Sample) -> Estimate:
        decisions, classes = sample.predictions.decisions, sample.predictions.classes
        value = float(statistic(confusion.margins(sample.classes, decisions, classes)))
        drawn = confusion.draws(statistic, sample.classes, decisions, classes, sample.seed)
        interval = bootstrap.percentiles(value, drawn, sample.confidence)
        note = "all decisions are the same" if np.all(decisions == decisions[0]) else ""
        return Estimate(interval=interval, method=f"bayesian bootstrap of counts, {len(drawn)} draws", note=note)

    return estimator


def _roc_auc(sample: Sample) -> Estimate:
    interval, method = ranking.auc_interval(
        ranking.placements(sample.classes, sample.predictions.scores), sample.confidence
    )
    return Estimate(interval=interval, method=method, scale=logit_inside(interval))


def _average_precision(sample: Sample) -> Estimate:
    """Binomial interval with the positives as n, which covers better than resampling (Boyd, Eng & Page 2013)."""
    ordered = ranking.precision_recall(sample.classes, sample.predictions.scores)
    value = float(ordered.average_precision(np.ones((1, len(sample.truth))))[0])
    positives = int(np.sum(sample.classes == 1))
    interval = wilson(min(value, 1.0) * positives, positives, sample.confidence)
    return proportion(interval, "wilson over positives", note=f"{positives} positives")


def _of_loss(metric: str) -> Callable[[Sample], Estimate]:
    loss = LOSSES[metric]

    def estimator(sample: Sample) -> Estimate:
        rows = len(sample.truth)
        if rows < bootstrap.FEWEST_ROWS:
            return not_assessable(too_few(rows, bootstrap.FEWEST_ROWS, "row"))
        columns = loss.columns(sample.numbers, sample.predictions)
        drawn = bootstrap.of_means(columns, loss.combine, sample.seed)
        interval = bootstrap.percentiles(loss.value(columns), drawn, sample.confidence, rows)
        if metric == "brier" and np.ptp(columns) == 0:
            return _certain_brier(interval.value, rows, sample.confidence)
        return Estimate(interval=interval, method=f"bayesian bootstrap, {len(drawn)} draws")

    return estimator


def _certain_brier(value: float, rows: int, confidence: float) -> Estimate:
    """Bound a Brier score that is the same in every row, which resampling would take for certain.

    Of all losses between 0 and 1 with this mean, wrong or right decisions spread most.
    """
    return Estimate(interval=wilson(value * rows, rows, confidence), method="wilson")


ESTIMATORS: Mapping[str, Callable[[Sample], Estimate]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _precision,
    "recall": _recall,
    "specificity": _specificity,
    "f1": _f1,
    "macro_f1": _of_cells("macro_f1"),
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "log_loss": _of_loss("log_loss"),
    "brier": _of_loss("brier"),
    "matthews_correlation": _of_cells("matthews_correlation"),
    "mean_absolute_error": _of_loss("mean_absolute_error"),
    "root_mean_squared_error": _of_loss("root_mean_squared_error"),
    "r2": _of_loss("r2"),
}
