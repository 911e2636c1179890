"""release.yml -> Config: what is wrong is said at once, with line, path and a suggestion, and never as a traceback."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_lib.complaints import _models
from ci_lib.config import Config
from ci_lib.errors import BadInput
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.reading import load
from ci_lib.text import visible

GOOD = """\
model: loan-approval
task: binary
data:
  source: data/loans.parquet
  target: approve
  drop: [action, reject, typur]
  split: {holdout: 0.4, seed: 7}
  sensitive: [black, hispan, male, married]
train:
  entrypoint: model:build
  params: {C: 0.3}
policy:
  rules:
    - {metric: roc_auc, at_least: 0.70}
    - {metric: roc_auc, versus: champion, margin: 0.02}
    - {metric: impact_ratio, by: [black, hispan], at_least: 0.80}
    - {metric: equal_opportunity_difference, by: black, within: 0.10}
    - {metric: latency_p99_ms, at_most: 50}
  approval: {approvers: [ana, ben], required: 1, four_eyes: true, valid_for: 7 days, assurance: ci-verified}
environments:
  staging: {registry: "http://mlflow-dev:5000", approval: automatic}
  production: {registry: "http://mlflow-prod:5000", alias: champion}
registry: sqlite:///mlflow.db
"""


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages then show the short path."""
    monkeypatch.chdir(tmp_path)


