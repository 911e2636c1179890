"""A GitLab and a Jenkins double, each with a team in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.gitlab import Server, gitlab
from doubles.gitlab_scene import Scene
from doubles.jenkins import Server as Jenkins
from doubles.jenkins import jenkins
from doubles.jenkins_scene import Scene as JenkinsScene


@pytest.fixture
def server() -> Iterator[Server]:
    with gitlab() as running:
        yield running


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path)


@pytest.fixture
def jenkins_server() -> Iterator[Jenkins]:
    with jenkins() as running:
        yield running


@pytest.fixture
def jenkins_scene(jenkins_server: Jenkins, tmp_path: Path) -> JenkinsScene:
    return JenkinsScene(jenkins_server, tmp_path)
