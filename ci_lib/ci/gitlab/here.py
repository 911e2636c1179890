"""Which job is this, and who started it? Asked of the server, in three ways, the best proof first.

(a) The ID token, signed by GitLab: it says who, in which job, pipeline and commit. It does not say the job's name, and
    any job may ask for one, so the job is looked up too, and must be the one that the token is about.
(b) The job token: ``GET /job`` answers with the job that the token was made for. A stolen token of another running job
    would name that job, whose pipeline and commit are not those of the records here.
(c) A read token and ``CI_JOB_ID``, which proves nothing: a variable can override it. So the job writes a random line
    into its own log, and reads the log of the job that it claims to be.

None of them: refused. An ID token that is there and does not hold is refused, whatever (b) and (c) would say.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ci_lib.ci.gitlab import idtoken
from ci_lib.ci.gitlab.client import TOKEN_HINT, Client, Denied, Json
from ci_lib.ci.gitlab.idtoken import Claims
from ci_lib.ci.gitlab.jobs import Played, played
from ci_lib.errors import Refused, Unavailable
from ci_lib.vouching import GitLabServer

Proof = Literal["ID token", "job token", "read token"]

ID_TOKEN = "ML_RELEASE_ID_TOKEN"  # noqa: S105 -- a variable's name
WAITS = 20
"""So often the log is read; a runner sends it every few seconds."""
PAUSE = 3.0
"""Seconds between."""


@dataclass(frozen=True, kw_only=True)
class Here:
    """This job, and how it is known."""

    job: Played
    proof: Proof
    claims: Claims | None = None


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What `identify` needs of the world."""

    server: GitLabServer
    env: Mapping[str, str]
    job_client: Client | None
    read_client: Client | None
    keys: Callable[[], Mapping[str, object]]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    nonce: Callable[[], str] = lambda: secrets.token_hex(16)


def identify(asking: Asking) -> Here:
    """Find out which job this is.

    Raises:
        Refused: nothing proves it, or what is there does not hold.
        Unavailable: GitLab does not answer.
    """
    token = asking.env.get(ID_TOKEN, "")
    if token:
        here = _by_id_token(asking, token)
    elif (job := _own_job(asking)) is not None:
        here = Here(job=job, proof="job token")
    else:
        here = Here(job=_by_log(asking), proof="read token")
    if here.job.project != asking.server.project:
        message = f"GitLab: this job is of project {here.job.project}, and release.yml names {asking.server.project}"
        raise Refused(message, "policy.approval.gitlab.project in release.yml")
    return here


def _by_id_token(asking: Asking, token: str) -> Here:
    claims = idtoken.verify(token, asking.keys, asking.server, asking.clock())
    job = _own_job(asking) or _looked_up(asking, claims.job)
    if job is None:
        message = "GitLab: the ID token does not say which job it is for, and no token may look it up"
        raise Refused(message, TOKEN_HINT)
    about = (claims.job, claims.pipeline, claims.user_id, claims.user, claims.sha)
    seen = (job.id, job.pipeline, job.user.id, job.user.username, job.sha)
    for what, said, is_ in zip(("job", "pipeline", "user number", "user", "commit"), about, seen, strict=True):
        if said != is_:
            message = f"GitLab: the ID token is about {what} {said}, and this is {what} {is_}"
            raise Refused(message, idtoken.HINT)
    return Here(job=job, proof="ID token", claims=claims)


def _own_job(asking: Asking) -> Played | None:
    """Return the job that the job token was made for; None where GitLab does not take it."""
    if asking.job_client is None:
        return None
    try:
        return played(asking.job_client.get("/job"))
    except Denied:
        return None


def _looked_up(asking: Asking, job: int) -> Played | None:
    if asking.read_client is None:
        return None
    try:
        return played(asking.read_client.get(f"/projects/{asking.server.project}/jobs/{job}"))
    except Denied:
        return None


def _by_log(asking: Asking) -> Played:
    claimed = asking.env.get("CI_JOB_ID", "")
    if asking.read_client is None or not (claimed.isascii() and claimed.isdigit()):
        message = "GitLab: nothing proves which job this is: no ID token, no job token that GitLab takes, no read token"
        raise Refused(message, TOKEN_HINT)
    job = _looked_up(asking, int(claimed))
    if job is None:
        message = f"GitLab: the read token may not see job {claimed}"
        raise Refused(message, TOKEN_HINT)
    sign = f"ml-release proves that this is job {claimed}: {asking.nonce()}"
    asking.say(sign)
    path = f"/projects/{asking.server.project}/jobs/{claimed}/trace"
    for _ in range(WAITS):
        if sign.encode() in asking.read_client.text(path):
            return job
        asking.sleep(PAUSE)
        asking.read_client.look_again()
    message = f"GitLab: CI_JOB_ID says {claimed}, and that job's log does not show what this job prints"
    raise Refused(message, "somebody overrides CI_JOB_ID; start the pipeline again, without variables")


COMPARED: Mapping[str, Callable[[Played, GitLabServer], object]] = {
    "CI_SERVER_URL": lambda _, server: server.url,
    "CI_PROJECT_ID": lambda job, _: job.project,
    "CI_PIPELINE_ID": lambda job, _: job.pipeline,
    "CI_JOB_ID": lambda job, _: job.id,
    "CI_JOB_NAME": lambda job, _: job.name,
    "CI_COMMIT_SHA": lambda job, _: job.sha,
    "GITLAB_USER_LOGIN": lambda job, _: job.user.username,
    "GITLAB_USER_ID": lambda job, _: job.user.id,
}
"""Variables that people and scripts read, and what the server says of the same. None of them is used for anything."""


def overridden(here: Here, server: GitLabServer, env: Mapping[str, str]) -> Iterator[str]:
    """Say which predefined variables are not what the server says: somebody overrides them."""
    for name, of in COMPARED.items():
        true = str(of(here.job, server))
        if name in env and env[name] != true:
            yield f"{name} is {env[name]!r} here, and GitLab says {true!r}"


def key_set(answer: object, url: str) -> Json:
    """Return a JSON Web Key Set.

    Raises:
        Unavailable: it is something else.
    """
    if isinstance(answer, dict):
        return answer
    message = f"GitLab: {url}/oauth/discovery/keys answered something else than keys"
    raise Unavailable(message, f"curl -sS {url}/oauth/discovery/keys")
