"""Permutation importance: how much the lead metric falls when one column is shuffled (Breiman 2001).

The lead metric is ROC AUC for binary, accuracy for multiclass and R² for regression.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.measure import ranking
from ci_lib.probe.request import Importance, Request

Score = Callable[[pd.DataFrame], NDArray[np.float64]]

MOST_ROWS = 2_000
"""Rows used at most: a seeded sample."""


def measure(
    score: Score, rows: pd.DataFrame, truth: NDArray[np.float64], scores: NDArray[np.float64], request: Request
) -> tuple[Importance, ...]:
    """Shuffle every column `request.shuffles` times, or as often as the time allows, but once at least."""
    generator = np.random.Generator(np.random.PCG64(request.seed))
    kept = generator.permutation(len(rows))[:MOST_ROWS]
    rows, truth = rows.iloc[kept].reset_index(drop=True), truth[kept]
    before = lead(request.task, truth, scores[kept])
    drops: dict[str, list[float]] = {str(column): [] for column in rows.columns}
    started = time.perf_counter()
    for _ in range(request.shuffles):
        for column in rows.columns:
            shuffled = rows.copy()
            shuffled[column] = rows[column].iloc[generator.permutation(len(rows))].array
            drops[str(column)].append(before - lead(request.task, truth, score(shuffled)))
        if time.perf_counter() - started > request.shuffle_seconds:
            break
    return tuple(Importance(column=column, drops=tuple(found)) for column, found in drops.items())


def lead(task: str, truth: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the lead metric of a task; 0 where it is not defined (one class, constant target)."""
    if task == "binary":
        return _roc_auc(truth.astype(np.int64), scores)
    if task == "multiclass":
        return float(np.mean(scores.argmax(axis=1) == truth))
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return 1 - float(np.sum((truth - scores) ** 2)) / spread if spread else 0.0


def _roc_auc(truth: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    if truth.min() == truth.max() or not np.all(np.isfinite(scores)):
        return 0.0
    return ranking.placements(truth, scores).auc
