"""What the report says, before it is laid out."""

from dataclasses import replace

import pytest
from doubles.records import Chain, chain, relink, sha

from ci_lib import report
from ci_lib.candidate import Code
from ci_lib.config import ApprovalPolicy, Environment
from ci_lib.errors import Refused
from ci_lib.report import lineage
from ci_lib.report.records import Records
from ci_lib.report.view import View, compose


def look(built: Chain) -> View:
    return compose(
        Records(
            config=built.config, dataset=built.dataset, candidate=built.candidate, evidence=built.evidence,
            decision=built.decision, history=built.history,
        )
    )  # fmt: skip


ALL = ["impact_ratio", "equal_opportunity_difference"]


def with_policy(built: Chain, **approval: object) -> Chain:
    policy = built.config.policy.model_copy(update={"approval": ApprovalPolicy.model_validate(approval)})
    return relink(replace(built, config=built.config.model_copy(update={"policy": policy})))


def test_what_signing_does() -> None:
    (effect,) = look(chain()).effects
    built = chain()
    new, old = (digest.removeprefix("sha256:")[:8] for digest in (built.evidence.manifest, sha("champion")))
    assert effect.what == f"Model bytes {new} replace release 3 (bytes {old})."
    assert effect.who == (
        "To sign: one of ben, chen; an author may not. They say themselves who they are: nobody checks the name."
    )


def test_the_first_release_replaces_nothing() -> None:
    (effect,) = look(chain(first=True)).effects
    assert "become the first release there" in effect.what


def test_a_failed_verdict_leaves_nothing_to_sign() -> None:
    (effect,) = look(chain("fail")).effects
    assert effect.what.startswith("Nothing. The verdict is fail")
    assert effect.who == "There is nothing to sign."


def test_the_same_bytes_again_are_named_as_such() -> None:
    built = chain()
    champion = built.evidence.champion
    assert champion
    same = champion.model_copy(update={"manifest": built.evidence.manifest})
    again = relink(replace(built, evidence=built.evidence.model_copy(update={"champion": same})))
    assert "are those of release 3 already" in look(again).effects[0].what


def test_each_environment_says_what_happens_there() -> None:
    built = chain()
    environments = {"staging": Environment(approval="automatic"), "production": Environment(), "eu": Environment()}
    eu = built.history[-1].model_copy(update={"environment": "eu", "number": 9})
    config = built.config.model_copy(update={"environments": environments})
    staging, production, europe = look(replace(built, config=config, history=(*built.history, eu))).effects
    assert staging.who.startswith("Nobody signs")
    assert "first release there" in staging.what
    assert "replace release 3" in production.what
    assert "replace release 9" in europe.what


@pytest.mark.parametrize(
    ("approval", "says"),
    [
        ({"approvers": ["a", "b"], "required": 2}, "To sign: a and b; an author may not. The CI server confirms"),
        ({"approvers": ["a", "b", "c"], "required": 2}, "To sign: 2 of a, b, c; an author may not."),
        ({"approvers": ["a", "b"]}, "To sign: one of a, b; an author may not."),
        ({}, "To sign: one (release.yml names nobody); an author may not."),
        ({"approvers": ["a"], "four_eyes": False}, "To sign: a; an author may, too."),
        (
            {"approvers": {"ds": ["a", "b"], "risk": ["c"]}, "required": {"ds": 1, "risk": 1}},
            "To sign: one of a, b for ds, and c for risk, nobody for two of these; an author may not.",
        ),
    ],
)
def test_who_signs(approval: dict[str, object], says: str) -> None:
    assert look(with_policy(chain(), **approval)).effects[0].who.startswith(says)


def test_what_the_approver_takes_responsibility_for() -> None:
    assert look(chain("inconclusive")).accept == ("impact_ratio:black=1",)
    assert look(chain("pass")).accept == ()


def failing(waivable: list[str], automatic: bool = False) -> Chain:
    built = with_policy(chain("fail"), approvers=["ben"], waivable=waivable, waiver_for="2 weeks")
    target = {"production": Environment(approval="automatic" if automatic else "required")}
    return replace(built, config=built.config.model_copy(update={"environments": target}))


def test_waivers_are_asked_for_where_each_failed_finding_may_be_waived() -> None:
    names = tuple(finding.name for finding in chain("fail").decision.findings if finding.outcome == "fail")
    view = look(failing(sorted({name.partition(":")[0] for name in names})))
    assert view.waive == names
    assert "14 days away at most" in view.waive_terms
    assert "replace release 3" in view.effects[0].what
    assert "each failed finding is waived by name" in view.effects[0].who


@pytest.mark.parametrize(("waivable", "automatic"), [([], False), (["impact_ratio"], False), (ALL, True)])
def test_no_waiver_is_asked_for_where_none_can_be_given(waivable: list[str], automatic: bool) -> None:
    view = look(failing(waivable, automatic))
    assert view.waive == ()
    assert view.effects[0].what.startswith("Nothing. The verdict is fail")


