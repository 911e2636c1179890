"""What judges is the protected file's, whatever the branch says; and each difference is shown."""

from typing import Any

import pytest
from doubles.small_chain import chain, config
from hypothesis import given
from hypothesis import strategies as st

from ci_lib import protected
from ci_lib.config import Config
from ci_lib.manifest import Manifest
from ci_lib.source import HERE, Change, Source

NOTHING = Manifest(files=())
MAIN = Source(place="refs/remotes/origin/main", path="release.yml", commit="c" * 40)
KEY = {"name": "gate", "public": "ed25519:" + "A" * 43 + "="}
OTHER_KEY = {"name": "gate", "public": "ed25519:" + "B" * 42 + "A="}
RULES = [{"metric": "roc_auc", "at_least": 0.7}, {"metric": "brier", "at_most": 0.2}]
APPROVAL = {"approvers": ["ana", "ben"], "keys": [KEY]}
DATA = {"source": "loans.csv", "target": "approve", "sensitive": ["sex", "age"]}
BASE = {
    "policy": {"rules": RULES, "approval": APPROVAL},
    "data": DATA,
    "environments": {"staging": {"approval": "automatic"}, "production": {"registry": "http://prod:5000"}},
}


def policy(**changes: Any) -> dict[str, Any]:
    return {"policy": BASE["policy"] | changes}


def data(**changes: Any) -> dict[str, Any]:
    return {"data": DATA | changes}


def production(**changes: Any) -> dict[str, Any]:
    places: Any = BASE["environments"]
    return {"environments": places | {"production": places["production"] | changes}}


CHANGES: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "a lower limit": (
        policy(rules=[{"metric": "roc_auc", "at_least": 0.5}, RULES[1]]),
        ("policy.rules[roc_auc]", "{metric: roc_auc, at_least: 0.7}", "{metric: roc_auc, at_least: 0.5}"),
    ),
    "a limit lower by a hair": (
        policy(rules=[{"metric": "roc_auc", "at_least": 0.69999999}, RULES[1]]),
        ("policy.rules[roc_auc]", "{metric: roc_auc, at_least: 0.7}", "{metric: roc_auc, at_least: 0.69999999}"),
    ),
    "a rule removed": (policy(rules=RULES[:1]), ("policy.rules[brier]", "{metric: brier, at_most: 0.2}", "not set")),
    "all rules removed": (
        policy(rules=[RULES[1]]),
        ("policy.rules[roc_auc]", "{metric: roc_auc, at_least: 0.7}", "not set"),
    ),
    "a breach for review": (
        policy(rules=[RULES[0] | {"on_breach": "review"}, RULES[1]]),
        (
            "policy.rules[roc_auc]",
            "{metric: roc_auc, at_least: 0.7}",
            "{metric: roc_auc, at_least: 0.7, on_breach: review}",
        ),
    ),
    "an approver added": (
        policy(approval=APPROVAL | {"approvers": ["ana", "ben", "mallory"]}),
        ("policy.approval.approvers", "[ana, ben]", "[ana, ben, mallory]"),
    ),
    "two eyes": (policy(approval=APPROVAL | {"four_eyes": False}), ("policy.approval.four_eyes", "true", "false")),
    "a longer life": (
        policy(approval=APPROVAL | {"valid_for": "9 weeks"}),
        ("policy.approval.valid_for", "7 days", "63 days"),
    ),
    "another key": (
        policy(approval=APPROVAL | {"keys": [OTHER_KEY]}),
        (
            "policy.approval.keys[gate]",
            f"{{name: gate, public: {KEY['public']}}}",
            f"{{name: gate, public: {OTHER_KEY['public']}}}",
        ),
    ),
    "no key": (
        policy(approval=APPROVAL | {"keys": []}),
        ("policy.approval.keys[gate]", f"{{name: gate, public: {KEY['public']}}}", "not set"),
    ),
    "a format added": (
        policy(formats={"serialization": ["skops", "cloudpickle"]}),
        ("policy.formats.serialization", "[skops]", "[skops, cloudpickle]"),
    ),
    "less confidence": (policy(confidence=0.5), ("policy.confidence", "0.95", "0.5")),
    "larger groups only": (policy(min_group=5000), ("policy.min_group", "30", "5000")),
    "no person": (
        production(approval="automatic"),
        ("environments.production.approval", "required", "automatic"),
    ),
    "another alias": (production(alias="other"), ("environments.production.alias", "champion", "other")),
    "another registry": (
        production(registry="http://mallory:5000"),
        ("environments.production.registry", "http://prod:5000", "http://mallory:5000"),
    ),
    "an environment removed": (
        {"environments": {"production": {"registry": "http://prod:5000"}}},
        ("environments.staging", "{approval: automatic}", "not set"),
    ),
    "candidates elsewhere": (
        {"registry": "http://mallory:5000"},
        ("registry", "sqlite:///mlflow.db", "http://mallory:5000"),
    ),
    "watched by more": (
        {"monitor": {"rules": [{"metric": "jensen_shannon_distance", "at_most": 0.2}]}},
        ("monitor.rules[jensen_shannon_distance]", "not set", "{metric: jensen_shannon_distance, at_most: 0.2}"),
    ),
    "another threshold": ({"threshold": 0.01}, ("threshold", "0.5", "0.01")),
    "another task": ({"task": "multiclass"}, ("task", "binary", "multiclass")),
    "another model": ({"model": "loan2"}, ("model", "loan", "loan2")),
    "another target": (data(target="easy"), ("data.target", "approve", "easy")),
    "another positive": (data(positive=0), ("data.positive", "not set", "0")),
}
"""What an author could weaken -> the branch's keys, and what is shown of it."""