def written(text: str | bytes) -> Path:
    path = Path("release.yml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def complaints(text: str | bytes, *overrides: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        load(written(text), overrides)
    assert caught.value.hint
    return caught.value.what.split("\n")


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


def test_the_example_of_the_design_is_read() -> None:
    config = load(written(GOOD))
    assert config.model == "loan-approval"
    assert config.data.split.holdout == 0.4
    assert config.policy.rules[2].by == ("black", "hispan")
    assert config.policy.rules[3].by == ("black",)
    assert config.policy.approval.valid_for == timedelta(days=7)
    assert list(config.environments) == ["staging", "production"]


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert load(written(b"\xef\xbb\xbf" + GOOD.encode())) == load(written(GOOD))


LINES = [
    ("model: loan-approval", "model: loan approval", "release.yml:1: model: must start with a letter or a digit"),
    ("model: loan-approval\n", "", "release.yml:1: model: is missing"),
    ("task: binary", "task: bniary", "release.yml:2: task: 'bniary' is not possible; did you mean 'binary'?"),
    ("target: approve", "taget: approve", "release.yml:5: data.taget: unknown key; did you mean 'target'?"),
    ("  target: approve\n", "", "release.yml:3: data.target: is missing"),
    ("target: approve", "target: 5", "release.yml:5: data.target: must be text, not 5"),
    ("target: approve", "target:", "release.yml:5: data.target: is empty; give it a value or remove the key"),
    ("target: approve", "target: black", "release.yml:8: data.sensitive[0]: 'black' is the target"),
    ("target: approve", "target: action", "release.yml:6: data.drop[0]: 'action' is the target"),
    ("[action, reject, typur]", "[action, action]", "release.yml:6: data.drop[1]: 'action' stands in the list already"),
    ("[action, reject, typur]", "[male]", "release.yml:8: data.sensitive[2]: 'male' is also under drop"),
    ("[action, reject, typur]", "action", "release.yml:6: data.drop: must be a list, not 'action'"),
    ("holdout: 0.4", "holdout: 1.4", "release.yml:7: data.split.holdout: must be below 1; it is 1.4"),
    ("holdout: 0.4", "holdout: 0", "release.yml:7: data.split.holdout: must be above 0; it is 0"),
    ("holdout: 0.4", "holdout: .nan", "release.yml:7: data.split.holdout: must be a finite number, not nan"),
    ("holdout: 0.4", "holdout: []", "release.yml:7: data.split.holdout: must be a number, not [], or must be text"),
    ("holdout: 0.4", "holdout: h.csv", "release.yml:7: data.split: a given split needs both files"),
    ("seed: 7", "seed: true", "release.yml:7: data.split.seed: must be a whole number, not true"),
    ("seed: 7", "seed: 1.5", "release.yml:7: data.split.seed: must be a whole number, not 1.5"),
    ("seed: 7", "seed: -1", "release.yml:7: data.split.seed: must be from 0 to 4294967295"),
    ("seed: 7", "group: a, time: b", "release.yml:7: data.split: name either group or time, not both"),
    ("seed: 7", "group: approve", "release.yml:7: data.split.group: 'approve' is the target"),
    ("seed: 7", "time: typur", "release.yml:7: data.split.time: 'typur' is also under drop"),
    ("  source: data/loans.parquet\n", "", "release.yml:3: data: name a source, or split.train and split.holdout"),
    ("seed: 7", "train: t.csv", "release.yml:4: data.source: would not be read: data.split names both files"),
    ("{holdout: 0.4, seed: 7}", "{holdout: a, train: a}", "release.yml:7: data.split.holdout: is the same file"),
    ("{holdout: 0.4, seed: 7}", "{holdout: a, train: b, seed: 1}", "release.yml:7: data.split.seed: has no effect"),
    ("[black, hispan, male, married]", "[]\n  use_sensitive: true", "release.yml:9: data.use_sensitive: names no col"),
    (
        "model:build",
        "model",
        "release.yml:10: train.entrypoint: must be module:function, e.g. model:build; it is 'model'",
    ),
    ("{C: 0.3}", "{C: [1, .inf]}", "release.yml:11: train.params.C[1]: must be a finite number, not inf"),
    ("{C: 0.3}", "{}\n  serialization: cloudpickle", "release.yml:12: train.serialization: 'cloudpickle' is not among"),
    ("{C: 0.3}", "{}\n  seed: 4294967296", "release.yml:12: train.seed: must be from 0 to 4294967295"),
    (
        "train:",
        "approvers: [a]\ntrain:",
        "release.yml:9: approvers: unknown key here; 'approvers' belongs under policy.a",
    ),
    (
        "roc_auc, at_least",
        "roc_acu, at_least",
        "release.yml:14: policy.rules[0].metric: no metric is called 'roc_acu'; did",
    ),
    (
        "{metric: roc_auc, at_least: 0.70}",
        "{metric: roc_auc}",
        "release.yml:14: policy.rules[0]: a rule needs exactly one",
    ),
    (
        "{metric: roc_auc, at_least: 0.70}",
        "7",
        "release.yml:14: policy.rules[0]: must be a mapping of keys to values, not 7",
    ),
    ("at_least: 0.70", "at_least: .nan", "release.yml:14: policy.rules[0].at_least: must be a finite number, not nan"),
    ("at_least: 0.70", "at_least: '0.7'", "release.yml:14: policy.rules[0].at_least: must be a number, not '0.7'"),
    (
        "at_least: 0.70",
        "at_least: 70",
        "release.yml:14: policy.rules[0].at_least: 70 is outside the range of roc_auc: 0 to",
    ),
    ("at_least: 0.70", "margin: 0.1", "release.yml:14: policy.rules[0]: margin needs versus"),
    ("at_least: 0.70", "within: -1", "release.yml:14: policy.rules[0].within: must be at least 0; it is -1"),
    (
        "metric: roc_auc, at",
        "metric: r2, at",
        "release.yml:14: policy.rules[0].metric: r2 is for regression, and the task is b",
    ),
    (
        "roc_auc, at_least",
        "wasserstein_distance, at_most",
        "release.yml:14: policy.rules[0].metric: wasserstein_distance is mea",
    ),
    (
        "roc_auc, at_least",
        "auc, at_least",
        "release.yml:14: policy.rules[0].metric: no metric is called 'auc'; did you mean 'roc_auc'?",
    ),
    (
        "roc_auc, at_least",
        "RMSE, at_least",
        "release.yml:14: policy.rules[0].metric: no metric is called 'RMSE'; did you mean 'root_mean_squared_error'?",
    ),
    (
        "roc_auc, at_least",
        "zzz, at_least",
        "release.yml:14: policy.rules[0].metric: no metric is called 'zzz'; `ml-release metrics` lists them",
    ),
    ("0.70}", "0.70, by: black}", "release.yml:14: policy.rules[0].by: roc_auc is not measured by group; remove by"),
    ("0.02}", "0.02, at_least: 0.5}", "release.yml:15: policy.rules[1]: versus takes a margin, not at_least"),
    (
        "[black, hispan], at",
        "[blak], at",
        "release.yml:16: policy.rules[2].by[0]: 'blak' is not in data.sensitive; did you",
    ),
    (
        "[black, hispan], at",
        "[black, black], at",
        "release.yml:16: policy.rules[2].by: 'black' stands in the list 2 times",
    ),
    (
        "by: [black, hispan], at",
        "at",
        "release.yml:16: policy.rules[2]: impact_ratio compares groups: name the sensitive attr",
    ),
    (
        "by: black",
        "by: blak",
        "release.yml:17: policy.rules[3].by: 'blak' is not in data.sensitive; did you mean 'black'?",
    ),
    ("at_most: 50", "versus: champion", "release.yml:18: policy.rules[4].versus: latency_p99_ms cannot be compared"),
    (
        "at_most: 50}",
        "at_most: 50}\n    - {metric: latency_p99_ms, at_most: 50}",
        "release.yml:19: policy.rules[5]: is the same",
    ),
    ("[ana, ben]", "[]", "release.yml:19: policy.approval.approvers: names nobody; production needs approval"),
    ("[ana, ben]", "[ana, ana]", "release.yml:19: policy.approval.approvers[1]: 'ana' stands in the list already"),
    ("[ana, ben]", "[ana, ' ']", "release.yml:19: policy.approval.approvers[1]: is an empty name"),
    ("required: 1", "required: 3", "release.yml:19: policy.approval.approvers: names 2 of the 3 people needed"),
    ("required: 1", "required: 0", "release.yml:19: policy.approval.required: must be at least 1; it is 0"),
    ("four_eyes: true", "four_eyes: no", "release.yml:19: policy.approval.four_eyes: must be true or false, not 'no'"),
    (
        "7 days",
        "7 fortnights",
        "release.yml:19: policy.approval.valid_for: write a whole number and minutes, hours, days or",
    ),
    ("7 days", "7", "release.yml:19: policy.approval.valid_for: must be a duration such as '7 days', not 7"),
    ("7 days", "600 weeks", "release.yml:19: policy.approval.valid_for: more than ten years is no duration of ours"),
    (
        "7 days",
        "9999999999999 weeks",
        "release.yml:19: policy.approval.valid_for: more than ten years is no duration of ours",
    ),
    (
        "  production:",
        "  produktion:",
        "release.yml:20: environments: none is called 'production', where commands go by default; did",
    ),
    ("  staging:", "  stag ing:", "release.yml:21: environments.stag ing: must start with a letter or a digit"),
    (
        "alias: champion",
        "alias: Best",
        "release.yml:22: environments.production.alias: must start with a lower-case letter",
    ),
    ("alias: champion", "alias: true", "release.yml:22: environments.production.alias: must be text, not true"),
    (
        "registry: sqlite",
        "monitor: {rules: [{metric: roc_auc, versus: dummy}]}\nregistry: sqlite",
        "release.yml:23: monitor.r",
    ),
    ("registry: sqlite", "model: x\nregistry: sqlite", "release.yml:23: model: the same key stands in line 1 already"),
    (
        "registry: sqlite",
        "environmnts: {}\nregistry: sqlite",
        "release.yml:23: environmnts: unknown key; did you mean 'env",
    ),
    (
        "registry: sqlite",
        "zzz: {}\nregistry: sqlite",
        "release.yml:23: zzz: unknown key; it can be data, environments, model",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), LINES, ids=[new for _, new, _ in LINES])
def test_each_mistake_is_named_with_its_line(old: str, new: str, expected: str) -> None:
    found = complaints(changed(old, new))
    assert any(line.startswith(expected) for line in found), found


ROLES = "approvers: {data-science: [ana, cleo], risk: [ben]}, required: {data-science: 1, risk: 1}"
PLAIN = "approvers: [ana, ben], required: 1"
AP = "release.yml:19: policy.approval"
PUBLIC = "ed25519:" + "A" * 43 + "="


def test_roles_are_read() -> None:
    approval = load(written(changed(PLAIN, ROLES))).policy.approval
    assert approval.people == ("ana", "cleo", "ben")
    assert dict(approval.needed) == {"data-science": 1, "risk": 1}


def test_one_person_may_have_two_roles_where_others_can_fill_the_places() -> None:
    text = changed(PLAIN, "approvers: {ds: [ana, cleo], risk: [ana]}, required: {ds: 1, risk: 1}")
    assert load(written(text)).policy.approval.people == ("ana", "cleo")


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        (ROLES.replace("risk: 1", "riks: 1"), ".required.riks: approvers names no role 'riks'; did you mean 'risk'?"),
        (ROLES.replace("risk: 1", "riks: 1"), ".approvers.risk: required says nothing about this role; did you mean"),
        (ROLES.replace(", risk: 1", ""), ".approvers.risk: required says nothing about this role"),
        (ROLES.replace("risk: 1", "risk: 2"), ".required.risk: asks for 2 people, and the role has 1"),
        (ROLES.replace("risk: 1", "risk: 0"), ".required.risk: must be at least 1; it is 0"),
        (ROLES.replace("risk: 1", "risk: one"), ".required.risk: must be a whole number, not 'one'"),
        (ROLES.replace("[ben]", "[]"), ".approvers.risk: names nobody, and required asks for somebody"),
        (ROLES.replace("[ben]", "ben"), ".approvers.risk: must be a list, not 'ben'"),
        (ROLES.replace("[ben]", "[ben, ben]"), ".approvers.risk[1]: 'ben' stands in the list already"),
        (ROLES.replace("[ben]", "[' ']"), ".approvers.risk[0]: is an empty name"),
        (ROLES.replace("[ben]", "[Cleo]").replace("[ana, cleo]", "[cleo]"), ".required: asks for 2 people, and nobody"),
        (ROLES.replace("{data-science: 1, risk: 1}", "2"), ": approvers names roles: required must say how many of"),
        (ROLES.replace("{data-science: 1, risk: 1}", "{}"), ".required: "),
        ("approvers: {data-science: [ana]}", ": approvers names roles: required must say how many of each"),
        ("approvers: [ana], required: {risk: 1}", ": required names roles: approvers must say who is in each"),
        ("approvers: ana", ".approvers: must be a list, not 'ana', or must be a mapping of keys to values, not 'ana'"),
        ("approvers: [ana, Ana], required: 2", ".approvers: names 1 of the 2 people needed"),
        ("approvers: {'a b': [ana]}, required: {'a b': 1}", ".approvers.a b: must start with a letter or a digit"),
        (PLAIN + ", waivable: [roc_acu]", ".waivable[0]: no rule is about 'roc_acu'; did you mean 'roc_auc'?"),
        (PLAIN + ", waivable: [brier]", ".waivable[0]: no rule is about 'brier'"),
        (PLAIN + ", waivable: ['policy:rules']", ".waivable[0]: no rule is about 'policy'"),
        (PLAIN + ", waivable: [roc_auc, roc_auc]", ".waivable[1]: 'roc_auc' stands in the list already"),
        (PLAIN + ", waivable: ['impact_ratio:blak=1']", ".waivable[0]: no rule about it is by 'blak'; did"),
        (PLAIN + ", waivable: ['roc_auc:versus-dummy']", ".waivable[0]: no rule about it is versus 'dummy'"),
        (PLAIN + ", waivable: [7]", ".waivable[0]: must be text, not 7"),
        (PLAIN + ", waiver_for: 30", ".waiver_for: must be a duration such as '7 days', not 30"),
        (PLAIN + f", keys: [{{name: a, public: '{PUBLIC}', person: anna}}]", ".keys[0].person: 'anna' is no approver"),
        (
            PLAIN + f", keys: [{{name: a, public: '{PUBLIC}', person: ana, role: deploy}}]",
            ".keys[0].person: belongs to a key with role: approve",
        ),
        (
            PLAIN + f", keys: [{{name: a, public: '{PUBLIC}'}}, {{name: a, public: '{PUBLIC}'}}]",
            ".keys[1].name: another key is called 'a' already",
        ),
    ],
)  # fmt: skip
def test_each_mistake_about_who_decides_is_named(approval: str, expected: str) -> None:
    found = complaints(changed(PLAIN, approval))
    assert any(line.startswith(AP + expected) for line in found), found


