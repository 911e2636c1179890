"""An author weakens the policy in the change that it judges: the protected one judges, and everybody sees it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from doubles.markup import xml
from doubles.project import Project
from doubles.repository import Git

PLACE = "refs/remotes/origin/main:release.yml"


def protect(project: Project) -> Git:
    """Make the project a repository whose origin/main is as it is now, and let jobs read the policy there."""
    git = Git(project.root).start()
    git.commit("release.yml", "model.py", "rows.csv")
    git.publish()
    git("switch", "--quiet", "--create", "change")
    project.env["ML_RELEASE_POLICY_FROM"] = "origin/main"
    return git


@pytest.fixture(scope="module")
def weakened(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """A project at the gate whose branch lowers a limit, makes its author an approver, and wants no approval at all."""
    project = Project(tmp_path_factory.mktemp("weakened"), migrated)
    git = protect(project)
    project.change(
        policy__rules=[{"metric": "roc_auc", "at_least": 0.5}],
        policy__approval__approvers=["ada", "ben"],
        policy__approval__four_eyes=False,
        environments={"production": {"approval": "automatic", "alias": "mine"}},
    )
    git.commit("release.yml")
    project.must("run", "--no-page", code=12)
    return project


@pytest.fixture
def copied(weakened: Project, tmp_path: Path) -> Project:
    """A copy that may be changed."""
    return weakened.copied(tmp_path)


def git_of(project: Project) -> Git:
    return Git(project.root)


def decision(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.root / "release" / "decision.json").read_text())
    return found


def tightened(project: Project, text: str = "0.72") -> str:
    """Change the protected branch, as somebody else's merge would, and return its new commit."""
    git = git_of(project)
    here = git("rev-parse", "--abbrev-ref", "HEAD")
    mine = (project.root / "release.yml").read_text()
    git("switch", "--quiet", "--force", "main")
    file = project.root / "release.yml"
    file.write_text(file.read_text().replace("at_least: 0.7", f"at_least: {text}"))
    git("commit", "--quiet", "--all", "--allow-empty", "--message", "another merge")
    commit = git.publish()
    git("switch", "--quiet", here)
    file.write_text(mine)
    return commit


def test_the_protected_policy_judged_and_the_decision_says_so(weakened: Project) -> None:
    found = decision(weakened)
    assert found["verdict"] == "inconclusive"
    assert found["policy_source"]["place"] == "refs/remotes/origin/main"
    assert found["policy_source"]["commit"] == git_of(weakened)("rev-parse", "main")
    assert "{metric: roc_auc, at_least: 0.7}" in {each["rule"] for each in found["findings"]}
    assert [each["path"] for each in found["policy_changes"]] == [
        "policy.rules[roc_auc]",
        "policy.rules[roc_auc:champion]",
        "policy.rules[roc_auc:dummy]",
        "policy.approval.approvers",
        "policy.approval.four_eyes",
        "environments.production.alias",
        "environments.production.approval",
    ]


def test_the_reviewer_sees_both_versions_wherever_they_look(weakened: Project) -> None:
    report = weakened.root / "release" / "report"
    page, note = (report / "index.html").read_text(), (report / "report.md").read_text()
    for text in (page, note):
        assert "What this branch changes in the policy" in text
        assert "judged this candidate" in text
        assert "environments.production.approval" in text
        assert "{metric: roc_auc, at_least: 0.5}" in text
    assert f"{PLACE} at {git_of(weakened)('rev-parse', 'main')[:10]}" in page
    cases = {each.get("name"): each for each in xml((report / "junit.xml").read_text()).iter("testcase")}
    skipped = cases["policy_changed"].find("skipped")
    assert skipped is not None
    assert "environments.production.alias: protected champion, this branch mine" in (skipped.text or "")


def test_the_author_is_no_approver_and_the_change_is_accepted_by_name(copied: Project) -> None:
    answer = ("approve", "--reason", "read it", "--as")
    assert "not one of the policy's approvers" in copied.must(*answer, "ada", "--accept", "policy_changed", code=3).err
    assert "--accept 'policy_changed'" in copied.must(*answer, "ben", code=2).err
    assert "no approval" not in copied.must("deploy", code=12).err
    copied.must(*answer, "ben", "--accept", "policy_changed")
    (path,) = (copied.root / "release" / "production" / "approvals").glob("*.json")
    assert decision(copied)["policy_source"]["commit"] in _payload(path)
    assert "models:/loan@champion is version 1" in copied.must("deploy").out
    copied.must("audit")
    assert "release 1" in copied.must("monitor").out


