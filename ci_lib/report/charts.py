"""The report's drawings: what a table of numbers hides. Each has the same numbers in a table beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ci_lib.decision import Decision
from ci_lib.evidence import Curve
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measurement import Measurement
from ci_lib.report import numbers
from ci_lib.report.drawing import CANDIDATE, CHAMPION, GOOD, INK, draw, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Section = Literal["performance", "fairness", "importance"]

SMALL = (3.7, 3.0)
WIDE = 7.6
ROW = 0.27
"""Inches a row of a forest takes."""

MOST_ROWS = 40
"""Rows a drawing can carry; the table has all."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One drawing, as an ``<svg>`` element."""

    section: Section
    title: str
    svg: str


def charts(measurements: Sequence[Measurement], curves: Sequence[Curve], decision: Decision) -> tuple[Chart, ...]:
    """Draw what the evidence has points for."""
    return (*_curves(curves), *_forests(measurements, decision), *_importance(measurements))


# ---- performance: curves of candidate and champion on the same axes


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a kind of curve is drawn."""

    title: str
    x: str
    y: str
    diagonal: str = ""
    """What a dotted diagonal means; empty for none."""
    points: bool = False


KINDS = {
    "roc": Kind(title="ROC curve", x="false positive rate", y="true positive rate", diagonal="chance"),
    "precision_recall": Kind(title="Precision and recall", x="recall", y="precision"),
    "calibration": Kind(
        title="Calibration",
        x="mean score",
        y="share of positives",
        diagonal="where scores mean what they say",
        points=True,
    ),
}


def _curves(curves: Sequence[Curve]) -> Iterator[Chart]:
    for kind, how in KINDS.items():
        found = [curve for curve in curves if curve.name == kind and curve.x]
        if found:
            yield _lines(kind, how, found)
    for kind in ("score_histogram", "residuals"):
        for of in ("candidate", "champion"):
            found = [curve for curve in curves if curve.name == kind and curve.scope.of == of and curve.x]
            if found:
                yield _histogram(of, found) if kind == "score_histogram" else _residuals(of, found)


def _lines(kind: str, how: Kind, curves: Sequence[Curve]) -> Chart:
    def plot(axes: "Axes") -> None:
        if how.diagonal:
            axes.plot([0, 1], [0, 1], color=INK, alpha=0.35, linewidth=1, linestyle=":")
        for curve in curves:
            champion = curve.scope.of == "champion"
            axes.plot(
                curve.x, curve.y, label=label(str(curve.scope)), color=CHAMPION if champion else CANDIDATE,
                linestyle="--" if champion else "-", markersize=4,
                marker=("s" if champion else "o") if how.points else None,
            )  # fmt: skip
        axes.set(xlabel=how.x, ylabel=how.y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        axes.legend(loc="best")

    who = " and ".join(dict.fromkeys(curve.scope.of for curve in curves))
    words = f"{how.y} against {how.x}, {who}{how.diagonal and '; the dotted diagonal is '}{how.diagonal}"
    svg = draw(plot, name=f"chart-{kind}", title=how.title, description=words, size=SMALL)
    return Chart(section="performance", title=how.title, svg=svg)


def _histogram(of: str, curves: Sequence[Curve]) -> Chart:
    """Draw shares of scores by outcome; a curve is one outcome, or names the outcome of each point in `labels`."""
    series = [part for curve in curves for part in _series(curve)]

    def plot(axes: "Axes") -> None:
        for place, (name, x, y) in enumerate(series):
            style = "--" if place % 2 else "-"
            color = CHAMPION if place % 2 else CANDIDATE
            total = sum(y) or 1.0
            shares = [value / total for value in y]
            axes.step(x, shares, where="mid", label=label(name), color=color, linestyle=style)
            axes.fill_between(x, shares, step="mid", color=color, alpha=0.15, linewidth=0)
        axes.set(xlabel="score", ylabel="share of rows with this outcome")
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")

    title = f"Scores by outcome, {of}"
    words = "Distribution of scores, one line for each outcome: " + ", ".join(name for name, _, _ in series)
    svg = draw(plot, name=f"chart-score-histogram-{of}", title=title, description=words, size=SMALL)
    return Chart(section="performance", title=title, svg=svg)


def _series(curve: Curve) -> Iterator[tuple[str, list[float], list[float]]]:
    x = _centres(curve)
    if len(curve.labels) != len(x) or len(x) == 1:
        name = f"outcome {curve.labels[0]}" if curve.labels else str(curve.scope)
        yield name, x, list(curve.y)
        return
    for name in dict.fromkeys(curve.labels):
        places = [place for place, of in enumerate(curve.labels) if of == name]
        yield f"outcome {name}", [x[place] for place in places], [curve.y[place] for place in places]


def _centres(curve: Curve) -> list[float]:
    """Return one x for each y: bin edges become centres."""
    if len(curve.x) == len(curve.y) + 1:
        return [(left + right) / 2 for left, right in zip(curve.x, curve.x[1:], strict=False)]
    return list(curve.x)


def _residuals(of: str, curves: Sequence[Curve]) -> Chart:
    def plot(axes: "Axes") -> None:
        axes.axhline(0, color=INK, alpha=0.35, linewidth=1, linestyle=":")
        for curve in curves:
            axes.plot(curve.x, curve.y, linestyle="none", marker="o", markersize=3, alpha=0.7, color=CANDIDATE)
        axes.set(xlabel="predicted", ylabel="residual")

    title = f"Residuals, {of}"
    words = "What each prediction missed by, against the prediction; 0 is exact"
    svg = draw(plot, name=f"chart-residuals-{of}", title=title, description=words, size=SMALL)
    return Chart(section="performance", title=title, svg=svg)


# ---- forests: intervals one below the other, with what the rule allows


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row of a forest."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Forest:
    """What a forest shows."""

    title: str
    bars: tuple[Bar, ...]
    allowed: tuple[float | None, float | None] = (None, None)
    even: float | None = None
    """The value that means no difference."""

    @property
    def shown(self) -> tuple[Bar, ...]:
        """The rows that fit."""
        return self.bars[:MOST_ROWS]

    def span(self) -> tuple[float, float]:
        """Return the ends of the axis: all intervals and marks, and a little air."""
        points = [mark for mark in (*self.allowed, self.even) if mark is not None]
        points += [point for bar in self.shown for point in (bar.value, bar.low, bar.high)]
        air = (max(points) - min(points)) * 0.06
        if not air or not math.isfinite(air):
            air = 1.0
        return min(points) - air, max(points) + air

    def words(self) -> str:
        """Say what is drawn."""
        band = numbers.limit(self.allowed, None)
        shaded = "" if band == "no limit" else f"; shaded: {band}, which the policy allows"
        return f"Point and interval of {len(self.shown)} of {len(self.bars)}{shaded}"


def _bar(name: str, measurement: Measurement) -> Iterator[Bar]:
    """Give a bar where there is a value."""
    value, low, high = measurement.value, measurement.low, measurement.high
    if value is not None:
        yield Bar(name=name, value=value, low=value if low is None else low, high=value if high is None else high)


def _forests(measurements: Sequence[Measurement], decision: Decision) -> Iterator[Chart]:
    groups = [m for m in measurements if m.scope.attribute and m.scope.of == "candidate" and m.value is not None]
    for place, metric in enumerate(dict.fromkeys(m.metric for m in groups)):
        known = CATALOGUE.get(metric)
        forest = Forest(
            title=numbers.title(metric).capitalize(),
            bars=tuple(bar for m in groups if m.metric == metric for bar in _bar(_group(m), m)),
            allowed=_allowed(metric, decision),
            even={"zero": 0.0, "one": 1.0}.get(known.better) if known else None,
        )
        yield _draw_forest("fairness", f"chart-fairness-{place}", forest)


def _group(measurement: Measurement) -> str:
    return f"{measurement.scope.attribute}={measurement.scope.group} (n {measurement.n:,})"


def _allowed(metric: str, decision: Decision) -> tuple[float | None, float | None]:
    """Return the limits that the policy sets this metric of groups; the tightest, should rules differ."""
    limits = [
        finding.limit
        for finding in decision.findings
        if finding.measurement and finding.measurement.metric == metric and finding.measurement.scope.attribute
    ]
    lows = [low for low, _ in limits if low is not None]
    highs = [high for _, high in limits if high is not None]
    return max(lows, default=None), min(highs, default=None)


def _importance(measurements: Sequence[Measurement]) -> Iterator[Chart]:
    found = [m for m in measurements if m.metric == "permutation_importance"]
    bars = [bar for m in found for bar in _bar(m.scope.feature, m)]
    if bars:
        bars.sort(key=lambda bar: (-bar.value, bar.name))
        forest = Forest(title="Loss when one column is shuffled", bars=tuple(bars), even=0.0)
        yield _draw_forest("importance", "chart-importance", forest)


def _draw_forest(section: Section, name: str, forest: Forest) -> Chart:
    def plot(axes: "Axes") -> None:
        left, right = forest.span()
        low, high = forest.allowed
        if low is not None or high is not None:
            band = left if low is None else low, right if high is None else high
            axes.axvspan(*band, color=GOOD, alpha=0.22, linewidth=0)
        for edge in (edge for edge in forest.allowed if edge is not None):
            axes.axvline(edge, color=INK, linewidth=0.9, linestyle="--")
        if forest.even is not None:
            axes.axvline(forest.even, color=INK, alpha=0.35, linewidth=1, linestyle=":")
        for place, bar in enumerate(forest.shown):
            axes.plot([bar.low, bar.high], [place, place], color=CANDIDATE)
            axes.plot([bar.value], [place], marker="o", markersize=5, color=CANDIDATE)
        axes.set_yticks(range(len(forest.shown)), [label(bar.name) for bar in forest.shown])
        axes.set(xlim=(left, right), ylim=(len(forest.shown) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)

    size = (WIDE, 0.75 + ROW * len(forest.shown))
    svg = draw(plot, name=name, title=forest.title, description=forest.words(), size=size)
    return Chart(section=section, title=forest.title, svg=svg)
