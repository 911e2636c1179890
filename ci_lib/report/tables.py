"""The evidence as tables. Every measurement lands in exactly one of them: nothing that was measured is left out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ci_lib.evidence import Curve
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measurement import Measurement
from ci_lib.report import numbers
from ci_lib.report.findings import Shown, shown


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measurement as a row: what it is called, what it means, what it is about, the number."""

    metric: str
    name: str
    definition: str
    about: str
    shown: Shown
    better: str
    dummy: Shown | None = None
    champion: Shown | None = None


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The evidence, sorted into the report's sections."""

    performance: tuple[Line, ...]
    comparison: tuple[Line, ...]
    fairness: tuple[Line, ...]
    importance: tuple[Line, ...]
    data: tuple[Line, ...]
    operations: tuple[Line, ...]
    other: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Rows of the holdout by true label (down) and decision (across)."""

    of: str
    labels: tuple[str, ...]
    counts: tuple[tuple[str, ...], ...]


BETTER = {"higher": "higher is better", "lower": "lower is better", "zero": "0 is even", "one": "1 is even", "none": ""}


def tables(data: Sequence[Measurement], evidence: Sequence[Measurement]) -> Tables:
    """Sort the measurements of the Dataset and of the Evidence into sections."""
    rest = [measurement for measurement in evidence if not _is_repeated(measurement)]
    comparison = _take(rest, numbers.is_difference)
    fairness = _take(rest, _is_fairness)
    importance = _take(rest, lambda m: m.metric == "permutation_importance")
    performance = _take(rest, _once(_is_overall))
    operations = _take(rest, lambda m: _section(m) == "operations")
    found_in_data = [*data, *_take(rest, lambda m: _section(m) == "data")]
    return Tables(
        performance=_performance(performance),
        comparison=tuple(_line(m, m.scope.of) for m in comparison),
        fairness=tuple(_line(m, _group(m)) for m in _by_metric(fairness)),
        importance=tuple(_line(m, m.scope.feature) for m in sorted(importance, key=_by_size)),
        data=tuple(_line(m, m.scope.feature or "all rows") for m in found_in_data),
        operations=tuple(_line(m, str(m.scope)) for m in operations),
        other=tuple(_line(m, str(m.scope)) for m in rest),
    )


def confusions(curves: Iterable[Curve]) -> tuple[Confusion, ...]:
    """Read the confusion matrices: `Curve.y` holds the rows by truth, then by decision."""
    return tuple(
        Confusion(of=curve.scope.of, labels=curve.labels, counts=_square(curve))
        for curve in curves
        if curve.name == "confusion" and curve.labels and len(curve.y) == len(curve.labels) ** 2
    )


def _square(curve: Curve) -> tuple[tuple[str, ...], ...]:
    wide = len(curve.labels)
    return tuple(
        tuple(numbers.count(rows) for rows in curve.y[start : start + wide]) for start in range(0, len(curve.y), wide)
    )


def _section(measurement: Measurement) -> str:
    known = CATALOGUE.get(measurement.metric)
    return known.section if known else ""


def _is_fairness(measurement: Measurement) -> bool:
    return _section(measurement) == "fairness" or bool(measurement.scope.attribute)


def _is_repeated(measurement: Measurement) -> bool:
    """Say whether it only repeats the candidate's: a base rate is a property of the rows, whoever predicts them."""
    return measurement.metric == "base_rate" and measurement.scope.of == "champion"


def _is_overall(measurement: Measurement) -> bool:
    whole = not measurement.scope.feature and measurement.scope.of in {"candidate", "champion", "dummy"}
    return _section(measurement) == "performance" and whole


def _once(belongs: Callable[[Measurement], bool]) -> Callable[[Measurement], bool]:
    """Let each metric of each model through once: a second one has no cell of its own and goes to `other`."""
    seen: set[tuple[str, str]] = set()

    def first(measurement: Measurement) -> bool:
        key = (measurement.metric, measurement.scope.of)
        if key in seen or not belongs(measurement):
            return False
        seen.add(key)
        return True

    return first


def _take(rest: list[Measurement], belongs: Callable[[Measurement], bool]) -> list[Measurement]:
    taken: list[Measurement] = []
    left: list[Measurement] = []
    for measurement in rest:
        (taken if belongs(measurement) else left).append(measurement)
    rest[:] = left
    return taken


def _by_size(measurement: Measurement) -> tuple[float, str]:
    size = float("inf") if measurement.value is None else -measurement.value
    return size, measurement.scope.feature


def _by_metric(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Keep the order, but put what is of one metric together."""
    metrics = list(dict.fromkeys(measurement.metric for measurement in measurements))
    return sorted(measurements, key=lambda measurement: metrics.index(measurement.metric))


def _group(measurement: Measurement) -> str:
    scope = measurement.scope
    words = f"{scope.attribute}={scope.group}"
    if scope.reference:
        words += f" against {scope.attribute}={scope.reference}"
    return words if scope.of == "candidate" else f"{words} ({scope.of})"


def _performance(measurements: Iterable[Measurement]) -> tuple[Line, ...]:
    """Put candidate, dummy and champion of one metric on one line; without a candidate's number the line says so."""
    by_metric: dict[str, dict[str, Measurement]] = {}
    for measurement in measurements:
        by_metric.setdefault(measurement.metric, {})[measurement.scope.of] = measurement
    return tuple(_side_by_side(found) for found in by_metric.values())


def _side_by_side(found: dict[str, Measurement]) -> Line:
    first = next(iter(found.values()))
    missing = first.model_copy(
        update={"value": None, "low": None, "high": None, "n": 0, "note": "not measured", "method": ""}
    )
    return _line(
        found.get("candidate", missing),
        "candidate",
        dummy=shown(found["dummy"]) if "dummy" in found else None,
        champion=shown(found["champion"]) if "champion" in found else None,
    )


def _line(measurement: Measurement, about: str, dummy: Shown | None = None, champion: Shown | None = None) -> Line:
    known = CATALOGUE.get(measurement.metric)
    return Line(
        metric=measurement.metric,
        name=numbers.title(measurement.metric),
        definition=known.definition if known else "",
        about=about,
        shown=shown(measurement),
        better=BETTER[known.better] if known else "",
        dummy=dummy,
        champion=champion,
    )
