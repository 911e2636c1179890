"""`ml-release trigger deploy|rollback`: have the CI server do it, and follow the log from a terminal.

On GitLab, ``deploy`` plays (or runs again) the deploy job of a pipeline whose gate was played, and ``rollback`` plays
the rollback job of a pipeline, or starts a pipeline for it. On Jenkins both start a build of the release job
(`ci_lib.ci.jenkins.trigger`). The reason reaches the job, and the ledger.
"""

import time
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ci_lib.ci.own import own_token
from ci_lib.console import Console
from ci_lib.errors import BadInput
from ci_lib.vouching import GitLabServer, JenkinsServer

if TYPE_CHECKING:
    from ci_lib.ci.gitlab.remote import Remote

URL, JENKINS_URL = "ML_RELEASE_GITLAB_URL", "ML_RELEASE_JENKINS_URL"


def main(args: Namespace, env: Mapping[str, str], console: Console) -> int:
    """Start a job and follow it; its exit code is ours.

    Raises:
        BadInput: no token, no such pipeline or job, no reason.
        Refused: the server does not let this person.
        Unavailable: the server does not answer, or the job did not end as a job of ours.
    """
    reason = (args.reason or "").strip()
    if args.action == "rollback" and not reason:
        message = "a rollback needs a reason: the ledger keeps it"
        raise BadInput(message, 'ml-release trigger rollback --reason "what went wrong"')
    server = settings(args, env)
    if isinstance(server, JenkinsServer):
        from ci_lib.ci.jenkins import trigger  # noqa: PLC0415 -- other commands do not pay for it

        return trigger.main(args, env, console, server, reason)
    return _on_gitlab(args, env, console, server, reason)


def _on_gitlab(args: Namespace, env: Mapping[str, str], console: Console, server: GitLabServer, reason: str) -> int:
    words = {"ML_RELEASE_REASON": reason} if reason else {}
    if args.to is not None:
        words["ML_RELEASE_TO"] = str(args.to)
    if args.environment:
        words["ML_RELEASE_ENVIRONMENT"] = args.environment
    remote = _remote(args, env, console, server, words)
    job = remote.ready(args.job or args.action)
    console.say(f"{job.name} of pipeline {remote.pipeline}: {job.url}")
    if job.status in {"manual", "success", "failed", "canceled"}:
        job = remote.play(job, words)
    return remote.follow(job)


def _remote(
    args: Namespace, env: Mapping[str, str], console: Console, server: GitLabServer, words: Mapping[str, str]
) -> "Remote":
    from ci_lib.ci.gitlab import remote  # noqa: PLC0415 -- other commands do not pay for it

    token = own_token(args.token_file, env, "GitLab", remote.TOKEN_HINT)
    if args.pipeline:
        return remote.open_remote(args.pipeline, server.url, token, env=env, say=console.say, sleep=time.sleep)
    if args.action == "deploy":
        message = "deploy goes on from a gate: which pipeline's?"
        raise BadInput(message, "ml-release trigger deploy --pipeline URL")
    variables = {"ML_RELEASE_ACTION": args.action, **words}
    project = str(server.project)
    return remote.create(project, args.ref, variables, server.url, token, env=env, say=console.say, sleep=time.sleep)


def settings(args: Namespace, env: Mapping[str, str]) -> GitLabServer | JenkinsServer:
    """Return which server a token may be sent to: release.yml's, else the one in the environment.

    Raises:
        BadInput: neither names one.
    """
    if args.config.exists():
        from ci_lib import configuration  # noqa: PLC0415 -- other commands do not pay for it
        from ci_lib.ci.detect import policy_from  # noqa: PLC0415 -- other commands do not pay for it

        policy = configuration.read(args, env, lambda: policy_from(env)).config.policy.approval
        if found := policy.gitlab or policy.jenkins:
            return found
    if env.get(URL) and args.pipeline:
        return GitLabServer(url=env[URL].rstrip("/"), project=1)
    build, job = getattr(args, "build", None), getattr(args, "job", None)
    if env.get(JENKINS_URL) and (build or job):
        return JenkinsServer(url=env[JENKINS_URL].rstrip("/"), job=job or "any")  # the build's address names its job
    raise _unnamed(gitlab=bool(args.pipeline), jenkins=bool(build))


def _unnamed(*, gitlab: bool, jenkins: bool) -> BadInput:
    if gitlab:
        message = "which GitLab is your token for? release.yml does not say"
        return BadInput(message, f"policy.approval.gitlab in release.yml, or export {URL}=https://…")
    if jenkins:
        message = "which Jenkins is your token for? release.yml does not say"
        return BadInput(message, f"policy.approval.jenkins in release.yml, or export {JENKINS_URL}=https://…")
    message = "which GitLab or Jenkins is your token for? release.yml does not say"
    either = f"export {URL}=https://… and give --pipeline, or {JENKINS_URL} and --job"
    return BadInput(message, f"policy.approval.gitlab or .jenkins in release.yml; or {either}")


def gitlab_of(args: Namespace, env: Mapping[str, str]) -> GitLabServer:
    """Return the GitLab of `settings`.

    Raises:
        BadInput: it is a Jenkins, or neither is named.
    """
    found = settings(args, env)
    if isinstance(found, JenkinsServer):
        message = "--pipeline is GitLab's, and release.yml names a Jenkins"
        raise BadInput(message, f"ml-release approve --build {found.url}/job/…/NUMBER/")
    return found


def jenkins_of(args: Namespace, env: Mapping[str, str]) -> JenkinsServer:
    """Return the Jenkins of `settings`.

    Raises:
        BadInput: it is a GitLab, or neither is named.
    """
    found = settings(args, env)
    if isinstance(found, GitLabServer):
        message = "--build is Jenkins', and release.yml names a GitLab"
        raise BadInput(message, f"ml-release approve --pipeline {found.url}/GROUP/PROJECT/-/pipelines/NUMBER")
    return found
