"""Whether a column of new rows still looks like the reference rows, told from a summary of the reference.

Both distances are metrics (Wasserstein: Ramdas et al. 2017; root of the Jensen-Shannon divergence: Endres & Schindelin
2003), so the triangle inequality bounds the true distance D of two distributions by what was observed, d, and by how
far samples stray from where they come from, c:  d - c <= D <= d + c.  For c we take the `confidence` quantile of the
distance that samples of the batch's size have from their source, drawn from the reference (the null) or from the
batch, whichever stray more, times sqrt(1 + n / m) for a reference that is itself a sample of m rows. So

- the low end is above 0 only where the distance is beyond what the null gives: significance;
- a rule ``at_most: 0.1`` fails only where the low end is above 0.1: effect and significance both;
- it passes only where the high end is below 0.1: there were enough rows to see that the effect is small.

The usual limit of 0.1 (standard deviations) on d alone raises an alarm in 39 % of columns of 200 rows without drift.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ci_lib.evidence import Profile
from ci_lib.measure.estimate import Estimate, not_assessable, too_few
from ci_lib.measure.intervals import Interval
from ci_lib.measure.levels import texts_of
from ci_lib.measure.predictions import Floats
from ci_lib.measurement import Measurement, Scope

QUANTILES = 201
FEWEST_ROWS = 20
"""A batch with fewer values is not assessable."""
SAMPLES = 500
"""Samples drawn to learn how far samples stray."""
MOST_DRAWN = 2000
"""Rows in each of them at most; what larger samples stray is scaled by the root of their size."""
GRID = 2000
"""Places at which quantile functions are compared."""
MOST_LEVELS = 200
OTHER = "(other)"
"""Stands for the levels beyond the 200 most frequent ones."""

Values = NDArray[Any]


def profile(name: str, values: Values, kind: Literal["number", "category"]) -> Profile:
    """Sum up one column of the reference rows. Missing values, and infinite ones, are counted and left out."""
    if kind == "number":
        numbers = np.asarray(values, dtype=np.float64)
        known = numbers[np.isfinite(numbers)]
        quantiles = np.quantile(known, np.linspace(0, 1, QUANTILES)) if len(known) else np.array([])
        missing = len(numbers) - len(known)
        return Profile(column=name, kind=kind, n=len(numbers), missing=missing, quantiles=tuple(quantiles.tolist()))
    levels = _levels(values)
    return Profile(column=name, kind=kind, n=len(values), missing=len(values) - len(levels), counts=_counted(levels))


def measure(reference: Profile, values: Values, *, seed: int, confidence: float) -> Measurement:
    """Measure how far a column of a batch is from its reference.

    Numbers: Wasserstein distance over the reference's interquartile range (its standard deviation where that is 0).
    Categories: Jensen-Shannon distance, base 2. Missing values are left out on both sides, and the note counts them.

    Args:
        reference: the column's profile.
        values: the column of the batch.
        seed: of the samples drawn.
        confidence: of the interval.
    """
    number = reference.kind == "number"
    metric = "wasserstein_distance" if number else "jensen_shannon_distance"
    with np.errstate(all="ignore"):  # a number that is not finite is refused by the estimate
        estimate, n = (_numbers if number else _categories)(reference, values, np.random.default_rng(seed), confidence)
    missing = len(values) - n
    if missing or reference.missing:
        estimate = estimate.noting(
            f"missing: {missing} of {len(values)}, in the reference {reference.missing} of {reference.n}"
        )
    scope = Scope(of="batch", feature=reference.column)
    return estimate.measurement(metric, scope, n=n, confidence=confidence)


def _numbers(
    reference: Profile, values: Values, generator: np.random.Generator, confidence: float
) -> tuple[Estimate, int]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return not_assessable("values that are not numbers in a column of numbers"), len(values)
    known = np.sort(numbers[~np.isnan(numbers)])
    n = len(known)
    if reason := _why_not(reference, n):
        return not_assessable(reason), n
    if np.isinf(known).any():
        return not_assessable("infinite values"), n
    quantiles = np.array(reference.quantiles)
    scale = _scale(quantiles)
    if scale == 0:
        return _constant(int(np.sum(known != quantiles[0])), n), n
    places = (np.arange(GRID) + 0.5) / GRID
    grid = np.linspace(0, 1, QUANTILES)
    expected, found = np.interp(places, grid, quantiles), known[(places * n).astype(np.int64)]
    drawn = min(n, MOST_DRAWN)
    index = (places * drawn).astype(np.int64)

    def stray_from(source: Callable[[Floats], Floats], at: Floats) -> float:
        distances = [np.mean(np.abs(np.sort(source(generator.random(drawn)))[index] - at)) for _ in range(SAMPLES)]
        return float(np.quantile(distances, confidence))

    null = stray_from(lambda u: np.asarray(np.interp(u, grid, quantiles)), expected)
    own = stray_from(lambda u: np.asarray(known[(u * n).astype(np.int64)]), found)
    distance = float(np.mean(np.abs(found - expected))) / scale
    stray = max(null, own) / scale
    return _bounded(distance, stray, reference, n, drawn), n


def _constant(others: int, n: int) -> Estimate:
    """Estimate the distance from a reference that has one value only, and so no scale."""
    if others:
        return not_assessable(f"the reference has one value only; {others} of {n} rows differ from it")
    return Estimate(interval=Interval(0.0, 0.0, 0.0), method="constant", note="constant, as in the reference")


def _scale(quantiles: Floats) -> float:
    quarter = (QUANTILES - 1) // 4
    spread = float(quantiles[3 * quarter] - quantiles[quarter])
    return spread if spread > 0 else float(np.std((quantiles[1:] + quantiles[:-1]) / 2))


def _categories(
    reference: Profile, values: Values, generator: np.random.Generator, confidence: float
) -> tuple[Estimate, int]:
    levels = _levels(values)
    n = len(levels)
    if reason := _why_not(reference, n):
        return not_assessable(reason), n
    folded = [level if level in reference.counts or OTHER not in reference.counts else OTHER for level in levels]
    batch = _counted(folded, most=None)
    names = sorted({*reference.counts, *batch})
    expected, found = (_shares([counts.get(name, 0) for name in names]) for counts in (reference.counts, batch))
    drawn = min(n, MOST_DRAWN)

    def stray_from(source: Floats) -> float:
        samples = generator.multinomial(drawn, source, size=SAMPLES) / drawn
        return float(np.quantile(jensen_shannon(samples, source), confidence))

    distance = float(jensen_shannon(found[None, :], expected)[0])
    estimate = _bounded(distance, max(stray_from(expected), stray_from(found)), reference, n, drawn, highest=1.0)
    unseen = sum(count for level, count in batch.items() if level not in reference.counts)
    return (estimate.noting(f"{unseen} rows with levels that the reference does not have") if unseen else estimate), n


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Return the root of the base-2 Jensen-Shannon divergence of each row of `first` from `second` (Lin 1991)."""
    middle = (first + second) / 2

    def part(shares: Floats) -> Floats:
        used = (shares > 0) & (middle > 0)
        ratios = np.where(used, shares, 1.0) / np.where(used, middle, 1.0)
        return np.asarray(np.sum(np.where(used, shares * np.log2(ratios), 0.0), axis=-1))

    divergence = (part(first) + part(np.broadcast_to(second, first.shape))) / 2
    return np.asarray(np.sqrt(np.clip(divergence, 0, 1)))


