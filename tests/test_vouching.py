"""The GitLab that a policy trusts: what release.yml may say of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from ci_lib.vouching import GitLabServer

GOOD: dict[str, Any] = {"url": "https://gitlab.example.com", "project": 7}


def test_what_is_left_out_is_as_the_component_has_it() -> None:
    server = GitLabServer.model_validate(GOOD)
    assert (server.audience, server.gates, server.reject) == ("ml-release", ("approve",), "reject")


@pytest.mark.parametrize("url", ["https://gitlab.example.com/gitlab", "http://127.0.0.1:8929", "http://localhost"])
def test_addresses_that_will_do(url: str) -> None:
    assert GitLabServer.model_validate(GOOD | {"url": url}).url == url


@pytest.mark.parametrize(
    "broken",
    [
        {"url": "http://gitlab.example.com"},
        {"url": "https://gitlab.example.com/"},
        {"url": "https://user:word@gitlab.example.com"},
        {"url": "https://gitlab.example.com/?x"},
        {"url": "gitlab.example.com"},
        {"url": "http://127.0.0.1.evil.example"},
        {"project": 0},
        {"project": "ml/loans"},
        {"audience": ""},
        {"audience": "a b"},
        {"gates": []},
        {"gates": ["approve", "approve"]},
        {"gates": ["reject"]},
        {"gates": ["a\nb"]},
        {"more": 1},
    ],
)
def test_what_will_not(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GitLabServer.model_validate(GOOD | broken)