@pytest.mark.parametrize(
    "more",
    [
        "waivable: [roc_auc, latency_p99_ms, overlap_rows, leak_score]",
        "waivable: ['roc_auc:versus-champion', 'impact_ratio:black=1', 'leak_score:typur', 'roc_auc#2']",
        f"keys: [{{name: a, public: '{PUBLIC}', person: Ana}}, {{name: b, public: '{PUBLIC}'}}]",
    ],
)
def test_what_a_rule_can_find_may_be_waived_and_an_approver_may_have_a_key(more: str) -> None:
    load(written(changed(PLAIN, f"{PLAIN}, {more}")))


def test_roles_that_nobody_could_fill_are_no_problem_where_nobody_is_asked() -> None:
    text = (
        "model: m\ntask: binary\ndata: {source: a.csv, target: y}\nenvironments: {production: {approval: automatic}}\n"
        "policy: {approval: {approvers: {a: [x], b: [x]}, required: {a: 1, b: 1}}}\n"
    )
    assert load(written(text)).policy.approval.people == ("x",)


def test_only_binary_takes_a_threshold_and_a_positive_label() -> None:
    text = "model: m\ntask: regression\nthreshold: 0.3\ndata: {source: a.csv, target: y, positive: 1}\n"
    text += "policy: {approval: {approvers: [ana]}}\n"
    assert complaints(text) == [
        "release.yml:3: threshold: belongs to task: binary; the task here is regression",
        "release.yml:4: data.positive: belongs to task: binary; the task here is regression",
    ]


