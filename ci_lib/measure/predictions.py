"""What a model answered on some rows, in the one shape that all measures read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ci_lib.errors import BadInput
from ci_lib.measure.catalogue import Task

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIMENSIONS_OF_PROBABILITIES = 2
SUM_TOLERANCE = 1e-3
"""Class probabilities of a row sum to 1 within this: float32 models with many classes miss 1 by more than 1e-6."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """The answers of one model.

    Raises:
        BadInput: the scores do not have the shape that the task needs, or a label index is out of range.
    """

    task: Task
    scores: Floats
    """Binary: score of the positive label, shape (n,). Multiclass: probabilities (n, k) with the columns in the order
    of `labels`, or indices into `labels`, shape (n,), where the model gives labels only. Regression: values (n,)."""
    labels: tuple[str, ...] = ()
    """Binary: negative, positive. Multiclass: all k. Regression: none."""
    threshold: float | None = None
    """Binary: a score at or above it is a positive decision."""

    def __post_init__(self) -> None:
        """Refuse what cannot be read in one way only."""
        problem = _problem(self)
        if problem:
            message = f"the predictions cannot be measured: {problem}"
            raise BadInput(message, "check what the model's predict and predict_proba return")

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.scores)

    @property
    def decisions(self) -> Integers:
        """Indices into `labels`: what the model decides. Meaningless for rows whose score is not finite."""
        if self.task == "binary":
            cut = np.inf if self.threshold is None else self.threshold
            return (self.scores >= cut).astype(np.int64)
        if self.has_probabilities:
            return np.asarray(np.argmax(self.scores, axis=1), dtype=np.int64)
        return np.asarray(np.where(np.isfinite(self.scores), self.scores, 0), dtype=np.int64)

    @property
    def classes(self) -> int:
        """Count the labels."""
        return 2 if self.task == "binary" else len(self.labels)

    @property
    def has_probabilities(self) -> bool:
        """Tell whether the scores can be read as probabilities of the labels."""
        if self.task == "binary":
            return bool(np.all((self.scores >= 0) & (self.scores <= 1)))
        return self.scores.ndim == DIMENSIONS_OF_PROBABILITIES

    @property
    def unusable(self) -> int:
        """Count the rows with a score that is NaN or infinite."""
        finite = np.isfinite(self.scores)
        return int(np.sum(~(finite if finite.ndim == 1 else finite.all(axis=1))))

    def same_as(self, other: "Predictions") -> bool:
        """Tell whether both models gave exactly the same answers: same scores, same decisions."""
        same_scores = self.scores.shape == other.scores.shape and bool(np.array_equal(self.scores, other.scores))
        return same_scores and self.threshold == other.threshold


def _problem(predictions: Predictions) -> str:
    scores, task = predictions.scores, predictions.task
    if task == "multiclass":
        return _multiclass_problem(scores, len(predictions.labels))
    if scores.ndim != 1:
        return f"a {task} model gives one number a row, not an array of shape {scores.shape}"
    if task == "binary" and predictions.threshold is None:
        return "a binary model needs a threshold"
    return ""


def _multiclass_problem(scores: Floats, classes: int) -> str:
    if classes < DIMENSIONS_OF_PROBABILITIES:
        return f"a multiclass model needs at least two labels, not {classes}"
    if scores.ndim == DIMENSIONS_OF_PROBABILITIES:
        return "" if scores.shape[1] == classes else f"{scores.shape[1]} columns of scores for {classes} labels"
    if scores.ndim != 1:
        return f"scores have shape {scores.shape}"
    known = scores[np.isfinite(scores)]
    if np.any((known < 0) | (known >= classes) | (known != np.floor(known))):
        return f"a label index is not one of 0 to {classes - 1}"
    return ""


def check_rows(truth: NDArray[np.generic], predictions: Predictions) -> None:
    """Refuse truth and predictions that do not belong to the same rows, or classes outside the labels.

    Raises:
        BadInput: lengths differ, or a class is none of the labels.
    """
    if truth.shape != (len(predictions),):
        message = f"the model gave {len(predictions)} predictions for {len(truth)} rows"
        raise BadInput(message, "predict must return one answer a row, in order")
    if predictions.task == "regression" or len(truth) == 0:
        return
    if not np.issubdtype(truth.dtype, np.integer) or truth.min() < 0 or truth.max() >= predictions.classes:
        message = f"the true classes must be whole numbers from 0 to {predictions.classes - 1}"
        raise BadInput(message, "encode the target by the dataset's labels first")