@pytest.mark.parametrize("name", CHANGES)
def test_what_the_branch_weakens_does_not_judge_and_is_shown(name: str) -> None:
    keys, (path, before, after) = CHANGES[name]
    by, branch = config(**BASE), config(**(BASE | keys))
    assert protected.differences(by, branch) == (Change(path=path, protected=before, branch=after, counts="protected"),)
    assert protected.combine(by, branch) == by


def test_a_sensitive_attribute_that_the_branch_leaves_out_stays_in_and_one_it_adds_comes_in() -> None:
    by, branch = config(**BASE), config(**(BASE | data(sensitive=["age", "region"])))
    assert protected.combine(by, branch).data.sensitive == ("sex", "age", "region")
    assert protected.differences(by, branch) == (
        Change(path="data.sensitive", protected="[sex, age]", branch="[age, region]", counts="both"),
    )


@pytest.mark.parametrize(
    ("keys", "path", "before", "after"),
    [
        ({"split": {"seed": 7}}, "data.split.seed", "0", "7"),
        ({"split": {"holdout": 0.01}}, "data.split.holdout", "0.2", "0.01"),
        ({"split": {"group": "applicant"}}, "data.split.group", "not set", "applicant"),
        ({"use_sensitive": True}, "data.use_sensitive", "false", "true"),
    ],
)
def test_what_belongs_to_the_rows_is_the_branchs_and_is_a_finding_of_its_own(
    keys: dict[str, Any], path: str, before: str, after: str
) -> None:
    by, branch = config(**BASE), config(**(BASE | data(**keys)))
    (change,) = protected.differences(by, branch)
    assert change == Change(path=path, protected=before, branch=after, counts="branch")
    assert protected.combine(by, branch) == branch
    decision = chain(NOTHING, model_uri="models:/m-1", policy=by.policy).decision
    (finding,) = protected.shown(decision, MAIN, [change]).findings[1:]
    assert finding.name == f"policy_changed:{path}"
    assert f"{path} is {after} in this branch and {before} at {MAIN.place}" in finding.sentence


def test_the_candidates_own_part_is_the_branchs_and_no_change() -> None:
    own = {**data(source="new.csv", drop=["zip"]), "train": {"entrypoint": "model:build", "params": {"C": 2}}}
    by, branch = config(**BASE), config(**(BASE | own))
    assert protected.differences(by, branch) == ()
    assert protected.combine(by, branch) == branch


@pytest.mark.parametrize(
    "keys",
    [
        policy(rules=RULES[::-1]),
        data(sensitive=["age", "sex"]),
        {"threshold": 0.5},
        {"environments": dict(reversed(BASE["environments"].items()))},
    ],
)
def test_another_order_or_a_default_written_out_is_no_change(keys: dict[str, Any]) -> None:
    assert protected.differences(config(**BASE), config(**(BASE | keys))) == ()