def test_two_environments_must_not_move_the_same_pointer() -> None:
    text = changed("staging: {", "staging: {name: loan-approval, ").replace("http://mlflow-dev", "http://mlflow-prod")
    line = "release.yml:22: environments.production: is the same registry and model name as 'staging'; give it a name"
    assert complaints(text) == [line]
    assert complaints(text.replace("staging: {name", "staging: {alias: other, name")) == [line]


def test_environments_may_not_be_empty() -> None:
    text = GOOD[: GOOD.index("environments:")] + "environments: {}\n"
    assert "release.yml:20: environments: name at least one environment, or leave the key out" in complaints(text)


def test_no_approvers_are_needed_where_every_environment_is_automatic() -> None:
    text = (
        "model: m\ntask: binary\ndata: {source: a.csv, target: y}\nenvironments: {production: {approval: automatic}}\n"
    )
    assert load(written(text)).policy.approval.approvers == ()


def test_without_a_policy_nobody_could_approve_and_that_is_said() -> None:
    text = "model: m\ntask: binary\ndata: {source: a.csv, target: y}\n"
    (line,) = complaints(text)
    assert line.startswith("release.yml:1: policy.approval.approvers: names nobody")


def test_all_problems_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("binary", "bnary").replace("target", "taget").replace("0.70", "70").replace("0.80", ".inf")
    found = complaints(text, "train.params.C=.nan")
    assert [line.split(": ")[1] for line in found] == [
        "task",
        "data.target",
        "data.taget",
        "policy.rules[0].at_least",
        "policy.rules[2].at_least",
        "train.params.C",
    ]
    assert found[-1].startswith("--set train.params.C=.nan: ")


