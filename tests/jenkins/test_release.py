"""The project's real Jenkinsfile from a push to production and back, over HTTP, with a real `mlflow server`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.groovy_jvm import Groovy
from doubles.jenkins_project import Site, site
from doubles.server import mlflow_server

from ci_lib.registry import Registry


@pytest.fixture(scope="module")
def team(groovy: Groovy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a Jenkins with the project's job, and an MLflow server."""
    home = tmp_path_factory.mktemp("jenkins")
    (home / "mlflow").mkdir()
    with mlflow_server(home / "mlflow") as registry, site(groovy, home, registry) as made:
        yield made


def test_a_release_waits_for_a_person_and_goes_on_when_they_say_yes(team: Site) -> None:
    build = team.start()
    asked = team.waits(build)
    assert (asked["executors"], asked["locks"]) == (0, [])
    assert (asked["id"], asked["submitter"], asked["submitterParameter"]) == ("MlRelease", "reviewer", "approver")
    assert "Digest to compare" in asked["message"]
    assert "release/report/index.html" in build.artifacts
    assert team.answer(build, "dan", decision="approve", reason="let me").status_code == 400
    assert team.answer(build, "reviewer", decision="approve", reason="read it", accept="").status_code == 200
    assert team.ended(build) == "SUCCESS", build.console.decode()
    assert team.codes(build) == dict.fromkeys(
        ["prepare", "train", "validate", "report", "approve", "deploy"], 0
    )
    assert build.approvers == ["reviewer"]
