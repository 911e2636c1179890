"""The dummy: what one would answer without looking at the features. A model that does not beat it is no use."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ci_lib.errors import BadInput
from ci_lib.measure.predictions import Predictions


def classes(
    task: Literal["binary", "multiclass"],
    balance: Mapping[str, int],
    labels: Sequence[str],
    *,
    rows: int,
    threshold: float | None = None,
) -> Predictions:
    """Return the shares of the labels in the training rows as constant scores.

    Args:
        task: binary or multiclass.
        balance: training rows by label, as in `Split.balance`.
        labels: in the order of the model's predictions; binary: negative, positive.
        rows: how many answers.
        threshold: binary only.

    Raises:
        BadInput: the training rows have none of the labels.
    """
    counts = np.array([balance.get(label, 0) for label in labels], dtype=np.float64)
    if counts.sum() <= 0:
        message = f"none of the training rows has one of the labels {', '.join(labels)}"
        raise BadInput(message, "ml-release prepare")
    shares = counts / counts.sum()
    scores = np.full(rows, shares[-1]) if task == "binary" else np.tile(shares, (rows, 1))
    return Predictions(task=task, scores=scores, labels=tuple(labels), threshold=threshold)


def number(mean: float, *, rows: int) -> Predictions:
    """Return the training mean as every answer."""
    return Predictions(task="regression", scores=np.full(rows, float(mean)))
