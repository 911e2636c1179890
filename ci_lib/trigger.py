"""`ml-release trigger deploy|rollback`: have the CI server do it, and follow the job's log from a terminal.

``deploy`` plays (or runs again) the deploy job of a pipeline whose gate was played. ``rollback`` plays the rollback job
of a pipeline, or starts a pipeline for it; the reason reaches the job as ``ML_RELEASE_REASON``.
"""

import time
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ci_lib.console import Console
from ci_lib.errors import BadInput
from ci_lib.vouching import GitLabServer

if TYPE_CHECKING:
    from ci_lib.ci.gitlab.remote import Remote

URL = "ML_RELEASE_GITLAB_URL"


def main(args: Namespace, env: Mapping[str, str], console: Console) -> int:
    """Play a job and follow it; its exit code is ours.

    Raises:
        BadInput: no token, no such pipeline or job, no reason.
        Refused: GitLab does not let this person.
        Unavailable: GitLab does not answer, or the job did not end as a job of ours.
    """
    reason = (args.reason or "").strip()
    if args.action == "rollback" and not reason:
        message = "a rollback needs a reason: the ledger keeps it"
        raise BadInput(message, 'ml-release trigger rollback --reason "what went wrong"')
    words = {"ML_RELEASE_REASON": reason} if reason else {}
    if args.to is not None:
        words["ML_RELEASE_TO"] = str(args.to)
    if args.environment:
        words["ML_RELEASE_ENVIRONMENT"] = args.environment
    remote = _remote(args, env, console, words)
    job = remote.ready(args.job or args.action)
    console.say(f"{job.name} of pipeline {remote.pipeline}: {job.url}")
    if job.status in {"manual", "success", "failed", "canceled"}:
        job = remote.play(job, words)
    return remote.follow(job)


def _remote(args: Namespace, env: Mapping[str, str], console: Console, words: Mapping[str, str]) -> "Remote":
    from ci_lib.ci.gitlab import remote  # noqa: PLC0415 -- other commands do not pay for it

    server, token = settings(args, env), remote.own_token(args.token_file, env)
    if args.pipeline:
        return remote.open_remote(args.pipeline, server.url, token, env=env, say=console.say, sleep=time.sleep)
    if args.action == "deploy":
        message = "deploy goes on from a gate: which pipeline's?"
        raise BadInput(message, "ml-release trigger deploy --pipeline URL")
    variables = {"ML_RELEASE_ACTION": args.action, **words}
    project = str(server.project)
    return remote.create(project, args.ref, variables, server.url, token, env=env, say=console.say, sleep=time.sleep)


def settings(args: Namespace, env: Mapping[str, str]) -> GitLabServer:
    """Return which GitLab a token may be sent to: release.yml's, else the one in the environment.

    Raises:
        BadInput: neither names one.
    """
    if args.config.exists():
        from ci_lib import configuration  # noqa: PLC0415 -- other commands do not pay for it
        from ci_lib.ci.detect import policy_from  # noqa: PLC0415 -- other commands do not pay for it

        found = configuration.read(args, env, lambda: policy_from(env)).config.policy.approval.gitlab
        if found is not None:
            return found
    if env.get(URL) and args.pipeline:
        return GitLabServer(url=env[URL].rstrip("/"), project=1)
    message = "which GitLab is your token for? release.yml does not say"
    raise BadInput(message, f"policy.approval.gitlab in release.yml, or export {URL}=https://… and give --pipeline")
