"""Which system runs this job, and where the policy is that says who may vouch for its approvers."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from ci_lib.ci.gitlab import branch as gitlab_branch
from ci_lib.ci.jenkins import branch as jenkins_branch
from ci_lib.ci.local import Local
from ci_lib.ci.port import CI
from ci_lib.config import ApprovalPolicy
from ci_lib.errors import BadInput


def policy_from(env: Mapping[str, str]) -> str | None:
    """Return where the policy that judges is read when the job does not say: its system's protected default branch.

    In the form of ``ML_RELEASE_POLICY_FROM``. None: nothing protects a branch of a laptop's clone. It is asked before
    there is an adapter, because the policy says which server to believe.

    Raises:
        BadInput: the system has such a branch, and does not say which.
    """
    if _in_gitlab(env):
        return gitlab_branch.policy_from(env)
    return jenkins_branch.policy_from(env) if _in_jenkins(env) else None


def _in_gitlab(env: Mapping[str, str]) -> bool:
    return env.get("GITLAB_CI") == "true"


def _in_jenkins(env: Mapping[str, str]) -> bool:
    """Say whether a build of Jenkins' runs this: people have ``JENKINS_URL`` in their terminals, too."""
    return all(env.get(name) for name in ("JENKINS_URL", "BUILD_NUMBER", "JOB_NAME"))


def detect(
    env: Mapping[str, str],
    policy: ApprovalPolicy,
    project: Path,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> CI:
    """Return the adapter of the system that runs this job; a laptop when it is none.

    What says that a system runs it (``GITLAB_CI``, ``JENKINS_URL``, …) can be set and unset by whoever starts the
    pipeline. Unset, nobody is vouched for: answers are self-declared, and a policy that asks for more refuses them. Set
    elsewhere, nothing proves the job to be that system's.

    Raises:
        BadInput: GitLab or Jenkins runs it, the policy wants approvers vouched for, and does not say by which server.
    """
    if _in_gitlab(env):
        found = _gitlab(env, policy, project, clock, say)
    elif _in_jenkins(env):
        found = _jenkins(env, policy, project, say)
    else:
        return Local(project, env)
    if found is None and policy.assurance == "ci-verified":
        name, hint = ("GitLab", _gitlab_hint(env)) if _in_gitlab(env) else ("Jenkins", _jenkins_hint(env))
        message = f"{name}: release.yml does not say which {name} vouches for its approvers"
        raise BadInput(message, f"{hint} in release.yml; or assurance: self-declared")
    return found or Local(project, env)


def _gitlab(
    env: Mapping[str, str],
    policy: ApprovalPolicy,
    project: Path,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> CI | None:
    if policy.gitlab is None:
        return None
    from ci_lib.ci.gitlab.adapter import GitLab  # noqa: PLC0415 -- nobody else pays for it

    return GitLab(server=policy.gitlab, project=project, env=env, clock=clock, say=say, sleep=time.sleep)


def _jenkins(env: Mapping[str, str], policy: ApprovalPolicy, project: Path, say: Callable[[str], None]) -> CI | None:
    if policy.jenkins is None:
        return None
    from ci_lib.ci.jenkins.adapter import Jenkins  # noqa: PLC0415 -- nobody else pays for it

    return Jenkins(
        server=policy.jenkins, project=project, env=env, say=say, sleep=time.sleep, four_eyes=policy.four_eyes
    )


def _gitlab_hint(env: Mapping[str, str]) -> str:
    url, project = env.get("CI_SERVER_URL", "https://gitlab.example.com"), env.get("CI_PROJECT_ID", "NUMBER")
    return f"policy.approval.gitlab: {{url: {url}, project: {project}}}"


def _jenkins_hint(env: Mapping[str, str]) -> str:
    return f"policy.approval.jenkins: {{url: {env['JENKINS_URL'].rstrip('/')}, job: {env['JOB_NAME']}}}"
