"""Numbers as a reviewer reads them: three significant digits, percent for shares, a unit where there is one.

A rounded number must not tell another story than the record: where rounding would make a value equal to its limit, more
digits are shown.
"""

import re
from collections.abc import Iterable

from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measurement import Measurement

DIGITS = 3
MOST = 12
"""Beyond so many digits two floats differ by noise only."""
SMALL = 1e-4
BIG = 999.5

SHARES = frozenset({
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "missing_share", "selection_rate",
    "base_rate", "true_positive_rate", "false_positive_rate",
})  # fmt: skip
"""Metrics that are shares of rows, and so read best as percent."""

NAMES = {
    "roc_auc": "ROC AUC", "f1": "F1", "macro_f1": "macro F1",
    "matthews_correlation": "Matthews correlation", "r2": "R²", "brier": "Brier score",
    "latency_p50_ms": "latency, median", "latency_p99_ms": "latency, 99th percentile", "model_size_mb": "model size",
    "load_seconds": "time to load",
}  # fmt: skip
"""Where the field writes a metric other than by its catalogue name."""

WRITTEN = {
    "bayesian": "Bayesian", "delong": "DeLong", "goutte": "Goutte", "mover": "MOVER", "newcombe": "Newcombe",
    "tango": "Tango", "welch": "Welch", "wilson": "Wilson",
}  # fmt: skip
"""Names in the methods of measurements, which are lower case."""
PEOPLE = re.compile(rf"\b({'|'.join(WRITTEN)})\b")


def title(metric: str) -> str:
    """Return a metric's name as people write it."""
    return NAMES.get(metric, metric.replace("_", " "))


def method(text: str) -> str:
    """Return how a number was made, with the names of people as they write themselves."""
    return PEOPLE.sub(lambda found: WRITTEN[found.group()], text)


def significant(value: float, *, against: Iterable[float | None] = (), signed: bool = False) -> str:
    """Format to three significant digits, or as many as it takes to differ from what it is held `against`."""
    others = [other for other in against if other is not None and other != value]
    for digits in range(DIGITS, MOST + 1):
        text = _digits(value, digits)
        if text not in {_digits(other, digits) for other in others}:
            break
    sign = "+" if signed and value > 0 else ""
    return sign + text.replace("-", "−")


def _digits(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if abs(value) >= BIG:
        return f"{value:,.{digits - DIGITS}f}"
    if abs(value) < SMALL:
        return f"{value:.{digits - 1}e}"
    return f"{value:#.{digits}g}".rstrip(".")


def count(value: float) -> str:
    """Format a whole number."""
    return f"{value:,.0f}"


def quantity(value: float, metric: str, *, difference: bool = False, against: Iterable[float | None] = ()) -> str:
    """Format a value in its metric's unit; a difference of shares is in (percentage) points."""
    known = CATALOGUE.get(metric)
    if metric in SHARES:
        unit = " points" if difference else " %"
        held = [None if other is None else other * 100 for other in against]
        return significant(value * 100, against=held, signed=difference) + unit
    if known and known.method == "count" and float(value).is_integer():
        text = count(value)
    else:
        signed = difference or bool(known and known.better == "zero")
        text = significant(value, against=against, signed=signed)
    return f"{text} {known.unit}" if known and known.unit else text


def is_difference(measurement: Measurement) -> bool:
    """Say whether the number is candidate minus something."""
    return " - " in measurement.scope.of


def value(measurement: Measurement, against: Iterable[float | None] = ()) -> str:
    """Format a measurement's value; words when there is none."""
    if measurement.value is None:
        return "not assessable"
    return quantity(measurement.value, measurement.metric, difference=is_difference(measurement), against=against)


def interval(measurement: Measurement, against: Iterable[float | None] = ()) -> str:
    """Format the interval as ``86.2 to 90.6 %``; empty when the method gives none."""
    if measurement.low is None or measurement.high is None:
        return ""
    difference = is_difference(measurement)
    low, high = (
        quantity(end, measurement.metric, difference=difference, against=against)
        for end in (measurement.low, measurement.high)
    )
    return f"{low.partition(' ')[0]} to {high}"


def limit(bounds: tuple[float | None, float | None], measurement: Measurement | None) -> str:
    """Say the good side in words, e.g. ``at least 0.8``."""
    low, high = (None if bound is None else _bound(bound, measurement) for bound in bounds)
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return "no limit" if high is None else f"at most {high}"


def _bound(bound: float, measurement: Measurement | None) -> str:
    metric = measurement.metric if measurement else ""
    difference = measurement is not None and is_difference(measurement)
    share = metric in SHARES
    text = f"{bound * 100 if share else bound:.10g}".replace("-", "−")
    known = CATALOGUE.get(metric)
    unit = (" points" if difference else " %") if share else f" {known.unit}" if known and known.unit else ""
    return text + unit
