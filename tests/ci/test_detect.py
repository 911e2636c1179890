"""Which system runs this job, by its environment and by what release.yml says of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci_lib.ci.detect import detect, policy_from
from ci_lib.ci.jenkins.adapter import Jenkins
from ci_lib.config import ApprovalPolicy
from ci_lib.errors import BadInput
from ci_lib.vouching import GitLabServer, JenkinsServer

SERVER = GitLabServer(url="https://gitlab.example.com", project=7)
IN_GITLAB = {"GITLAB_CI": "true", "CI_SERVER_URL": "https://gitlab.example.com", "CI_PROJECT_ID": "7"}

JENKINS = JenkinsServer(url="https://jenkins.example.com", job="folder/loans")
IN_JENKINS = {"JENKINS_URL": "https://jenkins.example.com/", "JOB_NAME": "folder/loans", "BUILD_NUMBER": "7"}


def found(env: dict[str, str], policy: ApprovalPolicy) -> str:
    return detect(env, policy, Path(), clock=lambda: datetime.now(UTC), say=print).name


@pytest.mark.parametrize(
    ("env", "policy", "name"),
    [
        ({}, ApprovalPolicy(), "local"),
        ({}, ApprovalPolicy(gitlab=SERVER), "local"),
        ({"GITLAB_CI": "false"}, ApprovalPolicy(gitlab=SERVER), "local"),
        (IN_GITLAB, ApprovalPolicy(gitlab=SERVER), "gitlab"),
        (IN_GITLAB, ApprovalPolicy(assurance="self-declared"), "local"),
        ({}, ApprovalPolicy(jenkins=JENKINS), "local"),
        ({"JENKINS_URL": "https://jenkins.example.com/"}, ApprovalPolicy(jenkins=JENKINS), "local"),
        (IN_JENKINS, ApprovalPolicy(jenkins=JENKINS), "jenkins"),
        (IN_JENKINS, ApprovalPolicy(gitlab=SERVER, assurance="self-declared"), "local"),
    ],
)
def test_the_adapter_is_the_systems(env: dict[str, str], policy: ApprovalPolicy, name: str) -> None:
    assert found(env, policy) == name


def test_gitlab_without_its_section_is_said_with_what_to_write() -> None:
    with pytest.raises(BadInput, match="does not say which GitLab vouches") as caught:
        found(IN_GITLAB, ApprovalPolicy())
    assert "policy.approval.gitlab: {url: https://gitlab.example.com, project: 7}" in caught.value.hint


def test_jenkins_without_its_section_is_said_with_what_to_write() -> None:
    with pytest.raises(BadInput, match="does not say which Jenkins vouches") as caught:
        found(IN_JENKINS, ApprovalPolicy())
    assert "policy.approval.jenkins: {url: https://jenkins.example.com, job: folder/loans}" in caught.value.hint


@pytest.mark.parametrize("four_eyes", [True, False])
def test_who_started_the_build_may_answer_only_where_the_policy_asks_for_no_four_eyes(four_eyes: bool) -> None:
    policy = ApprovalPolicy(jenkins=JENKINS, four_eyes=four_eyes)
    adapter = detect(IN_JENKINS, policy, Path(), clock=lambda: datetime.now(UTC), say=print)
    assert isinstance(adapter, Jenkins)
    assert adapter.four_eyes is four_eyes


@pytest.mark.parametrize("env", [{}, {"GITLAB_CI": "false", "CI_DEFAULT_BRANCH": "main"}])
def test_nothing_protects_a_branch_of_a_laptops_clone(env: dict[str, str]) -> None:
    assert policy_from(env) is None


@pytest.mark.parametrize("name", ["main", "release/1.0", "größe"])
def test_the_policy_is_at_gitlabs_default_branch_by_its_full_name(name: str) -> None:
    assert policy_from(IN_GITLAB | {"CI_DEFAULT_BRANCH": name}) == f"refs/remotes/origin/{name}"


@pytest.mark.parametrize(
    "more", [{}, {"CI_DEFAULT_BRANCH": ""}, {"CI_DEFAULT_BRANCH": "x:y"}, {"CI_DEFAULT_BRANCH": "a b"}]
)
def test_in_doubt_gitlabs_job_must_say_where_the_policy_is(more: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="nobody says where the policy that judges is read") as caught:
        policy_from(IN_GITLAB | more)
    assert "ML_RELEASE_POLICY_FROM=origin/main" in caught.value.hint


@pytest.mark.parametrize(
    ("more", "ref"),
    [
        ({"BRANCH_NAME": "PR-3", "CHANGE_TARGET": "main"}, "refs/remotes/origin/main"),
        ({"BRANCH_NAME": "main", "BRANCH_IS_PRIMARY": "true"}, "refs/remotes/origin/main"),
    ],
)
def test_a_multibranch_job_of_jenkins_says_which_branch_judges(more: dict[str, str], ref: str) -> None:
    assert policy_from(IN_JENKINS | more) == ref


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"BRANCH_NAME": "feature"},
        {"GIT_BRANCH": "origin/feature"},
        {"CHANGE_TARGET": "a b"},
        {"BRANCH_IS_PRIMARY": "true"},
    ],
)
def test_in_doubt_jenkins_job_must_say_where_the_policy_is(more: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="Jenkins: nobody says where the policy that judges is read") as caught:
        policy_from(IN_JENKINS | more)
    assert "ML_RELEASE_POLICY_FROM=origin/main" in caught.value.hint
