"""The GitLab or Jenkins that a policy trusts: what release.yml may say of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from ci_lib.config import ApprovalPolicy
from ci_lib.vouching import GitLabServer, JenkinsServer

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


JENKINS: dict[str, Any] = {"url": "https://jenkins.example.com", "job": "folder/loans"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"url": "https://ci.example.com/jenkins"},
        {"url": "http://127.0.0.1:8080"},
        {"job": "loans"},
        {"job": "loans/feature%2Fx"},
        {"job": "my folder/a job"},
        {"job": "job"},
        {"input": "Release-2"},
    ],
)
def test_a_jenkins_that_will_do(more: dict[str, Any]) -> None:
    server = JenkinsServer.model_validate(JENKINS | more)
    assert server.input == more.get("input", "MlRelease")


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"url": "http://jenkins.example.com"}, "write https"),
        ({"url": "https://jenkins.example.com/"}, "without the slash at its end"),
        ({"url": "https://user:word@jenkins.example.com"}, "match pattern"),
        ({"job": "job/folder/job/loans"}, "full name, e.g. folder/loans"),
        ({"job": "a/../b"}, "full name, e.g. folder/loans"),
        ({"job": "/loans"}, "match pattern"),
        ({"job": "loans/"}, "match pattern"),
        ({"job": "a//b"}, "match pattern"),
        ({"job": "loans?x"}, "match pattern"),
        ({"input": "mlRelease"}, "the first letter of an id a capital"),
        ({"input": "a b"}, "match pattern"),
        ({"input": ".."}, "the first letter"),
        ({"more": 1}, "Extra inputs"),
    ],
)
def test_a_jenkins_that_will_not(broken: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        JenkinsServer.model_validate(JENKINS | broken)


def test_one_server_says_who_approves() -> None:
    with pytest.raises(ValidationError, match="gitlab or jenkins, not both"):
        ApprovalPolicy(gitlab=GitLabServer.model_validate(GOOD), jenkins=JenkinsServer.model_validate(JENKINS))
