"""One interval against one limit: pass, fail or inconclusive. Standard library only: deploy judges without NumPy.

All of the interval on the good side is a pass, all of it on the bad side a fail, across the limit inconclusive.
When a section judges many numbers, a *fail* must also survive Holm's step-down over the section (Holm 1979), since one
bad group out of many stops the release. A *pass* needs no correction: every number has to pass, an intersection-union
test (Berger 1982), whose error is at most that of one test.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

from ci_lib.measurement import Measurement, Scale

Limit = tuple[float | None, float | None]
"""The good side: from, to; None is open. Ends belong to the good side."""

SLACK = 1e-12
"""Float noise below which a number counts as on its limit: 0.85 - 0.80 is less than 0.05 in binary."""

MOST_ROWS = 1_000_000_000
"""More rows than this are not worth naming."""


def inside(value: float, limit: Limit) -> bool:
    """Say whether a number is on the good side."""
    low, high = limit
    return (low is None or value >= low - SLACK) and (high is None or value <= high + SLACK)


def is_pass(measurement: Measurement, limit: Limit) -> bool:
    """Say whether the whole interval, or the number where there is no interval, is on the good side."""
    low, value, high = _ends(measurement)
    return value is not None and inside(low, limit) and inside(high, limit)


def badness(measurement: Measurement, limit: Limit) -> float:
    """Return by how many standard errors the number is on the bad side, at most 0 when it is on the good side.

    The standard error is read off the half of the interval that points to the limit, on the measurement's own scale.
    A number without an interval is infinitely sure.
    """
    low, value, high = _ends(measurement)
    if value is None or inside(value, limit):
        return 0.0
    lower, upper = (-math.inf if limit[0] is None else limit[0]), (math.inf if limit[1] is None else limit[1])
    bound, end = (lower, high) if value < lower else (upper, low)
    distance, half = _distances(measurement.scale, value, bound, end)
    return distance / half * _z((1 + measurement.confidence) / 2) if half > 0 else math.inf


def failing(judged: Sequence[tuple[Measurement, Limit]], confidence: float) -> list[bool]:
    """Say which numbers of one section fail, by Holm's step-down at one-sided level (1 - confidence) / 2."""
    order = sorted(range(len(judged)), key=lambda i: -badness(*judged[i]))
    fails = [False] * len(judged)
    for rank, index in enumerate(order):
        needed = _z(1 - (1 - confidence) / 2 / (len(judged) - rank))
        if badness(*judged[index]) <= needed:  # an interval that ends on the limit is not all on the bad side
            break
        fails[index] = True
    return fails


def rows_needed(measurement: Measurement, limit: Limit) -> int | None:
    """Return about how many rows would settle it, the estimate staying where it is: width falls with the root of n."""
    low, value, high = _ends(measurement)
    bounds = [bound for bound in limit if bound is not None]
    if value is None or not bounds:
        return None
    bound = min(bounds, key=lambda b: abs(b - value))
    end = high if bound > value else low
    distance, half = _distances(measurement.scale, value, bound, end)
    if distance <= 0 or half <= distance:
        return None
    rows = math.ceil(measurement.n * (half / distance) ** 2)
    return rows if rows <= MOST_ROWS else None


def _ends(measurement: Measurement) -> tuple[float, float | None, float]:
    value = measurement.value
    if value is None:
        return math.nan, None, math.nan
    low = value if measurement.low is None else measurement.low
    high = value if measurement.high is None else measurement.high
    return min(low, value), value, max(high, value)


def _distances(scale: Scale, value: float, bound: float, end: float) -> tuple[float, float]:
    """Return how far limit and interval's end are from a number, both on one scale.

    That is the measurement's own, or the plain one where any of the three has no finite image there: two scales mixed
    would put a limit outside an interval that holds it.
    """
    if scale == "log" and min(value, bound, end) > 0:
        value, bound, end = (math.log(number) for number in (value, bound, end))
    elif scale == "logit" and min(value, bound, end) > 0 and max(value, bound, end) < 1:
        value, bound, end = (math.log(number / (1 - number)) for number in (value, bound, end))
    return abs(bound - value), abs(end - value)


def _z(probability: float) -> float:
    return NormalDist().inv_cdf(probability)
