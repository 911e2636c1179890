"""The project's real Jenkinsfile from a push to production and back, over HTTP, with a real `mlflow server`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from doubles.groovy_jvm import Groovy
from doubles.jenkins_project import STARTER, Site, site
from doubles.jenkins_world import Build
from doubles.server import mlflow_server

STAGES = ["prepare", "train", "validate", "report", "approve", "deploy"]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was done, in this order."""

    site: Site
    first: Build
    asked: dict[str, Any]
    refused: int
    """What Jenkins answered to somebody who is not on the list."""
    looked: str
    """What the reviewer saw first."""
    second: Build
    rollback: Build
    followed: str
    """What the engineer saw of it."""
    history: list[dict[str, Any]]


@pytest.fixture(scope="module")
def story(groovy: Groovy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Release twice, the second time without a terminal, and roll back."""
    home = tmp_path_factory.mktemp("jenkins")
    (home / "mlflow").mkdir()
    with mlflow_server(home / "mlflow") as registry, site(groovy, home, registry) as team:
        first = team.start()
        asked = team.waits(first)
        refused = team.answer(first, "dan", decision="approve", reason="let me").status_code
        looked = team.says("reviewer", "approve", "--build", team.url(first), code=12)
        team.says("reviewer", "approve", "--build", team.url(first), "--reason", "read the report")
        assert team.ended(first) == "SUCCESS", first.console.decode()
        model = team.repository.root / STARTER / "model.py"
        model.write_text(model.read_text().replace("C=1.0", "C=0.01"))
        team.repository.commit()
        second = team.start("ada")
        team.waits(second)
        assert team.answer(second, "reviewer", decision="approve", reason="in the page", accept="").status_code == 200
        assert team.ended(second) == "SUCCESS", second.console.decode()
        followed = team.says("dan", "trigger", "rollback", "--job", team.job.name, "--reason", 'wrong "scores"; $(id)')
        history = json.loads(team.says("dan", "history", "--json"))
        yield Story(
            site=team, first=first, asked=asked, refused=refused, looked=looked, second=second,
            rollback=team.job.builds[-1], followed=followed, history=history,
        )  # fmt: skip


def test_while_a_person_is_waited_for_nothing_is_held(story: Story) -> None:
    assert (story.asked["executors"], story.asked["locks"]) == (0, [])
    assert (story.asked["id"], story.asked["submitter"], story.asked["submitterParameter"]) == (
        "MlRelease", "reviewer", "approver",
    )  # fmt: skip


def test_the_page_of_the_input_says_what_it_is_about(story: Story) -> None:
    first, second, third = story.asked["message"].splitlines()
    assert first.startswith("Release candidate of loan: pass.")
    assert second.startswith("Digest to compare: ")
    assert third == f"Report: {story.site.url(story.first)}artifact/release/report/jenkins.html"
    assert {"release/report/jenkins.html", "release/report/report.css", "release/decision.json"} <= set(
        story.first.artifacts
    )


def test_who_is_not_on_the_list_is_refused_and_the_build_waits_on(story: Story) -> None:
    assert story.refused == 400
    assert story.first.approvers == ["reviewer"]


def test_a_reviewer_at_a_terminal_sees_the_candidate_before_answering(story: Story) -> None:
    assert "loan" in story.looked
    assert story.site.url(story.first).rstrip("/") in story.looked


@pytest.mark.parametrize("which", ["first", "second"])
def test_the_answer_is_taken_and_deploy_goes_on(story: Story, which: str) -> None:
    build = getattr(story, which)
    assert story.site.codes(build) == dict.fromkeys(STAGES, 0)
    assert story.site.engine.done[build.number]["stages"]["rollback"] == "SKIPPED"
    assert any(name.startswith("release/production/approvals/") for name in build.artifacts)


def test_the_ledger_has_who_approved_it_as_jenkins_knows_them(story: Story) -> None:
    log = story.first.console.decode()
    assert "approved by reviewer (ci-verified)" in log
    assert [entry["action"] for entry in story.history] == ["deploy", "deploy", "rollback"]
    assert story.history[0]["pipeline"].rstrip("/") == story.site.url(story.first).rstrip("/")


def test_a_rollback_of_the_same_job_puts_the_first_release_back(story: Story) -> None:
    assert (story.rollback.result, story.site.codes(story.rollback)) == ("SUCCESS", {"rollback": 0})
    last = story.history[-1]
    assert (last["restores"], last["manifest"]) == (1, story.history[0]["manifest"])
    assert last["reason"] == 'wrong "scores"; $(id)'
    assert last["actor"]["id"] == "dan"
    assert "release 3" in story.followed


def test_no_secret_is_in_a_log(story: Story) -> None:
    logs = "".join(build.console.decode() for build in story.site.job.builds)
    assert "robot-token" not in logs
    assert "PRIVATE KEY" not in logs