def test_after_fifty_problems_the_rest_is_counted() -> None:
    found = complaints(GOOD + "".join(f"wrong{number}: 1\n" for number in range(57)))
    assert len(found) == 51
    assert found[-1] == "and 7 more"


def test_long_values_are_cut_in_messages() -> None:
    (line,) = complaints(changed("task: binary", "task: " + "x" * 500))
    assert len(line) < 200


# --- overrides


def test_an_override_replaces_a_value_before_it_is_checked() -> None:
    path = written(changed("C: 0.3", "C: .nan"))
    config = load(
        path, ["train.params.C=0.5", "train.params.model=plain", "data.drop=[a, b]", "policy.rules[0].at_least=0.9"]
    )
    assert config.train is not None
    assert config.train.params == {"C": 0.5, "model": "plain"}
    assert config.data.drop == ("a", "b")
    assert config.policy.rules[0].at_least == 0.9


def test_an_override_makes_the_mappings_on_its_way_and_appends_to_lists() -> None:
    config = load(written(GOOD), ["monitor.rules[0].metric=jensen_shannon_distance", "monitor.rules[0].at_most=0.1"])
    assert [rule.metric for rule in config.monitor.rules] == ["jensen_shannon_distance"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("task=bniary", "--set task=bniary: task: 'bniary' is not possible; did you mean 'binary'?"),
        ("data.taget=x", "--set data.taget=x: data.taget: unknown key; did you mean 'target'?"),
        (
            "policy.rules[1].margin=-1",
            "--set policy.rules[1].margin=-1: policy.rules[1].margin: must be at least 0; it is -1",
        ),
        ("data={}", "--set data={}: data.target: is missing"),
        ("task", "--set task: an override is written path=value, e.g. train.params.C=0.5"),
        ("=3", "--set =3: an override is written path=value, e.g. train.params.C=0.5"),
        ("a..b=3", "--set a..b=3: an override is written path=value, e.g. train.params.C=0.5"),
        ("task.a=1", "--set task.a=1: nothing called 'a' can be set there: that is no mapping"),
        ("policy.rules[9].metric=x", "--set policy.rules[9].metric=x: there is no list item [9] in it"),
        ("task[0]=x", "--set task[0]=x: there is no list item [0] in it"),
        ("task=&a 1", "--set task=&a 1: anchors and aliases (& and *) are not supported; write the value out"),
        ("task=[", "--set task=[: parsing a flow node expected the node content, but found 'the end of the file'"),
    ],
)
def test_a_wrong_override_is_named(override: str, expected: str) -> None:
    assert expected in complaints(GOOD, override)


