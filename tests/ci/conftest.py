"""A GitLab double with a team in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles.gitlab import Server, gitlab
from doubles.gitlab_scene import Scene


@pytest.fixture
def server() -> Iterator[Server]:
    with gitlab() as running:
        yield running


@pytest.fixture
def scene(server: Server, tmp_path: Path) -> Scene:
    return Scene(server, tmp_path)
