"""Findings in the order a reviewer needs them, each with its rule, its number and what would settle it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ci_lib.decision import Decision
from ci_lib.findings import Finding, Outcome
from ci_lib.measurement import Measurement
from ci_lib.report import numbers

ORDER: tuple[Outcome, ...] = ("fail", "inconclusive", "pass")
"""What needs a person comes first."""

MARGIN = 0.08
"""Part of a strip's width that stays free at each end."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A measurement as text."""

    value: str
    interval: str
    confidence: str
    n: str
    method: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A finding's interval drawn against its limit; all numbers are percent of the width."""

    good_from: float
    good_to: float
    low: float | None
    high: float | None
    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One finding as the report shows it."""

    outcome: Outcome
    name: str
    rule: str
    section: str
    scope: str
    sentence: str
    shown: Shown | None
    limit: str
    settle: str
    strip: Strip | None


def shown(measurement: Measurement, against: Sequence[float | None] = ()) -> Shown:
    """Format one measurement."""
    return Shown(
        value=numbers.value(measurement, against),
        interval=numbers.interval(measurement, against),
        confidence=f"{measurement.confidence * 100:g} %",
        n=numbers.count(measurement.n),
        method=numbers.method(measurement.method),
        note=measurement.note,
    )


def rows(decision: Decision) -> tuple[Row, ...]:
    """Return the findings: fail, inconclusive, pass; within each in the decision's order."""
    return tuple(_row(finding) for outcome in ORDER for finding in decision.findings if finding.outcome == outcome)


def _row(finding: Finding) -> Row:
    measurement = finding.measurement
    return Row(
        outcome=finding.outcome,
        name=finding.name,
        rule=finding.rule,
        section=finding.section,
        scope=str(measurement.scope) if measurement else "",
        sentence=finding.sentence,
        shown=shown(measurement, finding.limit) if measurement else None,
        limit=numbers.limit(finding.limit, measurement),
        settle=settle(finding),
        strip=strip(finding),
    )


def settle(finding: Finding) -> str:
    """Say what would settle a finding; empty for a pass."""
    measurement = finding.measurement
    if finding.outcome == "pass":
        return ""
    if finding.section == "policy" and finding.outcome == "inconclusive":
        return "No measurement settles it: a person who has seen the change accepts it by name."
    if measurement is None or measurement.value is None:
        note = f" ({measurement.note})" if measurement and measurement.note else ""
        return f"A measurement would settle it: there is none that this rule could judge{note}."
    if finding.outcome == "fail":
        return "More rows would not settle it. The model, the data or, by those who own it, the policy has to change."
    if finding.rows_needed is not None:
        return (
            f"About {finding.rows_needed:,} rows would settle it if the estimate stays where it is; "
            f"it rests on {measurement.n:,}."
        )
    return "No number of rows settles it: the policy leaves it to a person."


def strip(finding: Finding) -> Strip | None:
    """Place value, interval and good side on one line; None where there is nothing to place."""
    measurement = finding.measurement
    if measurement is None or measurement.value is None:
        return None
    low, high = measurement.low, measurement.high
    points = [point for point in (measurement.value, low, high, *finding.limit) if point is not None]
    start, width = min(points), (max(points) - min(points)) or 1.0

    def place(point: float) -> float:
        return round(100 * (MARGIN + (point - start) / width * (1 - 2 * MARGIN)), 1)

    good = finding.limit
    return Strip(
        good_from=0.0 if good[0] is None else place(good[0]),
        good_to=100.0 if good[1] is None else place(good[1]),
        low=None if low is None else place(low),
        high=None if high is None else place(high),
        value=place(measurement.value),
        text=_strip_words(finding, measurement),
    )


def _strip_words(finding: Finding, measurement: Measurement) -> str:
    found = shown(measurement, finding.limit)
    between = f", interval {found.interval}" if found.interval else ""
    return f"{found.value}{between}; the rule asks for {numbers.limit(finding.limit, measurement)}"


def headline(decision: Decision, holdout_rows: int) -> str:
    """Say the verdict in one sentence."""
    findings = decision.findings
    total = len(findings)
    if not total:
        return f"{decision.verdict.capitalize()}: the policy has no rule, so nothing was judged"
    failed = sum(finding.outcome == "fail" for finding in findings)
    if decision.verdict == "pass":
        return f"Pass: {_all(total)}"
    open_ = _open(findings, holdout_rows)
    if decision.verdict == "fail":
        also = f"; {open_}" if open_ else ""
        return f"Fail: {failed} of {total} findings {_verb(failed, 'breaks its rule', 'break their rules')}{also}"
    return f"Inconclusive: {open_.replace(' ', f' of {total} findings ', 1)}"


def _open(findings: Sequence[Finding], holdout_rows: int) -> str:
    """Count the inconclusive findings by what they need."""
    unsettled = [finding for finding in findings if finding.outcome == "inconclusive"]
    few = sum(finding.rows_needed is not None for finding in unsettled)
    unmeasured = sum(
        finding.section != "policy"
        and finding.rows_needed is None
        and (finding.measurement is None or finding.measurement.value is None)
        for finding in unsettled
    )
    left = len(unsettled) - few - unmeasured
    parts = [
        f"{few} cannot be settled with {holdout_rows:,} rows" if few else "",
        f"{unmeasured} could not be measured" if unmeasured else "",
        f"{left} {_verb(left, 'is', 'are')} left to a person" if left else "",
    ]
    return ", ".join(part for part in parts if part)


def _all(total: int) -> str:
    return "the one finding keeps its rule" if total == 1 else f"all {total} findings keep their rules"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