# --- files that are no release.yml


def test_a_missing_file_says_how_to_get_one() -> None:
    with pytest.raises(BadInput) as caught:
        load(Path("release.yml"))
    assert caught.value.what == f"there is no release.yml in {Path.cwd()}"
    assert caught.value.hint == "cd to the project, or start one: ml-release init DIR"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "release.yml is empty"),
        (b"# only a comment\n", "release.yml is empty"),
        (b"- a\n- b\n", "release.yml is a list at top level, not a mapping of keys"),
        (b"hello", "release.yml is a single value at top level, not a mapping of keys"),
        (
            b"a: 1\nb: [1, 2",
            "release.yml:2:9: parsing a flow sequence expected ',' or ']', but got 'the end of the file'",
        ),
        (b"a: &x 1\n", "release.yml:1: anchors and aliases (& and *) are not supported; write the value out"),
        (b"a: 1\nb: caf\xe9\n", "release.yml:2: not UTF-8 text (byte 0xe9 at offset 11)"),
        (bytes(range(256)), "release.yml:2: not UTF-8 text (byte 0x80 at offset 128)"),
        (b"a: !!python/name:os.system ''\n", "release.yml:1: tags (!) are not supported; write the plain value"),
        (b"#" * (1 << 20) + b"\n", "release.yml is larger than 1 MiB; that is no release.yml"),
    ],
    ids=range(10),
)
def test_what_is_no_release_yml_gets_one_sentence(content: bytes, expected: str) -> None:
    assert complaints(content) == [expected]


def test_a_directory_is_no_release_yml() -> None:
    Path("release.yml").mkdir()
    with pytest.raises(BadInput, match=r"release\.yml cannot be read: Is a directory"):
        load(Path("release.yml"))


def test_a_path_with_a_nul_is_refused_like_any_other_bad_path() -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load(Path("a\0b"))


# --- fuzz: only Config or BadInput comes out

