"""A project with an embedded MLflow, for tests that run whole stages."""

from pathlib import Path

import pytest
from doubles.project import Project


@pytest.fixture
def project(tmp_path: Path, migrated: Path) -> Project:
    """Return a fresh project."""
    return Project(tmp_path, migrated)


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """Return a project at the gate, for tests that do not get past it: it stays as it is."""
    made = Project(tmp_path_factory.mktemp("waiting"), migrated)
    made.to_the_gate()
    return made


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """Return a project with one release, for tests that only look at it."""
    made = Project(tmp_path_factory.mktemp("released"), migrated)
    made.deployed()
    return made


@pytest.fixture(scope="session")
def approved(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """Return a project at the gate, approved: for copies only, since all tests share it."""
    project = Project(tmp_path_factory.mktemp("approved"), migrated)
    project.to_the_gate()
    project.approve()
    return project
