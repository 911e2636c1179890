"""Metrics that are functions of means over rows: log loss, Brier score, absolute and squared errors, R².

Each is a few columns of numbers, one row for each row of the holdout, and a function of the columns' means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ci_lib.measure.predictions import Floats, Predictions

SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)
"""Scores are kept this far from 0 and 1 in the log loss, as scikit-learn does."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A metric as a function of means."""

    columns: Callable[[Floats, Predictions], Floats]
    """Truth and predictions to (rows, columns)."""
    combine: Callable[[Floats], Floats]
    """Means (…, columns) to the metric (…)."""

    def value(self, columns: Floats) -> float:
        """Return the metric of all rows."""
        return float(self.combine(columns.mean(axis=0)))


def _log_loss(truth: Floats, predictions: Predictions) -> Floats:
    if predictions.task == "binary":
        of_truth = np.where(truth == 1, predictions.scores, 1 - predictions.scores)
    else:
        of_truth = np.take_along_axis(predictions.scores, truth.astype(np.int64)[:, None], axis=1)[:, 0]
    return np.asarray(-np.log(np.clip(of_truth, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)))[:, None]


def _squared_errors(truth: Floats, predictions: Predictions) -> Floats:
    return np.square(truth - predictions.scores)[:, None]


def _absolute_errors(truth: Floats, predictions: Predictions) -> Floats:
    return np.abs(truth - predictions.scores)[:, None]


def _r2_columns(truth: Floats, predictions: Predictions) -> Floats:
    centred = truth - np.mean(truth)
    return np.column_stack([_squared_errors(truth, predictions), centred, centred**2])


def _mean(means: Floats) -> Floats:
    return np.asarray(means[..., 0])


def _root(means: Floats) -> Floats:
    return np.asarray(np.sqrt(means[..., 0]))


def _explained(means: Floats) -> Floats:
    return np.asarray(1 - means[..., 0] / (means[..., 2] - means[..., 1] ** 2))


LOSSES: Mapping[str, Loss] = {
    "log_loss": Loss(columns=_log_loss, combine=_mean),
    "brier": Loss(columns=_squared_errors, combine=_mean),
    "mean_absolute_error": Loss(columns=_absolute_errors, combine=_mean),
    "root_mean_squared_error": Loss(columns=_squared_errors, combine=_root),
    "r2": Loss(columns=_r2_columns, combine=_explained),
}
