"""A project with an embedded MLflow, for tests that run whole stages."""

from pathlib import Path

import pytest
from doubles.project import Project


@pytest.fixture
def project(tmp_path: Path, migrated: Path) -> Project:
    """Return a fresh project."""
    return Project(tmp_path, migrated)


@pytest.fixture(scope="session")
def approved(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """Return a project at the gate, approved: for copies only, since all tests share it."""
    project = Project(tmp_path_factory.mktemp("approved"), migrated)
    project.to_the_gate()
    project.approve()
    return project
