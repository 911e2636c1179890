"""Permutation importance: how much the lead metric falls when one column is shuffled (Breiman 2001).

The lead metric is ROC AUC for binary, accuracy for multiclass and R² for regression.
"""

import time
from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ci_lib.measure import ranking
from ci_lib.probe.request import Importance, Request

Score = Callable[[pd.DataFrame], NDArray[np.float64]]

MOST_ROWS = 2_000
"""Rows used at most: a seeded sample."""

AT_ONCE = 20_000
"""Rows that the model is given at most in one call: most of what a small call costs does not depend on its rows."""


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
    for times in _rounds(request.shuffles, len(rows)):
        for column in rows.columns:
            found = score(_shuffled(rows, column, times, generator))
            drops[str(column)] += [before - lead(request.task, truth, part) for part in np.split(found, times)]
        if time.perf_counter() - started > request.shuffle_seconds:
            break
    return tuple(Importance(column=column, drops=tuple(found)) for column, found in drops.items())


def _rounds(shuffles: int, rows: int) -> list[int]:
    """Return how often each column is shuffled in each round: once in the first, which shows how long one takes."""
    most = max(AT_ONCE // rows, 1)
    left = shuffles - 1
    return [1, *(min(most, left - done) for done in range(0, left, most))]


def _shuffled(rows: pd.DataFrame, column: Hashable, times: int, generator: np.random.Generator) -> pd.DataFrame:
    """Return the rows `times` times below each other, one column shuffled within each copy."""
    copies = np.tile(np.arange(len(rows)), times)
    shuffled = np.concatenate([generator.permutation(len(rows)) for _ in range(times)])
    stacked = rows.iloc[copies].reset_index(drop=True)
    stacked[column] = rows[column].array.take(shuffled)
    return stacked


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