WORDS = [
    "binary",
    "regression",
    "a:b",
    "approve",
    "7 days",
    "champion",
    "yes",
    "*a",
    "!!int ''",
    ".nan",
    "",
    "0.5",
    "-1",
]
LEAF = st.none() | st.booleans() | st.integers(-3, 10**45) | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
KEYS = st.sampled_from(
    sorted({name for _, model in _models(Config, ()) for name in model.model_fields} | {"production"})
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
RULE = st.fixed_dictionaries(
    {"metric": st.sampled_from(sorted(CATALOGUE)) | LEAF},
    optional=dict.fromkeys(("at_least", "at_most", "within", "versus", "margin", "by", "on_breach"), TREE),
)
SHAPED = st.fixed_dictionaries(
    {"model": LEAF, "task": st.sampled_from(["binary", "multiclass", "regression"]) | LEAF},
    optional={
        "data": st.dictionaries(KEYS, TREE, max_size=5) | TREE,
        "policy": st.fixed_dictionaries({"rules": st.lists(RULE, max_size=3)}, optional={"approval": TREE}),
        "environments": st.dictionaries(st.sampled_from(WORDS), TREE, max_size=2),
        "train": TREE,
        "monitor": TREE,
    },
)


def flow(value: Any) -> str:
    """Write a tree as YAML flow, badly on purpose: nothing is quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(each)}" for key, each in value.items()) + "}"
    return "[" + ", ".join(map(flow, value)) + "]" if isinstance(value, list) else str(value)


def only_config_or_bad_input(path: Path, text: str, overrides: list[str]) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = config_or_bad_input(path, overrides)
    if isinstance(found, Config):
        assert Config.from_bytes(found.to_bytes()) == found
    else:
        assert found.what.strip()
        assert found.hint
        assert len(found.what.split("\n")) <= 51


def config_or_bad_input(path: Path, overrides: list[str]) -> Config | BadInput:
    try:
        return load(path, overrides)
    except BadInput as error:
        return error


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "release.yml"


@settings(max_examples=200, deadline=None)
@given(tree=TREE | SHAPED)
def test_any_tree_gives_a_config_or_bad_input(target: Path, tree: Any) -> None:
    only_config_or_bad_input(target, flow(tree), [])


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80), at=st.integers(0, len(GOOD)), cut=st.integers(0, 30))
def test_any_edit_of_a_good_file_gives_a_config_or_bad_input(target: Path, text: str, at: int, cut: int) -> None:
    only_config_or_bad_input(target, GOOD[:at] + text + GOOD[at + cut :], [])


@settings(max_examples=100, deadline=None)
@given(key=KEYS, tree=TREE, text=st.text(max_size=20))
def test_any_override_gives_a_config_or_bad_input(target: Path, key: str, tree: Any, text: str) -> None:
    only_config_or_bad_input(target, GOOD, [f"{key}={flow(tree)}", text])


@pytest.mark.parametrize("odd", ["{a: {b: 1}}", "[roc_auc]", "[[]]", "{}", "1", "true", "~", ".nan", "''"])
@pytest.mark.parametrize("more", ["", ", waivable: [roc_auc, roc_auc#2]"])
def test_a_metric_that_is_no_text_is_a_complaint_of_its_own(odd: str, more: str) -> None:
    """Whatever else looks at the rules' metrics must not stumble over one that cannot be a key of a set."""
    text = changed("required: 1", "required: 1" + more).replace("metric: roc_auc", f"metric: {odd}", 1)
    assert any("policy.rules[0].metric" in line for line in complaints(text))


@pytest.mark.parametrize("sign", ["\\n", "\\r", "\\u2028", "\\x85", "\\x1b[31m", "\\u202e"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metric: latency_p99_ms", 'metric: "odd{}release.yml:1: model: is fine"'),
        ("task: binary", 'task: binary\n"odd{}release.yml:1: model: is fine": 1'),
        ("required: 1", 'required: 1, waivable: [nothing, "odd{}release.yml:1: x"]'),
        ("sensitive: [black, hispan, male, married]", 'sensitive: ["odd{}release.yml:1: x"]'),
        ("approvers: [ana, ben]", 'approvers: ["odd{}release.yml:1: x", "odd{}release.yml:1: x"]'),
        ("staging: {", '"odd{}release.yml:1: x": {'),
    ],
)
def test_a_name_of_the_file_forges_no_complaint(old: str, new: str, sign: str) -> None:
    """Nor hides one: each line of what is said is one of ours, and all that is in it can be seen."""
    text = changed(old, new.replace("{}", sign))
    with pytest.raises(BadInput) as caught:
        load(written(text))
    for line in str(caught.value.what).splitlines():
        assert re.match(r"release\.yml:\d+: \S", line), line
        assert not line.startswith("release.yml:1: "), line
        assert visible(line, None) == line