def test_rules_about_one_metric_are_told_apart() -> None:
    two = [{"metric": "roc_auc", "at_least": 0.7}, {"metric": "roc_auc", "at_most": 0.99}]
    more = [{"metric": "roc_auc", "versus": "champion"}, {"metric": "impact_ratio", "by": ["sex"], "at_least": 0.8}]
    by, branch = config(**(BASE | policy(rules=[*two, *more]))), config(**(BASE | policy(rules=[])))
    found = protected.differences(by, branch)
    assert [change.path for change in found] == [
        "policy.rules[roc_auc]",
        "policy.rules[roc_auc#2]",
        "policy.rules[roc_auc:champion]",
        "policy.rules[impact_ratio:sex]",
    ]
    assert protected.differences(config(**(BASE | policy(rules=two))), config(**(BASE | policy(rules=two[::-1])))) == ()


def test_a_long_list_is_shown_by_what_came_and_went() -> None:
    types = config(**BASE).policy.formats.types
    keys = policy(formats={"types": [*types[1:], "posix.system"]})
    (change,) = protected.differences(config(**BASE), config(**(BASE | keys)))
    assert change.path == "policy.formats.types"
    assert change.protected == f"{len(types)} entries"
    assert change.branch == f"{len(types)} entries, with posix.system; without {types[0]}"
    (moved,) = protected.differences(config(**BASE), config(**(BASE | policy(formats={"types": [*types[::-1]]}))))
    assert moved.branch.endswith("in another order")


def test_all_that_had_no_effect_is_one_finding_and_makes_a_pass_inconclusive() -> None:
    by = config(**BASE)
    decision = chain(NOTHING, model_uri="models:/m-1", policy=by.policy).decision
    changes = [Change(path=f"policy.{name}", protected="1", branch="2", counts="protected") for name in "abcde"]
    seen = protected.shown(decision, MAIN, changes)
    (finding,) = seen.findings[1:]
    assert (decision.verdict, seen.verdict, seen.inconclusive) == ("pass", "inconclusive", ("policy_changed",))
    assert "5 keys that judge otherwise than refs/remotes/origin/main: policy.a, policy.b, policy.c and 2 more." in (
        finding.sentence
    )
    assert (seen.policy_source, seen.policy_changes) == (MAIN, tuple(changes))
    assert "has a key that" in protected.shown(decision, MAIN, changes[:1]).findings[1].sentence


def test_without_a_change_only_the_source_is_said() -> None:
    decision = chain(NOTHING, model_uri="models:/m-1", policy=config().policy).decision
    assert protected.shown(decision, HERE, ()) == decision
    assert protected.shown(decision, MAIN, ()) == decision.model_copy(update={"policy_source": MAIN})


def test_a_fail_stays_a_fail() -> None:
    failed = chain(NOTHING, model_uri="models:/m-1", value=0.2, policy=config().policy).decision
    change = Change(path="policy.rules[roc_auc]", protected="0.7", branch="0.1", counts="protected")
    assert protected.shown(failed, MAIN, [change]).verdict == "fail"


def keys(*options: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(st.sampled_from(options), max_size=4).map(
        lambda chosen: {name: value for each in chosen for name, value in each.items()}
    )


ANY = keys(*(each for each, _ in CHANGES.values()), data(sensitive=["x"]), data(split={"seed": 3}))


@given(by=ANY, branch=ANY)
def test_whatever_both_say_the_combination_judges_as_the_protected_one_and_hides_no_difference(
    by: dict[str, Any], branch: dict[str, Any]
) -> None:
    one, other = config(**(BASE | by)), config(**(BASE | branch))
    both = protected.combine(one, other)
    for name in protected.TAKEN:
        assert getattr(both, name) == getattr(one, name)
    assert set(both.data.sensitive) == set(one.data.sensitive) | set(other.data.sensitive)
    assert both.data.split == other.data.split
    assert protected.differences(one, one) == ()
    assert (protected.differences(one, other) == ()) == _alike(one, other)


def _alike(one: Config, other: Config) -> bool:
    """Say whether two configs judge alike, by the whole of what is taken from the protected one, and by the rows'."""
    names = ("sensitive", "split", "use_sensitive")
    rows = [{name: getattr(each.data, name) for name in names} for each in (one, other)]
    for each in rows:
        each["sensitive"] = set(each["sensitive"])
    return protected.combine(one, other) == other and rows[0] == rows[1]
