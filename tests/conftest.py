"""Fixtures that tests of more than one module share."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ci_lib.registry import Registry
from tests.doubles.small_chain import World


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty MLflow database: making one takes seconds, copying it milliseconds."""
    project = tmp_path_factory.mktemp("migrated")
    Registry("sqlite:///mlflow.db", project).ledger("none")
    return project / "mlflow.db"


@pytest.fixture
def open_registry(tmp_path: Path, migrated: Path) -> Callable[[str], Registry]:
    """Return what opens an embedded registry in the test's own directory."""
    shutil.copy(migrated, tmp_path / "mlflow.db")
    opened: dict[str, Registry] = {}

    def open_one(uri: str) -> Registry:
        if uri not in opened:
            opened[uri] = Registry(uri, tmp_path)
        return opened[uri]

    return open_one


@pytest.fixture
def world(tmp_path: Path, open_registry: Callable[[str], Registry]) -> World:
    """Return a project with an embedded registry."""
    return World(project=tmp_path, open_registry=open_registry)
