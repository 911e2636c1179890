"""Pipelines of teams that include the components, expanded once for all tests."""

import json

import pytest
from doubles.components import COMBINED, FIRST, Pipeline, Team, include


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    return Team.new(tmp_path_factory.mktemp("components"))


def _expanded(team: Team, name: str, includes: list[dict[str, object]]) -> Pipeline:
    path = team.root.parent / f"{name}.yml"
    path.write_text(team.expand(json.dumps({"include": includes})))
    return Pipeline(path)


@pytest.fixture(scope="session")
def first(team: Team) -> Pipeline:
    """The pipeline of the simplest team."""
    return _expanded(team, "first", [include(name, inputs) for name, inputs in FIRST.items()])


@pytest.fixture(scope="session")
def combined(team: Team) -> Pipeline:
    """All combinations in one pipeline: their prefixes keep them apart."""
    every = [include(name, {"prefix": prefix, **inputs}) for prefix, (name, inputs) in COMBINED.items()]
    return _expanded(team, "combined", every)
