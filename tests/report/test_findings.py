"""Findings: order, what would settle them, the headline, the drawing."""

import pytest
from doubles.records import chain, number, sha

from ci_lib.decision import Decision
from ci_lib.findings import Finding, Outcome
from ci_lib.measurement import Measurement
from ci_lib.report import findings


def finding(
    outcome: Outcome, measurement: Measurement | None = None, *, rows: int | None = None, name: str = "x"
) -> Finding:
    return Finding(
        name=name, rule="{metric: roc_auc, at_least: 0.7}", section="performance", outcome=outcome,
        sentence="So it is.", measurement=measurement, limit=(0.7, None), rows_needed=rows,
    )  # fmt: skip


def decision(verdict: Outcome, *found: Finding) -> Decision:
    return Decision(
        model="m", dataset=sha("d"), evidence=sha("e"), policy=sha("p"), verdict=verdict, findings=tuple(found)
    )


MEASURED = number("roc_auc", 0.72, 0.66, 0.78)
UNMEASURED = number("roc_auc", None, n=3, note="one class only")


def test_what_needs_a_person_comes_first_and_order_is_kept_within() -> None:
    outcomes: tuple[Outcome, ...] = ("pass", "fail", "inconclusive", "pass", "fail")
    built = decision("fail", *(finding(outcome, name=str(place)) for place, outcome in enumerate(outcomes)))
    assert [row.name for row in findings.rows(built)] == ["1", "4", "2", "0", "3"]


@pytest.mark.parametrize(
    ("built", "says"),
    [
        (finding("pass", MEASURED), ""),
        (finding("fail", MEASURED), "More rows would not settle it"),
        (finding("fail"), "A measurement would settle it"),
        (finding("inconclusive", UNMEASURED), "(one class only)"),
        (finding("inconclusive", MEASURED, rows=2400), "About 2,400 rows would settle it"),
        (finding("inconclusive", MEASURED), "leaves it to a person"),
    ],
)
def test_what_would_settle_it(built: Finding, says: str) -> None:
    text = findings.settle(built)
    assert says in text
    assert bool(text) == (built.outcome != "pass")


@pytest.mark.parametrize(
    ("built", "says"),
    [
        (decision("pass", finding("pass")), "Pass: the one finding keeps its rule"),
        (decision("pass", finding("pass"), finding("pass")), "Pass: all 2 findings keep their rules"),
        (decision("fail", finding("fail"), finding("pass")), "Fail: 1 of 2 findings breaks its rule"),
        (
            decision("fail", finding("fail"), finding("fail"), finding("inconclusive", MEASURED, rows=9)),
            "Fail: 2 of 3 findings break their rules; 1 cannot be settled with 796 rows",
        ),
        (
            decision("inconclusive", finding("inconclusive", MEASURED, rows=9), finding("pass")),
            "Inconclusive: 1 of 2 findings cannot be settled with 796 rows",
        ),
        (
            decision("inconclusive", finding("inconclusive", MEASURED), finding("inconclusive")),
            "Inconclusive: 1 of 2 findings could not be measured, 1 is left to a person",
        ),
        (decision("fail"), "Fail: the policy has no rule, so nothing was judged"),
        (decision("inconclusive"), "Inconclusive: the policy has no rule, so nothing was judged"),
    ],
)
def test_the_verdict_in_one_sentence(built: Decision, says: str) -> None:
    assert findings.headline(built, 796) == says


def test_the_strip_places_the_interval_on_the_side_of_the_limit_where_it_is() -> None:
    for row in findings.rows(chain("fail").decision):
        assert row.strip
        low = row.strip.value if row.strip.low is None else row.strip.low
        high = row.strip.value if row.strip.high is None else row.strip.high
        assert low <= row.strip.value <= high
        inside = row.strip.good_from <= low and high <= row.strip.good_to
        assert inside == (row.outcome == "pass")


def test_nothing_is_drawn_where_nothing_was_measured() -> None:
    assert findings.strip(finding("fail")) is None
    assert findings.strip(finding("inconclusive", UNMEASURED)) is None


def test_a_value_on_its_limit_without_interval_can_be_drawn() -> None:
    drawn = findings.strip(finding("pass", number("roc_auc", 0.7)))
    assert drawn
    assert drawn.value == drawn.good_from


def test_the_strip_says_in_words_what_it_shows() -> None:
    drawn = findings.strip(finding("inconclusive", MEASURED))
    assert drawn
    assert drawn.text == "0.720, interval 0.660 to 0.780; the rule asks for at least 0.7"
