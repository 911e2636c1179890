"""The decision: rules put to measurements."""

import pytest
from doubles import records

from ci_lib.config import Policy, Rule
from ci_lib.decision import decide, in_force
from ci_lib.evidence import Champion
from ci_lib.findings import Finding, judge_rules, verdict
from ci_lib.measurement import Measurement, Scope


def measured(metric: str, value: float | None, *, half: float = 0.01, **scope: str) -> Measurement:
    low, high = (None, None) if value is None else (value - half, value + half)
    where = Scope(**{"of": "candidate", **scope})
    return Measurement(
        metric=metric,
        scope=where,
        value=value,
        low=low,
        high=high,
        n=500,
        method="test",
        note="" if value is not None else "12 rows, 30 needed",
    )


def judged(rule: Rule, *found: Measurement, champion: object = "there is one") -> tuple[Finding, ...]:
    return judge_rules([rule], found, confidence=0.95, champion=champion)


def test_a_rule_without_any_measurement_is_inconclusive_not_a_pass() -> None:
    (finding,) = judged(Rule(metric="roc_auc", at_least=0.7))
    assert finding.outcome == "inconclusive"
    assert "nothing passes by default" in finding.sentence


def test_a_measurement_that_is_not_assessable_is_inconclusive_and_says_why() -> None:
    (finding,) = judged(
        Rule(metric="impact_ratio", by=("black",), at_least=0.8),
        measured("impact_ratio", None, attribute="black", group="1"),
    )
    assert finding.outcome == "inconclusive"
    assert "12 rows, 30 needed" in finding.sentence


def test_the_first_release_has_no_champion_to_be_compared_with_and_says_so() -> None:
    (finding,) = judged(Rule(metric="roc_auc", versus="champion", margin=0.02), champion=None)
    assert (finding.outcome, finding.section) == ("pass", "comparison")
    assert "first release" in finding.sentence


def test_a_missing_comparison_with_a_champion_that_exists_never_passes() -> None:
    (finding,) = judged(Rule(metric="roc_auc", versus="champion", margin=0.02))
    assert finding.outcome == "inconclusive"


@pytest.mark.parametrize(
    ("metric", "difference", "outcome"),
    [("roc_auc", -0.05, "fail"), ("roc_auc", 0.05, "pass"), ("log_loss", 0.05, "fail"), ("log_loss", -0.05, "pass")],
)
def test_a_margin_points_to_the_metrics_bad_side(metric: str, difference: float, outcome: str) -> None:
    rule = Rule(metric=metric, versus="champion", margin=0.02)
    (finding,) = judged(rule, measured(metric, difference, of="candidate - champion"))
    assert finding.outcome == outcome


def test_a_rule_about_the_candidate_does_not_look_at_champion_or_dummy() -> None:
    findings = judged(
        Rule(metric="roc_auc", at_least=0.7),
        measured("roc_auc", 0.9),
        measured("roc_auc", 0.5, of="dummy"),
        measured("roc_auc", 0.4, of="champion"),
    )
    assert [f.outcome for f in findings] == ["pass"]


def test_each_group_has_a_finding_of_its_own_name() -> None:
    rule = Rule(metric="impact_ratio", by=("race", "sex"), at_least=0.8)
    found = [
        measured("impact_ratio", 0.5, attribute="race", group="b"),
        measured("impact_ratio", 0.9, attribute="race", group="c"),
        measured("impact_ratio", 0.8, attribute="sex", group="f"),
    ]
    findings = judged(rule, *found)
    assert {f.name: f.outcome for f in findings} == {
        "impact_ratio:race=b": "fail",
        "impact_ratio:race=c": "pass",
        "impact_ratio:sex=f": "inconclusive",
    }


def test_an_attribute_that_was_not_measured_is_a_finding_that_does_not_pass() -> None:
    rule = Rule(metric="impact_ratio", by=("race", "sex"), at_least=0.8)
    findings = judged(rule, measured("impact_ratio", 0.9, attribute="race", group="c"))
    assert [f.outcome for f in findings] == ["pass", "inconclusive"]


def test_a_breach_under_review_is_for_a_person_to_accept() -> None:
    rule = Rule(metric="leak_score", at_most=0.5, on_breach="review")
    (finding,) = judged(rule, measured("leak_score", 0.9, of="data", feature="typur"))
    assert (finding.name, finding.outcome) == ("leak_score:typur", "inconclusive")
    assert "A person must accept it" in finding.sentence
    assert finding.rows_needed is None


def test_many_passing_columns_are_one_finding_and_each_breach_another() -> None:
    rule = Rule(metric="leak_score", at_most=0.5, on_breach="review")
    values = {"a": 0.1, "b": 0.4, "c": 0.2, "typur": 0.9}
    found = [measured("leak_score", value, of="data", feature=name) for name, value in values.items()]
    findings = judged(rule, *found)
    assert [f.name for f in findings] == ["leak_score", "leak_score:typur"]
    assert findings[0].measurement == found[1]
    assert findings[0].sentence.endswith(
        "column b: within the limit of at most 0.5; the nearest of 3 columns to its limit."
    )


def test_a_sentence_writes_long_numbers_without_exponents() -> None:
    rule = Rule(metric="mean_absolute_error", at_most=40000)
    (finding,) = judged(rule, measured("mean_absolute_error", 22004.4, half=2000.0))
    assert "22,004 [20,004, 24,004]" in finding.sentence
    assert "at most 40,000." in finding.sentence


