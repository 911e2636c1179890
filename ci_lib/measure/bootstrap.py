"""Resampling, for numbers without an interval in closed form: the Bayesian bootstrap (Rubin 1981).

Each draw gives every row a standard exponential weight, where the classical bootstrap gives it a whole count. The
spread is the same, but no draw loses a row, so none loses a class and no metric is undefined in it. Rows that are alike
share one weight from a gamma distribution, so metrics of counts cost nothing in the number of rows; a prior there keeps
the interval honest where nothing went wrong yet (a classical bootstrap of 30 right decisions says "1 to 1").
The same seed gives the same weights to every metric and model.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import ndtr, stdtrit

from ci_lib.measure.intervals import Interval
from ci_lib.measure.predictions import Floats

DRAWS = 2000
FEWEST_DRAWS = 500
FEWEST_ROWS = 10
"""Fewer rows than this are not resampled: they say too little about their own spread."""
BUDGET = 40_000_000
"""Weights drawn for one metric of n rows before the number of draws goes down, to `FEWEST_DRAWS` at most."""
CHUNK = 1_000_000
"""Weights held at one time."""
BLOCKS = 4000
"""Above so many rows, metrics that are functions of means resample blocks of rows."""


def of_rows(statistic: Callable[[Floats], Floats], rows: int, seed: int) -> Floats:
    """Return the statistic in each draw; it maps weights (draws, rows) to numbers (draws,)."""
    return np.concatenate([statistic(weights) for weights in _weights(rows, seed)])


def of_means(columns: Floats, combine: Callable[[Floats], Floats], seed: int) -> Floats:
    """Return a function of weighted column means in each draw; `combine` maps (draws, columns) to (draws,).

    Many rows are pooled at random into blocks first: the sums of blocks spread as the rows do.
    """
    blocks = _blocks(columns[np.lexsort(columns.T)], seed)
    sizes, sums = blocks[:, 0], blocks[:, 1:]

    def statistic(weights: Floats) -> Floats:
        return combine((weights @ sums) / (weights @ sizes)[:, None])

    return of_rows(statistic, len(blocks), seed)


def of_cells(counts: Floats, statistic: Callable[[Floats], Floats], seed: int) -> Floats:
    """Return the statistic of redrawn counts, from (draws, cells) to (draws,); counts include their prior."""
    generator = np.random.default_rng(seed)
    step = max(CHUNK // len(counts), 1)
    sizes = [min(step, DRAWS - start) for start in range(0, DRAWS, step)]
    return np.concatenate([statistic(generator.gamma(counts, size=(size, len(counts)))) for size in sizes])


def percentiles(value: float, drawn: Floats, confidence: float, rows: int | None = None) -> Interval:
    """Return the percentile interval, widened to hold the value.

    With `rows`, the percentiles are those that Student's t and the finite number of rows ask for: the plain percentile
    interval of few rows is too narrow (expanded percentile interval, Hesterberg 2015).
    """
    tail = (1 - confidence) / 2
    if rows is not None:
        tail = float(ndtr(stdtrit(rows - 1, tail) * np.sqrt((rows + 1) / (rows - 1))))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(low), float(high)).clamped()


def draws_of(rows: int) -> int:
    """Return how often so many rows are drawn: less often the more there are, since large samples differ less."""
    return max(FEWEST_DRAWS, min(BUDGET // rows, DRAWS))


def _weights(rows: int, seed: int) -> Iterator[Floats]:
    generator = np.random.default_rng(seed)
    draws, step = draws_of(rows), max(CHUNK // rows, 1)
    for start in range(0, draws, step):
        yield generator.standard_exponential((min(step, draws - start), rows))


def _blocks(columns: Floats, seed: int) -> Floats:
    """Return rows, or sums of blocks of rows, with the block's size in the first column."""
    sized = np.column_stack([np.ones(len(columns)), columns])
    if len(columns) <= BLOCKS:
        return sized
    block = np.random.default_rng(seed).permutation(len(columns)) % BLOCKS
    return np.column_stack([np.bincount(block, column, BLOCKS) for column in sized.T])
