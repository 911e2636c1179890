"""A release from rows to production and back, by the command line alone."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from doubles.project import Project

from ci_lib.signed import Signed


def history(project: Project) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(project.must("history", "--json").out)
    return found


def test_the_first_release_goes_from_rows_to_production(project: Project) -> None:
    said = project.must("run", "--no-page", code=12).out
    assert "ml-release approve --as ben" in said
    assert "ml-release deploy" in said
    for name in ("dataset.json", "candidate.json", "evidence.json", "decision.json", "report/index.html"):
        assert (project.root / "release" / name).is_file()
    left_open = json.loads((project.root / "release/evidence.json").read_text())["left_open"]
    assert re.findall(r"the process that loads the model: (.*)", said) == left_open
    report = (project.root / "release/report/report.md").read_text()
    assert all(line in report for line in left_open or ["cut off from network"])
    project.approve()
    assert "release 1: models:/loan@champion is version 1" in project.must("deploy").out
    assert "release 1 in production: pass" in project.must("monitor").out
    assert project.must("resolve").out.strip() == "models:/loan/1"
    assert "agree" in project.must("audit").out


def test_a_challenger_is_compared_released_on_top_and_rolled_back(project: Project) -> None:
    project.deployed()
    project.change(train__params={"C": 0.01})
    project.to_the_gate()
    evidence = json.loads((project.root / "release" / "evidence.json").read_text())
    assert evidence["champion"]["release"] == 1
    assert any(m["scope"]["of"] == "candidate - champion" for m in evidence["measurements"])
    assert [m["value"] for m in evidence["measurements"] if m["metric"] == "holdout_uses"] == [1.0]
    project.approve()
    project.must("deploy")
    assert project.must("resolve").out.strip() == "models:/loan/2"
    assert "version 1, the bytes of release 1" in project.must("rollback", "--reason", "slower than it was").out
    assert [(e["number"], e["action"], e["restores"]) for e in history(project)] == [
        (1, "deploy", None), (2, "deploy", None), (3, "rollback", 1),
    ]  # fmt: skip
    assert project.must("resolve").out.strip() == "models:/loan/1"
    project.must("rollback", "--to", "2", "--reason", "it was the network")
    assert project.must("resolve").out.strip() == "models:/loan/2"
    project.must("monitor")
    project.must("audit")


def test_deploying_the_same_release_twice_changes_nothing_and_says_so(released: Project) -> None:
    assert "nothing to do" in released.must("deploy").out
    assert len(history(released)) == 1


def test_a_failed_verdict_stops_before_the_gate_and_the_report_is_written(project: Project) -> None:
    project.change(policy__rules=[{"metric": "roc_auc", "at_least": 0.99}])
    assert "the verdict is fail" in project.must("run", "--no-page", code=10).out
    assert "Fail" in (project.root / "release" / "report" / "index.html").read_text()
    assert "never reaches the gate" in project.must("approve", "--as", "ben", "--reason", "I want it", code=3).err
    assert "the verdict is fail" in project.must("deploy", code=10).out


FAILS = {"policy__rules": [{"metric": "roc_auc", "at_least": 0.99}]}
WAIVE = ("approve", "--as", "ben", "--reason", "a pilot of ten", "--waive", "roc_auc")


def test_a_fail_is_released_on_a_waiver_where_the_policy_lets_it(project: Project) -> None:
    project.change(**FAILS, policy__approval__waivable=["roc_auc"])
    said = project.must("run", "--no-page", code=10).out
    assert "ml-release approve --page" in said
    assert "--waive 'roc_auc' --owner" in said
    assert "Waivers asked for" in (project.root / "release" / "report" / "report.md").read_text()
    project.must("deploy", code=12)
    assert "nobody has waived them by name" in project.must(*WAIVE[:-2], code=2).err
    until = f"{datetime.now(UTC) + timedelta(days=29):%Y-%m-%d}"
    project.must(*WAIVE, "--owner", "ada's team", "--until", until, "--condition", "only in the pilot")
    said = project.must("deploy").out
    assert f"waived: roc_auc until {until}, owner ada's team, by ben: a pilot of ten" in said
    assert "on condition, ben: only in the pilot" in said
    assert f"waived    roc_auc until {until}" in project.must("status").out
    project.must("audit")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--owner", "x"], "the waiver of roc_auc has no last day"),
        (["--until", "2026-31-12", "--owner", "x"], "no day; write it as 2027-01-31"),
        (["--until", "2999-12-31", "--owner", "x"], "lasts longer than the policy lets it"),
        (["--until", "2020-12-31", "--owner", "x"], "ended on 2020-12-31"),
        (["--until", "2999-12-31"], "has no owner"),
        (["--until", "2999-12-31", "--owner", "x", "--reject"], "a rejection that waives something"),
        (["--waive", "roc_acu", "--until", "2999-12-31", "--owner", "x"], "lasts longer"),
        (["--page"], "--page asks in the browser"),
    ],
)
def test_a_slip_in_a_waiver_is_bad_input(
    failing: Project, capsys: pytest.CaptureFixture[str], more: list[str], sentence: str
) -> None:
    said = failing.must(*WAIVE, *more, code=2).err + capsys.readouterr().err  # argparse speaks to the real stderr
    assert sentence in said


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    project = Project(tmp_path_factory.mktemp("failing"), migrated)
    project.change(**FAILS, policy__approval__waivable=["roc_auc"])
    project.must("run", "--no-page", code=10)
    return project


def test_terms_of_a_waiver_that_is_not_there_are_bad_input(failing: Project) -> None:
    said = failing.must("approve", "--as", "ben", "--reason", "read it", "--owner", "x", code=2).err
    assert "--owner is about a waiver, and none is named" in said


def test_two_roles_must_say_yes_and_one_no_after_that_still_stops_it(project: Project) -> None:
    project.change(
        policy__approval__approvers={"science": ["ben", "dave"], "risk": ["cora"]},
        policy__approval__required={"science": 1, "risk": 1},
    )
    project.to_the_gate()
    assert "1 of 2 approvals; still needed: risk: 1 of cora" in project.approve(code=12).out
    accepted = [word for name in _accepted(project) for word in ("--accept", name)]
    project.must("approve", "--as", "cora", "--reason", "I agree", *accepted)
    project.must("approve", "--as", "dave", "--reject", "--reason", "the data are old", code=13)
    assert "dave rejected it: the data are old" in project.must("deploy", code=13).out
    assert history(project) == []


def test_a_no_after_the_release_is_told_to_roll_back(released: Project) -> None:
    said = released.must("approve", "--as", "cora", "--reject", "--reason", "too late", code=3).err
    assert "is release 1 of production already" in said
    assert "ml-release rollback" in said


def test_a_rejection_ends_the_release(project: Project) -> None:
    project.to_the_gate()
    project.must("approve", "--as", "ben", "--reject", "--reason", "the sample is too small", code=13)
    assert "ben rejected it" in project.must("deploy", code=13).out
    assert history(project) == []


def test_nothing_is_deployed_before_somebody_answered(waiting: Project) -> None:
    assert "0 of 1 approvals" in waiting.must("deploy", code=12).out
    assert history(waiting) == []


def test_two_people_must_approve_where_the_policy_says_so(project: Project) -> None:
    project.change(policy__approval__required=2)
    project.to_the_gate()
    assert "1 of 2 approvals" in project.approve(code=12).out
    assert "has answered already" in project.approve(code=3).err
    project.must("deploy", code=12)
    accepted = [word for name in _accepted(project) for word in ("--accept", name)]
    project.must("approve", "--as", "cora", "--reason", "I agree", *accepted)
    project.must("deploy")


def _accepted(project: Project) -> list[str]:
    answer = next((project.root / "release" / "production" / "approvals").glob("*.json"))
    return list(Signed.read(answer).approval.accepted)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--as", "ben"], 2, "a decision needs a reason"),
        (["--reason", "fine by me"], 2, "a laptop cannot know who approves"),
        (["--as", "mallory", "--reason", "fine by me"], 3, "not one of the policy's approvers"),
        (
            ["--as", "ben", "--reason", "fine by me", "--accept", "no_such_finding"],
            2,
            "no inconclusive finding is called",
        ),
    ],
)
def test_an_incomplete_or_foreign_answer_is_refused(
    waiting: Project, arguments: list[str], code: int, sentence: str
) -> None:
    assert sentence in waiting.must("approve", *arguments, code=code).err
    assert not list((waiting.root / "release" / "production").rglob("approvals/*.json"))


def test_an_author_cannot_approve_their_own_model(project: Project) -> None:
    project.env["ML_RELEASE_USER"] = "ben"
    project.to_the_gate()
    assert "four eyes" in project.must("approve", "--as", "Ben", "--reason", "it is mine", code=3).err


def test_an_inconclusive_finding_must_be_accepted_by_name(project: Project) -> None:
    project.change(policy__rules=[{"metric": "roc_auc", "at_least": 0.85}])
    project.to_the_gate()
    refused = project.must("approve", "--as", "ben", "--reason", "good enough", code=2).err
    assert "--accept 'roc_auc'" in refused
    project.must("approve", "--as", "ben", "--reason", "good enough", "--accept", "roc_auc")
    project.must("deploy")


def test_a_new_candidate_takes_the_old_ones_approval_away(project: Project) -> None:
    project.to_the_gate()
    project.approve()
    project.must("train")
    assert not list((project.root / "release" / "production" / "approvals").glob("*.json"))
    assert "validate" in project.must("deploy", code=2).err


def test_a_policy_made_looser_after_validation_is_noticed(project: Project) -> None:
    project.to_the_gate()
    project.approve()
    project.change(policy__rules=[{"metric": "roc_auc", "at_least": 0.1}])
    assert "another policy" in project.must("deploy", code=3).err


def test_a_champion_that_changed_since_validation_stops_the_deploy(project: Project) -> None:
    project.deployed()
    project.change(train__params={"C": 0.5})
    project.to_the_gate()
    project.approve()
    saved = {path: path.read_bytes() for path in (project.root / "release").rglob("*") if path.is_file()}
    project.change(train__params={"C": 0.2})
    project.deployed()
    project.change(train__params={"C": 0.5})
    for path, data in saved.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for stale in (project.root / "release" / "production" / "approvals").glob("*.json"):
        if stale not in saved:
            stale.unlink()
    assert "the champion changed since validation" in project.must("deploy", code=3).err


def test_one_candidate_is_promoted_through_two_environments_with_a_registry_each(project: Project) -> None:
    project.change(
        environments={
            "staging": {"registry": "sqlite:///staging.db", "approval": "automatic"},
            "production": {"registry": "sqlite:///production.db"},
        },
        policy__rules=[{"metric": "roc_auc", "at_least": 0.7}],
    )  # fmt: skip
    project.to_the_gate()
    project.must("deploy", "--environment", "staging")
    project.must("monitor", "--environment", "staging")
    project.must("deploy", code=12)
    project.approve()
    project.must("deploy")
    staging, production = (
        json.loads(project.must("history", "--json", "--environment", name).out)[0]
        for name in ("staging", "production")
    )
    assert staging["manifest"] == production["manifest"]
    assert (staging["automatic"], production["automatic"]) == (True, False)
    assert (project.root / "staging.db").is_file()
    assert project.must("resolve", "--environment", "staging").out.strip() == "models:/loan-staging/1"


def test_a_consumer_downloads_the_released_bytes(released: Project, tmp_path: Path) -> None:
    target = tmp_path / "served"
    assert released.must("resolve", "--download", str(target)).out.strip().startswith(str(target))
    assert list(target.rglob("MLmodel"))
    assert "is not empty" in released.must("resolve", "--download", str(target), code=2).err


@pytest.mark.parametrize(("answer", "code"), [((), 0), (("--reject",), 13)])
def test_the_page_of_a_gate_ends_when_another_terminal_answers(
    approved: Project, tmp_path: Path, answer: tuple[str, ...], code: int
) -> None:
    project = approved.copied(tmp_path)
    shutil.rmtree(project.root / "release" / "production" / "approvals")
    with ThreadPoolExecutor() as pool:
        page = pool.submit(project.run, "approve", "--page")
        project.must("approve", "--as", "ben", "--reason", "read it", *answer, code=code)
        ran = page.result(timeout=60)
    assert ran.code == code, ran.err
    assert "the gate is open for ben, cora" in ran.out
    assert "look and decide:  http://127.0.0.1:" in ran.out


def test_the_page_of_a_candidate_that_changes_meanwhile_says_so(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    shutil.rmtree(project.root / "release" / "production" / "approvals")
    with ThreadPoolExecutor() as pool:
        page = pool.submit(project.run, "approve", "--page")
        while not page.done():
            report = project.root / "release" / "report" / "index.html"
            report.write_bytes(report.read_bytes() + b" ")
            time.sleep(0.1)
        ran = page.result()
    assert ran.code == 12, ran.err
    assert "next: ml-release run" in ran.out
