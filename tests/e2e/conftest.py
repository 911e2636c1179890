"""A project with an embedded MLflow, for tests that run whole stages."""

from pathlib import Path

import pytest
from doubles.project import Project


@pytest.fixture
def project(tmp_path: Path, migrated: Path) -> Project:
    """Return a fresh project."""
    return Project(tmp_path, migrated)
