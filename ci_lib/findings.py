"""Findings: each rule put to each measurement that it is about, with a sentence for a person."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ci_lib import judge
from ci_lib.config import Rule
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measurement import Measurement, Of, Scope
from ci_lib.record import Record

Outcome = Literal["pass", "fail", "inconclusive"]


BIG = 1000
"""From here on a number in a sentence has no digits after the point."""
HUGE = 1e15
"""From here on it has an exponent."""


class Finding(Record):
    """One rule's outcome for one scope."""

    name: str
    """Unique in the decision; what an approver types to accept it, e.g. ``impact_ratio:black=1``."""
    rule: str
    """As written in release.yml."""
    section: str
    """``performance``, ``comparison``, ``fairness``, ``data``, ``operations``, …"""
    outcome: Outcome
    sentence: str
    """What was found and why it gives this outcome, for a person."""
    measurement: Measurement | None
    """None: nothing was measured that the rule could judge."""
    limit: tuple[float | None, float | None]
    """The good side: from, to; None is open."""
    rows_needed: int | None = None
    """For an inconclusive finding: about how many rows would settle it, the estimate staying where it is."""

    def __str__(self) -> str:
        """Give the finding as one line of a log."""
        more = f" About {self.rows_needed:,} rows would settle it." if self.rows_needed else ""
        return f"{self.outcome:<12} {self.name}: {self.sentence}{more}"


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One rule put to one measurement."""

    rule: Rule
    measurement: Measurement | None
    limit: judge.Limit
    section: str
    first_release: bool = False


def verdict(findings: Iterable[Finding]) -> Outcome:
    """Return the worst outcome; nothing found is not a pass."""
    outcomes = {finding.outcome for finding in findings}
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes == {"pass"} else "inconclusive"


def judge_rules(
    rules: Sequence[Rule],
    measurements: Sequence[Measurement],
    *,
    confidence: float,
    champion: object,
    of: Of = "candidate",
) -> tuple[Finding, ...]:
    """Put every rule to the measurements it is about.

    Args:
        rules: the rules, in order.
        measurements: all there are.
        confidence: of the policy; a section's fails hold together at this level.
        champion: what the candidate was compared with; None on a first release.
        of: what the rules are about: ``candidate``, or ``batch`` when monitoring.
    """
    asked = [ask for rule in rules for ask in _ask(rule, measurements, of, first_release=champion is None)]
    sections: dict[str, list[int]] = defaultdict(list)
    for index, ask in enumerate(asked):
        if ask.measurement is not None and ask.measurement.value is not None:
            sections[ask.section].append(index)
    fails: set[int] = set()
    for indices in sections.values():
        pairs = [(asked[i].measurement, asked[i].limit) for i in indices]
        failed = judge.failing([(m, limit) for m, limit in pairs if m is not None], confidence)
        fails.update(i for i, bad in zip(indices, failed, strict=True) if bad)
    findings = [_finding(ask, fails=index in fails) for index, ask in enumerate(asked)]
    return tuple(_unique(_summed_up(findings)))


def _ask(rule: Rule, measurements: Sequence[Measurement], of: Of, *, first_release: bool) -> list[_Asked]:
    metric = CATALOGUE[rule.metric]
    section = "comparison" if rule.versus else metric.section
    blank = _Asked(rule=rule, measurement=None, limit=_limit(rule), section=section)
    if rule.versus == "champion" and first_release:
        return [replace(blank, first_release=True)]
    scopes = _scopes(rule, of)
    found = [m for m in measurements if m.metric == rule.metric and m.scope.of in scopes]
    if not rule.by:
        return [replace(blank, measurement=m) for m in found if not m.scope.attribute] or [blank]
    asked = []
    for attribute in rule.by:
        judged = [m for m in found if m.scope.attribute == attribute]
        missing = Measurement(
            metric=rule.metric, scope=Scope(of=of, attribute=attribute, group="?"), value=None, n=0, method="none",
            note="nothing was measured",
        )  # fmt: skip
        asked += [replace(blank, measurement=m) for m in judged or [missing]]
    return asked


def _scopes(rule: Rule, of: Of) -> set[Of]:
    if rule.versus == "champion":
        return {"candidate - champion"}
    if rule.versus == "dummy":
        return {"candidate - dummy"}
    return {of, "data"} if of == "candidate" else {of}


def _limit(rule: Rule) -> judge.Limit:
    if rule.versus:
        margin = rule.margin or 0.0
        return (None, margin) if CATALOGUE[rule.metric].better == "lower" else (0.0 - margin, None)
    if rule.within is not None:
        return (-rule.within, rule.within)
    if CATALOGUE[rule.metric].better == "one":
        return _both_ways(rule.at_least, rule.at_most)
    return (rule.at_least, rule.at_most)


def _both_ways(low: float | None, high: float | None) -> judge.Limit:
    """Return the limit of a ratio, judged whichever of the two groups is below the line.

    Four fifths is the lower rate over the higher (29 CFR 1607.4 D). Which group is the reference is our choice, so a
    reference that is treated worse must not pass because the ratio is above one: at least 0.8 is at most 1.25, too.
    """
    if low is not None and 0 < low <= 1:
        return (low, 1 / low)
    if high is not None and high >= 1:
        return (1 / high, high)
    return (low, high)


def _finding(ask: _Asked, *, fails: bool) -> Finding:
    outcome = _outcome(ask, fails=fails)
    needed = None
    if ask.measurement is not None and outcome == "inconclusive" and not fails:
        needed = judge.rows_needed(ask.measurement, ask.limit)
    return Finding(
        name=_name(ask),
        rule=str(ask.rule),
        section=ask.section,
        outcome=outcome,
        sentence=_sentence(ask, outcome, fails=fails),
        measurement=ask.measurement,
        limit=ask.limit,
        rows_needed=needed,
    )


def _outcome(ask: _Asked, *, fails: bool) -> Outcome:
    if ask.first_release:
        return "pass"
    if ask.measurement is None or ask.measurement.value is None:
        return "inconclusive"
    if fails:
        return "inconclusive" if ask.rule.on_breach == "review" else "fail"
    return "pass" if judge.is_pass(ask.measurement, ask.limit) else "inconclusive"


def _name(ask: _Asked) -> str:
    name = ask.rule.metric
    if ask.rule.versus:
        name += f":versus-{ask.rule.versus}"
    if ask.measurement is not None:
        scope = ask.measurement.scope
        name += f":{scope.attribute}={scope.group}" if scope.attribute else ""
        name += f":{scope.feature}" if scope.feature else ""
    return name


def _sentence(ask: _Asked, outcome: Outcome, *, fails: bool) -> str:
    if ask.first_release:
        return "There is no champion yet: this is the first release here, so there is nothing to compare with."
    m = ask.measurement
    if m is None:
        return f"No {ask.rule.metric} was measured, and nothing passes by default."
    if m.value is None:
        return f"Not assessable for {m.scope}: {m.note}."
    shown = _shown(m)
    side = _side(ask.limit)
    if fails:
        end = " A person must accept it." if ask.rule.on_breach == "review" else ""
        return f"{shown} for {m.scope}: all of it is outside {side}.{end}"
    if outcome == "pass":
        return f"{shown} for {m.scope}: within {side}."
    return f"{shown} for {m.scope}: {m.n:,} rows do not settle whether it is within {side}."


def _shown(m: Measurement) -> str:
    unit = CATALOGUE[m.metric].unit
    interval = "" if m.low is None or m.high is None else f" [{_digits(m.low)}, {_digits(m.high)}]"
    return f"{m.metric} {_digits(m.value)}{interval}{' ' + unit if unit else ''}"


def _digits(value: float | None) -> str:
    """Write a number for a sentence: three significant digits, and whole where there are more before the point."""
    if value is None:
        return "none"
    return f"{value:,.0f}" if BIG <= abs(value) < HUGE else f"{value:.3g}"


def _bound(value: float) -> str:
    """Write a limit as it stands in release.yml, only with commas where it is long."""
    return f"{value:,.10g}"


def _side(limit: judge.Limit) -> str:
    low, high = limit
    if low is not None and high is not None:
        return f"{_bound(low)} to {_bound(high)}"
    if low is not None:
        return f"the limit of at least {_bound(low)}"
    return "no limit" if high is None else f"the limit of at most {_bound(high)}"


def _summed_up(findings: Iterable[Finding]) -> list[Finding]:
    """Keep one passing finding of a rule that looked at many columns; each column that does not pass stays."""
    passing: dict[str, list[Finding]] = defaultdict(list)
    kept: list[Finding] = []
    for finding in findings:
        if finding.outcome != "pass" or finding.measurement is None or not finding.measurement.scope.feature:
            kept.append(finding)
            continue
        if finding.rule not in passing:
            kept.append(finding)
        passing[finding.rule].append(finding)
    return [_nearest(passing[f.rule]) if f in passing[f.rule] else f for f in kept]


def _nearest(passed: Sequence[Finding]) -> Finding:
    """Return the finding that came nearest to its limit, in the name of all columns that passed."""
    nearest = min(passed, key=_slack)
    metric = nearest.name.split(":")[0]
    columns = f"the nearest of {len(passed)} columns to its limit" if len(passed) > 1 else "the only column"
    sentence = nearest.sentence.removesuffix(".") + f"; {columns}."
    return nearest.model_copy(update={"name": metric, "sentence": sentence})


def _slack(finding: Finding) -> float:
    """Return how far a passing value is from the end of the good side that it is nearest to."""
    value = finding.measurement.value if finding.measurement else None
    ends = [] if value is None else [abs(value - end) for end in finding.limit if end is not None]
    return min(ends, default=0.0)


def _unique(findings: Iterable[Finding]) -> list[Finding]:
    """Give each finding a name of its own: what is accepted or waived by name is one finding, whatever groups say."""
    taken: set[str] = set()
    named = []
    for finding in findings:
        name, again = finding.name, 1
        while name in taken:
            again += 1
            name = f"{finding.name}#{again}"
        taken.add(name)
        named.append(finding if again == 1 else finding.model_copy(update={"name": name}))
    return named