def _why_not(reference: Profile, n: int) -> str:
    if reference.n - reference.missing == 0:
        return "the reference has no values"
    return too_few(n, FEWEST_ROWS, "value") if n < FEWEST_ROWS else ""


def _bounded(
    distance: float, stray: float, reference: Profile, n: int, drawn: int, highest: float = np.inf
) -> Estimate:
    reach = stray * np.sqrt(drawn / n * (1 + n / (reference.n - reference.missing)))
    interval = Interval(distance, float(distance - reach), float(distance + reach)).clamped(0, highest)
    return Estimate(interval=interval, method=f"triangle inequality, {SAMPLES} samples")


def _shares(counts: list[int]) -> Floats:
    numbers = np.array(counts, dtype=np.float64)
    return np.asarray(numbers / numbers.sum())


def _levels(values: Values) -> list[str]:
    """Return the values that are not missing, as text."""
    return [text for text in texts_of(values) if text is not None]


def _counted(levels: list[str], most: int | None = MOST_LEVELS) -> dict[str, int]:
    """Count rows by level, most frequent first, with the rest in one."""
    names, counts = np.unique(np.array(levels, dtype=str), return_counts=True)
    order = np.lexsort((names, -counts))
    ranked = [(str(names[place]), int(counts[place])) for place in order]
    kept = dict(ranked[:most])
    rest = sum(count for _, count in ranked[most:]) if most is not None else 0
    if rest:
        kept[OTHER] = kept.get(OTHER, 0) + rest
    return kept
