"""`ml-release trigger rollback|deploy` on Jenkins: start a build of the release job, and follow it.

``rollback`` is the job's own action of that name. ``deploy`` starts a release, which goes as far as its gate: on
Jenkins nothing is deployed but in the build that was approved.
"""

import time
from argparse import Namespace
from collections.abc import Mapping

from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.client import Client, Denied, Missing, Misused, job_path
from ci_lib.ci.jenkins.follow import Follower, ending
from ci_lib.ci.jenkins.remote import TOKEN_HINT, denied, sign_in
from ci_lib.ci.own import own_token
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused, Unavailable
from ci_lib.vouching import JenkinsServer

ACTIONS = {"rollback": "rollback", "deploy": "release"}
"""What we call it -> the job's choice."""


def main(args: Namespace, env: Mapping[str, str], console: Console, server: JenkinsServer, reason: str) -> int:
    """Start a build and follow it; its exit code is ours.

    Raises:
        BadInput: no token, no such job, or the job does not ask for what has to be said.
        Refused: Jenkins does not let this person.
        Unavailable: Jenkins does not answer, or the build did not end as one of ours.
    """
    if args.pipeline:
        message = "--pipeline is GitLab's, and release.yml names a Jenkins"
        raise BadInput(message, f"ml-release trigger {args.action} --job {args.job or server.job}")
    token = own_token(args.token_file, env, "Jenkins", TOKEN_HINT)
    client, user = sign_in(server.url, token, env=env, sleep=time.sleep)
    job = args.job or server.job
    given = {
        "ACTION": ACTIONS[args.action], "REASON": reason, "TO": "" if args.to is None else str(args.to),
        "ENVIRONMENT": args.environment or "",
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value}
    check_declared(client, job, given)
    location = start(client, job, given)
    follower = Follower(client=client, say=console.say, sleep=time.sleep)
    console.say(f"{given['ACTION']} by {user} is in the queue of {job}")
    number = follower.queued(location, job)
    console.say(f"build {number}: {server.url}/{job_path(job)}{number}/")
    return _followed(follower, job, number, server)


def check_declared(client: Client, job: str, given: Mapping[str, str]) -> None:
    """Refuse a job that does not ask for what has to be said.

    Jenkins drops parameters that a job does not declare, without a word (SECURITY-170), and a Pipeline declares them
    only once it ran: a rollback would start a release.

    Raises:
        BadInput: there is no such job for this token, or it does not declare one of them.
    """
    try:
        raw = client.get(job_path(job), "buildable,property[parameterDefinitions[name,choices]]")
    except (Denied, Missing) as error:
        raise denied(error, f"{client.url}/{job_path(job)}") from error
    definitions = [each.get("parameterDefinitions") or () for each in raw.get("property") or () if each]
    declared = {field.name: field for each in definitions for field in map(builds.field, each)}
    for name, value in given.items():
        if name not in declared:
            message = f"Jenkins: {job} has no parameter {name}, and would not be told {value!r}"
            raise BadInput(message, "has the job run once? mlRelease(…) in its Jenkinsfile declares ACTION, TO, REASON")
        if declared[name].choices and value not in declared[name].choices:
            message = f"Jenkins: {job} does not offer {value!r} as {name}"
            raise BadInput(message, f"it offers {', '.join(declared[name].choices)}")


def start(client: Client, job: str, given: Mapping[str, str]) -> str:
    """Put a build into the queue, parameters in the form, not in the address; return where it is there.

    Raises:
        Refused: Jenkins does not let this person, or builds nothing now.
    """
    try:
        return client.post(f"{job_path(job)}buildWithParameters", given)
    except Denied as error:
        message = f"Jenkins: you may not build {job}: {error.said}"
        raise Refused(message, "ask for Job/Build on it") from error
    except Misused as error:
        message = f"Jenkins: {job} cannot be built now ({error.said})"
        raise Refused(message, f"is it disabled? {client.url}/{job_path(job)}") from error
    except Missing as error:
        raise denied(error, f"{client.url}/{job_path(job)}") from error


def _followed(follower: Follower, job: str, number: int, server: JenkinsServer) -> int:
    build, log = follower.to_the_end(job, number, server.input)
    address = f"{server.url}/{build.path}"
    if build.building:
        follower.say(f"the gate waits for an answer\n  next: ml-release approve --build {address}")
        return Exit.NO_APPROVAL
    found = ending(build, log)
    if found.code is None:
        message = f"Jenkins: {found.sentence}"
        raise Unavailable(message, address)
    follower.say(found.sentence)
    return found.code