def _payload(path: Path) -> str:
    from ci_lib.signed import Signed  # noqa: PLC0415 -- for this test alone

    return str(Signed.read(path).approval.policy_source.commit)


def test_a_tightened_policy_stops_what_was_approved_under_the_old_one(copied: Project) -> None:
    copied.approve()
    tightened(copied)
    said = copied.must("deploy", code=3).err
    assert re.search(r"under another policy than refs/remotes/origin/main \(then \w{10}, now \w{10}\) has now", said)
    assert "next: ml-release validate" in said
    copied.must("validate", code=11)
    copied.must("report")
    copied.approve()
    copied.must("deploy")


def test_a_merge_that_leaves_the_policy_alone_stops_nothing(copied: Project) -> None:
    copied.approve()
    before = decision(copied)["policy_source"]["commit"]
    assert tightened(copied, "0.7") != before
    copied.must("deploy")


def test_a_forced_push_of_another_policy_stops_what_was_approved(copied: Project) -> None:
    copied.approve()
    git = git_of(copied)
    git("update-ref", "refs/remotes/origin/main", "change")
    assert "under another policy" in copied.must("deploy", code=3).err


def test_a_job_without_the_setting_does_not_go_by_the_branchs_policy(copied: Project) -> None:
    copied.approve()
    del copied.env["ML_RELEASE_POLICY_FROM"]
    said = copied.must("deploy", code=3).err
    assert f"made by the policy of {PLACE}" in said
    assert "and this job reads that of working tree" in said


def test_a_decision_made_without_the_setting_is_not_taken_by_a_job_with_it(project: Project) -> None:
    project.to_the_gate()
    assert decision(project)["policy_source"]["place"] == "working tree"
    assert "policy source: working tree" in project.must("validate", code=decision_code(project)).out
    project.must("report")
    protect(project)
    said = project.must("deploy", code=3).err
    assert "made by the policy of working tree, and this job reads that of refs/remotes/origin/main" in said
    assert "set ML_RELEASE_POLICY_FROM alike in all jobs" in said


def decision_code(project: Project) -> int:
    return {"pass": 0, "inconclusive": 11, "fail": 10}[decision(project)["verdict"]]


def test_a_branch_that_changes_more_after_validation_is_refused(copied: Project) -> None:
    copied.approve()
    copied.change(policy__min_group=5000)
    assert "decision.json shows other changes" in copied.must("deploy", code=3).err


def test_changes_hidden_in_the_decision_are_refused(copied: Project) -> None:
    from ci_lib.decision import Decision  # noqa: PLC0415 -- for this test alone

    path = copied.root / "release" / "decision.json"
    seen = Decision.read(path)
    findings = tuple(each for each in seen.findings if each.name != "policy_changed")
    seen.model_copy(update={"policy_changes": (), "findings": findings, "verdict": "pass"}).write(path)
    copied.must("deploy", code=3)
    seen.model_copy(update={"findings": findings, "verdict": "pass"}).write(path)
    assert "makes another decision" in copied.must("deploy", code=3).err


@pytest.mark.parametrize("command", ["deploy", "rollback", "status", "monitor", "doctor"])
def test_no_command_falls_back_when_the_protected_policy_is_not_there(copied: Project, command: str) -> None:
    git_of(copied)("update-ref", "-d", "refs/remotes/origin/main")
    ran = copied.run(command, *(("--reason", "x") if command == "rollback" else ()))
    assert ran.code == 2
    assert "git fetch --depth 1 origin +refs/heads/main:refs/remotes/origin/main" in ran.err


def test_rollback_moves_the_protected_alias(copied: Project) -> None:
    copied.approve()
    copied.must("deploy")
    shutil.rmtree(copied.root / "release")
    copied.must("run", "--no-page", "--set", "train.seed=1", code=12)
    copied.approve()
    copied.must("deploy")
    assert "models:/loan@champion is version 1" in copied.must("rollback", "--reason", "worse").out