@pytest.mark.parametrize("name", ["index.html", "report.md"])
def test_the_report_lists_the_waivers_that_are_asked_for(name: str) -> None:
    built = failing(ALL)
    files = report.render(built.config, built.dataset, built.candidate, built.evidence, built.decision)
    text = files[name].decode()
    assert "Waivers asked for: " in text
    assert "14 days away at most" in text
    assert "impact_ratio, equal_opportunity_difference, for at most 14 days" in text.replace("\\", "")


def test_the_policy_names_who_signs_for_which_role() -> None:
    roles = {"approvers": {"ds": ["a", "b"], "risk": ["c"]}, "required": {"ds": 1, "risk": 1}}
    items = {item.name: item.text for item in look(with_policy(chain(), **roles)).policy}
    assert (items["Approvers"], items["Approvals required"]) == ("ds: a, b; risk: c", "1 of ds, 1 of risk")
    assert items["May be waived"] == "nothing"


def test_the_newest_release_comes_first_and_ten_are_shown() -> None:
    built = chain()
    many = tuple(built.history[0].model_copy(update={"number": number}) for number in range(1, 15))
    assert [past.number for past in look(replace(built, history=many)).history] == [str(n) for n in range(14, 4, -1)]


def test_a_rollback_says_to_what() -> None:
    newest = look(chain()).history[0]
    assert (newest.action, newest.by) == ("rollback to 1", "ben")


def test_an_automatic_release_says_so() -> None:
    built = chain()
    automatic = built.history[0].model_copy(update={"automatic": True, "approvals": ()})
    several = built.history[0].model_copy(update={"approvals": (sha("a"), sha("b"))})
    assert [past.by for past in look(replace(built, history=(automatic, several))).history] == [
        "ben (2 approvals)", "ben (automatic)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (Code(commit="abc", dirty=False, branch=None), "All files were as in this commit"),
        (Code(commit="abc", dirty=True, branch=None), "the commit alone does not reproduce it"),
        (Code(commit=None, dirty=True, branch=None), "There is no commit"),
    ],
)
def test_the_dirty_flag_in_plain_words(code: Code, says: str) -> None:
    assert says in lineage.commit_note(code)


@pytest.mark.parametrize(
    ("serialization", "says"),
    [
        ("skops", "only types on the policy's list"),
        ("cloudpickle", "runs code from its files"),
        ("onnx", "depends on that format"),
    ],
)
def test_what_loading_means(serialization: str, says: str) -> None:
    assert says in lineage.loading(serialization)


def test_how_the_model_was_kept_apart_when_it_was_loaded() -> None:
    evidence = chain().evidence
    assert lineage.loaded(evidence).endswith("cut off from network, other files and other processes")
    open_ = evidence.model_copy(update={"left_open": ("sockets not closed: old kernel", "files of others not hidden")})
    assert lineage.loaded(open_).endswith("allow more: sockets not closed: old kernel; files of others not hidden")


def broken(name: str) -> Chain:
    built = chain()
    other = sha("other")
    return {
        "trained on another dataset": replace(built, candidate=built.candidate.model_copy(update={"dataset": other})),
        "measured on another dataset": replace(built, evidence=built.evidence.model_copy(update={"dataset": other})),
        "about another candidate": replace(built, evidence=built.evidence.model_copy(update={"candidate": other})),
        "measured other model bytes": replace(built, evidence=built.evidence.model_copy(update={"manifest": other})),
        "judged another dataset": replace(built, decision=built.decision.model_copy(update={"dataset": other})),
        "judged another evidence": replace(built, decision=built.decision.model_copy(update={"evidence": other})),
        "policy changed": replace(built, decision=built.decision.model_copy(update={"policy": other})),
        "verdict does not follow": replace(built, decision=built.decision.model_copy(update={"verdict": "pass"})),
    }[name]


@pytest.mark.parametrize(
    "what",
    [
        "trained on another dataset", "measured on another dataset", "about another candidate",
        "measured other model bytes", "judged another dataset",
        "judged another evidence", "policy changed", "verdict does not follow",
    ],
)  # fmt: skip
def test_records_that_are_not_about_each_other_make_no_report(what: str) -> None:
    with pytest.raises(Refused, match=what):
        look(broken(what))


def test_no_rule_is_never_a_pass() -> None:
    built = chain()
    empty = replace(built, decision=built.decision.model_copy(update={"findings": (), "verdict": "pass"}))
    with pytest.raises(Refused, match="does not follow"):
        look(empty)
    failed = replace(built, decision=built.decision.model_copy(update={"findings": (), "verdict": "fail"}))
    assert "no rule" in look(failed).headline


def test_sensitive_attributes_that_no_metric_looks_at_are_not_passed_over() -> None:
    built = chain()
    assert look(built).no_fairness == ""
    other = relink(replace(built, evidence=built.evidence.model_copy(update={"task": "regression"})))
    assert look(other).no_fairness.startswith("Not measured. release.yml names black, hispan, male, married")


def test_rules_that_release_yml_does_not_have_are_listed_apart() -> None:
    built = chain()
    own = {rule.metric for rule in built.config.policy.rules}
    asked = {metric for metric in ("overlap_rows", "golden_mismatches", "leak_score") if metric not in own}
    assert {metric for metric in asked if any(f"metric: {metric}," in rule for rule in look(built).built_in)} == asked
    assert not set(look(built).built_in) & set(look(built).rules)