def test_two_rules_about_the_same_number_have_different_names() -> None:
    found = [measured("roc_auc", 0.8)]
    findings = judge_rules(
        [Rule(metric="roc_auc", at_least=0.7), Rule(metric="roc_auc", at_most=0.99)],
        found,
        confidence=0.95,
        champion=None,
    )
    assert [f.name for f in findings] == ["roc_auc", "roc_auc#2"]


@pytest.mark.parametrize("groups", [("a", "a#2"), ("a#2", "a"), ("a", "a#2", "a#2#2", "a#3")])
def test_a_group_cannot_take_the_name_of_another_finding(groups: tuple[str, ...]) -> None:
    found = [
        measured("impact_ratio", 0.9).model_copy(update={"scope": Scope(of="candidate", attribute="g", group=group)})
        for group in groups
    ]
    rules = [Rule(metric="impact_ratio", by=("g",), at_least=0.8), Rule(metric="impact_ratio", by=("g",), at_most=1.2)]
    names = [finding.name for finding in judge_rules(rules, found, confidence=0.95, champion=None)]
    assert len(set(names)) == len(names) == 2 * len(groups)


def test_an_inconclusive_finding_says_how_many_rows_would_settle_it() -> None:
    (finding,) = judged(Rule(metric="roc_auc", at_least=0.7), measured("roc_auc", 0.75, half=0.1))
    assert finding.rows_needed == 2000
    assert "About 2,000 rows would settle it" in str(finding)


def test_a_rule_replaces_the_built_in_rule_about_the_same_metric() -> None:
    looser = Rule(metric="overlap_rows", at_most=5)
    rules = in_force(Policy(rules=(looser,)), "binary")
    assert [rule for rule in rules if rule.metric == "overlap_rows"] == [looser]
    assert any(rule.metric == "golden_mismatches" for rule in rules)


def test_a_built_in_rule_is_not_asked_of_a_task_that_it_does_not_fit() -> None:
    asked = {task: {rule.metric for rule in in_force(Policy(), task)} for task in ("binary", "regression")}
    assert asked["binary"] - asked["regression"] == {"leak_lift"}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((), "inconclusive"),
        (("pass",), "pass"),
        (("pass", "inconclusive"), "inconclusive"),
        (("inconclusive", "fail", "pass"), "fail"),
    ],
)
def test_the_verdict_is_the_worst_outcome_and_nothing_found_is_no_pass(
    outcomes: tuple[str, ...], expected: str
) -> None:
    finding = records.chain().decision.findings[0]
    assert verdict(finding.model_copy(update={"outcome": outcome}) for outcome in outcomes) == expected


def test_a_policy_without_rules_fails() -> None:
    made = records.chain("pass")
    decision = decide(Policy(), made.dataset, made.evidence)
    assert decision.verdict == "fail"
    assert decision.findings[-1] == Finding(
        name="policy:rules",
        rule="policy.rules",
        section="policy",
        outcome="fail",
        sentence="release.yml has no rules: nothing was asked of this model, so it does not pass.",
        measurement=None,
        limit=(None, None),
    )


def test_what_is_asked_of_every_release_is_asked_in_a_decision() -> None:
    made = records.chain("pass")
    asked = {finding.name.partition(":")[0] for finding in decide(Policy(), made.dataset, made.evidence).findings}
    built_in = {"overlap_rows", "leak_score", "leak_lift", "requirements_mismatch", "golden_mismatches"}
    assert asked == built_in | {"policy"}


def test_a_decision_asks_for_a_comparison_where_the_evidence_names_a_champion() -> None:
    evidence = records.chain("pass").evidence
    compared = tuple(found for found in evidence.measurements if found.scope.of != "candidate - champion")
    policy = Policy(rules=(Rule(metric="roc_auc", versus="champion", margin=0.02),))
    champion = Champion(environment="production", release=1, manifest=evidence.manifest)
    outcomes = [
        decide(policy, records.chain().dataset, evidence.model_copy(update=there)).findings[0].outcome
        for there in ({"champion": None, "measurements": compared}, {"champion": champion, "measurements": compared})
    ]
    assert outcomes == ["pass", "inconclusive"]


def test_the_same_evidence_gives_the_same_bytes() -> None:
    made = records.chain()
    policy = made.config.policy
    once, again = (decide(policy, made.dataset, made.evidence) for _ in range(2))
    assert once.to_bytes() == again.to_bytes()
    assert once.policy == policy.fingerprint()
    assert len({finding.name for finding in once.findings}) == len(once.findings)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0.9, "pass"), (1.0, "pass"), (1.2, "pass"), (1.25, "inconclusive"), (1.4, "fail"), (0.6, "fail")],
)
def test_a_ratio_is_judged_whichever_of_the_two_groups_is_worse_off(value: float, outcome: str) -> None:
    rule = Rule(metric="impact_ratio", by=("race",), at_least=0.8)
    (finding,) = judged(rule, measured("impact_ratio", value, attribute="race", group="b"))
    assert finding.outcome == outcome
    assert finding.limit == (0.8, 1.25)


@pytest.mark.parametrize(
    ("given", "judged_by"),
    [({"at_most": 1.25}, (0.8, 1.25)), ({"at_least": 1.1}, (1.1, None)), ({"at_most": 0.9}, (None, 0.9))],
)
def test_a_ratio_limit_on_the_far_side_of_one_stays_as_it_is_written(
    given: dict[str, float], judged_by: tuple[float | None, float | None]
) -> None:
    rule = Rule(metric="impact_ratio", by=("race",), **given)
    (finding,) = judged(rule, measured("impact_ratio", 1.0, attribute="race", group="b"))
    assert finding.limit == judged_by
