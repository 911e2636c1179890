"""What undoes the gate in a team's own .gitlab-ci.yml: each with its line, and what to type."""

from pathlib import Path

import pytest

from ci_lib.errors import BadInput
from ci_lib.lint import Finding, lint

GOOD = """\
stages: [release]
train:
  script: [ml-release train]
  cache: [{paths: [.cache]}]
approve:
  stage: release
  script: [ml-release approve]
  when: manual
  allow_failure: false
reject:
  script: [ml-release approve --reject]
  when: manual
  allow_failure: true
deploy:
  script: [ml-release deploy]
  needs: [approve]
rollback:
  script:
    - ml-release rollback --reason "$ML_RELEASE_REASON"
  when: manual
"""


def found(tmp_path: Path, text: str) -> list[Finding]:
    path = tmp_path / ".gitlab-ci.yml"
    path.write_text(text)
    return list(lint(path))


def test_a_file_that_undoes_nothing_has_no_findings(tmp_path: Path) -> None:
    assert found(tmp_path, GOOD) == []


CASES: dict[str, tuple[str, str, int, str]] = {
    "a manual gate that may fail by default": (
        "  when: manual\n  allow_failure: false\nreject", "  when: manual\nreject", 8, "without allow_failure: false",
    ),
    "a gate that may fail": ("allow_failure: false", "allow_failure: true", 9, "without an answer"),
    "a gate that runs by itself": ("  when: manual\n  allow_failure: false\nreject", "reject", 5, "runs by itself"),
    "a rule that lets it fail": (
        "  when: manual\n  allow_failure: false\nreject",
        "  rules:\n    - if: $CI\n      when: manual\n      allow_failure: true\nreject", 11, "this rule lets",
    ),
    "a rule by which it runs by itself": (
        "  when: manual\n  allow_failure: false\nreject",
        "  rules:\n    - if: $A\n      when: manual\n    - if: $B\nreject", 11, "by this rule the gate runs by itself",
    ),
    "a deploy without needs": ("  needs: [approve]\n", "", 14, "without needs on the gate"),
    "a deploy with no needs": ("needs: [approve]", "needs: []", 16, "needs: [] starts it at once"),
    "a deploy with other needs": ("needs: [approve]", "needs: [train]", 16, "its needs lead to no gate: approve"),
    "an optional gate": (
        "needs: [approve]", "needs:\n    - job: approve\n      optional: true", 18, "in pipelines that have no approve",
    ),
    "a deploy after a failure": ("needs: [approve]", "needs: [approve]\n  when: always", 17, "when: always deploys"),
    "an input in a script": (
        "[ml-release deploy]", "\n    - echo hello\n    - ml-release deploy --config $[[ inputs.config | trim ]]",
        17, "the input config is pasted into the script",
    ),
    "a cache at the gate": ("  stage: release\n", "  cache: {paths: [.venv]}\n", 6, "a cache brings files"),
    "a cache where no is said": (
        "[ml-release approve --reject]\n", "[ml-release approve --reject]\n  cache: {paths: [.venv]}\n", 12,
        "a cache brings files",
    ),
    "a cache for all": ("stages: [release]", "cache: {paths: [x]}", 5, "it inherits the pipeline's cache"),
    "a default cache": ("stages: [release]", "default: {cache: {paths: [x]}}", 14, "it inherits the pipeline's cache"),
    "a dotenv of the deploy": (
        "needs: [approve]", "needs: [approve]\n  artifacts: {reports: {dotenv: x.env}}", 17, "reports: dotenv in a",
    ),
    "a dotenv of train": (
        "[ml-release train]", "[ml-release train]\n  artifacts: {reports: {dotenv: x.env}}", 17, "the dotenv file of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_undoes_the_gate_is_found_at_its_line(tmp_path: Path, name: str) -> None:
    before, after, line, sentence = CASES[name]
    assert before in GOOD
    text = GOOD.replace(before, after, 1)
    if name == "a dotenv of train":
        text = text.replace("needs: [approve]", "needs: [approve, train]")
    findings = found(tmp_path, text)
    assert line in {each.line for each in findings if sentence in each.sentence}
    assert all(each.hint for each in findings)


def test_a_finding_reads_as_a_compilers(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, GOOD.replace("needs: [approve]", "needs: []"))
    assert str(finding) == (
        f"{tmp_path}/.gitlab-ci.yml:16: deploy: needs: [] starts it at once, around the gate\n"
        "  next: write needs: [approve]"
    )


def test_needs_may_lead_to_the_gate_over_other_jobs(tmp_path: Path) -> None:
    text = (
        GOOD.replace("needs: [approve]", "needs: [{job: notify}]") + "notify:\n  script: [echo]\n  needs: [approve]\n"
    )
    assert found(tmp_path, text) == []


def test_a_circle_of_needs_ends(tmp_path: Path) -> None:
    text = (
        GOOD.replace("needs: [approve]", "needs: [a]") + "a: {script: [x], needs: [b]}\nb: {script: [x], needs: [a]}\n"
    )
    assert [each.job for each in found(tmp_path, text)] == ["deploy"]


def test_a_job_that_extends_another_has_its_keys(tmp_path: Path) -> None:
    text = """\
.gate: &gate
  when: manual
  script:
    - !reference [.setup, script]
    - ml-release approve
.locked:
  extends: .gate
  allow_failure: false
good: {extends: [.locked]}
bad:
  <<: *gate
deploy:
  extends: deploy
  script: ml-release deploy
  needs: [good, bad]
"""
    assert [(each.job, each.line) for each in found(tmp_path, text)] == [("bad", 10)]


def test_changes_of_an_included_component_are_looked_at_by_its_names(tmp_path: Path) -> None:
    text = (
        "include: [{component: x/release@1}]\napprove: {allow_failure: true}\ndeploy: {needs: []}\ntrain: {cache: []}\n"
    )
    assert [(each.job, each.line) for each in found(tmp_path, text)] == [("approve", 2), ("deploy", 3)]


@pytest.mark.parametrize(("change", "sentence"), [
    ("approve: {rules: [{if: $CI_COMMIT_BRANCH}]}", "the gate runs by itself"),
    ("approve: {rules: [{when: manual, allow_failure: true}]}", "this rule lets the pipeline go on"),
    ("deploy: {rules: [{if: $A}, {when: always}]}", "when: always deploys also when the gate failed"),
    ("deploy: {needs: [report, approve]}", "with the artifacts of report the authors' code"),
    ("deploy: {needs: [{job: fraud-train}, approve]}", "with the artifacts of fraud-train the authors' code"),
    *((f"{job}: {{{key}: {{a: [x]}}}}", f"{key} runs commands of this file")
      for job in ("approve", "reject", "deploy", "rollback") for key in ("before_script", "after_script", "hooks")),
])  # fmt: skip
def test_a_change_that_opens_an_included_job_is_found(tmp_path: Path, change: str, sentence: str) -> None:
    (finding,) = found(tmp_path, f"include: [{{component: x/release@1}}]\n{change}\n")
    assert (finding.line, sentence in finding.sentence) == (2, True)


@pytest.mark.parametrize("change", [
    "approve: {rules: [{if: $A, when: manual}]}", "deploy: {rules: [{if: $A}]}", "deploy: {before_script: []}",
    "deploy: {needs: [{job: report, artifacts: false}, approve]}", "train: {before_script: [x]}",
])  # fmt: skip
def test_a_change_that_opens_nothing_is_fine(tmp_path: Path, change: str) -> None:
    assert found(tmp_path, f"include: [{{component: x/release@1}}]\n{change}\n") == []


def test_the_components_names_may_have_a_prefix(tmp_path: Path) -> None:
    text = (
        "include: [{component: x/release@1, inputs: {prefix: fraud-}}]\nfraud-approve: {allow_failure: true}\n"
        "fraud-deploy: {needs: []}\nfraud-reject: {cache: [{paths: [x]}]}\ndeployment: {needs: []}\n"
    )
    assert [(each.job, each.line) for each in found(tmp_path, text)] == [
        ("fraud-approve", 2), ("fraud-deploy", 3), ("fraud-reject", 4),
    ]  # fmt: skip


def test_each_model_of_a_file_has_its_own_gate(tmp_path: Path) -> None:
    gate = "script: [ml-release approve], when: manual, allow_failure: false"
    text = f"""\
a-approve: {{{gate}}}
b-approve: {{{gate}}}
b-approve-risk: {{{gate}}}
a-deploy: {{script: [ml-release deploy], needs: [a-approve]}}
b-deploy: {{script: [ml-release deploy], needs: [b-approve]}}
"""
    (finding,) = found(tmp_path, text)
    assert (finding.job, finding.hint) == ("b-deploy", "write needs: [b-approve, b-approve-risk]")


def test_a_deploy_whose_prefix_no_gate_has_needs_all_gates(tmp_path: Path) -> None:
    text = GOOD.replace("deploy:", "eu-deploy:").replace("needs: [approve]", "needs: [reject]")
    assert [each.hint for each in found(tmp_path, text)] == ["write needs: [approve]"]


def test_an_included_component_alone_is_fine(tmp_path: Path) -> None:
    assert found(tmp_path, "include: [{component: x/release@1}]\ndeploy: {tags: [prod]}\n") == []


def test_a_component_with_a_header_is_read_behind_it(tmp_path: Path) -> None:
    text = "spec:\n  inputs:\n    job: {default: x}\n---\n" + GOOD.replace("needs: [approve]", "needs: []")
    (finding,) = found(tmp_path, text)
    assert finding.line == 20


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xff\xfe", "it is not UTF-8"),
        (b"a: [", ".gitlab-ci.yml:1: "),
        (b"- a\n", "holds no jobs"),
        (b"", "holds no jobs"),
        (b"# " + b"x" * 1_000_000, "and GitLab reads 1,000,000"),
        (b"a: &a [*b]", "undefined alias"),
        (b"a: 1\na: 2\n", "duplicate key"),
    ],
)
def test_what_is_no_pipeline_is_one_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    path = tmp_path / ".gitlab-ci.yml"
    path.write_bytes(text)
    with pytest.raises(BadInput) as caught:
        lint(path)
    assert sentence in caught.value.what
    assert "\n" not in caught.value.what


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        lint(tmp_path / "x.yml")
