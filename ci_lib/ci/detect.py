"""Which system runs this job, and where the policy is that says who may vouch for its approvers."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from ci_lib.ci.gitlab import branch
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
    return branch.policy_from(env) if _in_gitlab(env) else None


def _in_gitlab(env: Mapping[str, str]) -> bool:
    return env.get("GITLAB_CI") == "true"


def detect(
    env: Mapping[str, str],
    policy: ApprovalPolicy,
    project: Path,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> CI:
    """Return the adapter of the system that runs this job; a laptop when it is none.

    ``GITLAB_CI`` can be set and unset by whoever starts the pipeline. Unset, nobody is vouched for: answers are
    self-declared, and a policy that asks for more refuses them. Set elsewhere, nothing proves the job to be GitLab's.

    Raises:
        BadInput: GitLab runs it, the policy wants approvers vouched for, and does not say by which GitLab.
    """
    if not _in_gitlab(env):
        return Local(project, env)
    if policy.gitlab is None:
        if policy.assurance == "ci-verified":
            message = "GitLab: release.yml does not say which GitLab vouches for its approvers"
            raise BadInput(message, _hint(env))
        return Local(project, env)
    from ci_lib.ci.gitlab.adapter import GitLab  # noqa: PLC0415 -- nobody else pays for it

    return GitLab(server=policy.gitlab, project=project, env=env, clock=clock, say=say, sleep=time.sleep)


def _hint(env: Mapping[str, str]) -> str:
    url, project = env.get("CI_SERVER_URL", "https://gitlab.example.com"), env.get("CI_PROJECT_ID", "NUMBER")
    return f"policy.approval.gitlab: {{url: {url}, project: {project}}} in release.yml; or assurance: self-declared"
