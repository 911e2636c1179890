"""GitLab from somebody's terminal, with their own token: look at a pipeline, play one of its jobs, follow it.

A token is sent only to the GitLab that release.yml names (or ``ML_RELEASE_GITLAB_URL`` where there is no release.yml),
never to wherever a pasted address points.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from ci_lib.ci.gitlab import saying
from ci_lib.ci.gitlab.client import Client, Denied, Json, Misused, client, open_transport
from ci_lib.ci.gitlab.jobs import Played, User, played, user
from ci_lib.ci.own import OWN_TOKEN
from ci_lib.errors import BadInput, Exit, Refused, Unavailable

TOKEN_HINT = f"make a personal access token with the scope api in GitLab; --token-file FILE, or export {OWN_TOKEN}"
ADDRESS = re.compile(r"/(?P<project>[^?#]+?)/-/pipelines/(?P<pipeline>[0-9]+)/?")
EXITED = re.compile(rb"Job failed: (?:command terminated with )?exit (?:code|status) ([0-9]+)")
"""The runner's last line; the API does not tell a job's exit code."""
OVER = frozenset({"success", "failed", "canceled", "skipped"})
AGAIN = OVER - {"skipped"}
"""In these states a job can run again."""
UNPLAYABLE = "Unplayable"
MOVING = frozenset({"created", "waiting_for_resource", "preparing", "pending", "running", "scheduled"})
"""In these states of a pipeline a job that is created may still come to its turn."""
PAUSE = 3.0
"""Seconds between two looks at a job."""
LOOKS = 2_400
"""Two hours; then it goes on without us."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """One pipeline, seen with somebody's token."""

    url: str
    client: Client
    project: str
    """Number or path, ready for an address."""
    pipeline: int
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    looks: int = LOOKS

    def me(self) -> User:
        """Return whose token it is."""
        return user(self.client.get("/user"))

    def jobs(self) -> tuple[Played, ...]:
        """Return the newest job of each name."""
        path = f"/projects/{self.project}/pipelines/{self.pipeline}/jobs"
        return tuple(played(raw) for raw in self.client.every(path))

    def job(self, name: str) -> Played:
        """Return a job by its name.

        Raises:
            BadInput: there is none.
        """
        found = {job.name: job for job in self.jobs()}
        if name not in found:
            message = f"GitLab: pipeline {self.pipeline} has no job {name!r}"
            raise BadInput(message, f"it has: {', '.join(sorted(found)) or 'none'}")
        return found[name]

    def ready(self, name: str) -> Played:
        """Return a job by its name, once it is more than created: GitLab moves jobs on after it has answered.

        Raises:
            BadInput: there is none.
            Refused: a gate is in its way.
            Unavailable: what it waits for did not end in two hours.
        """
        for _ in range(self.looks):
            job = self.job(name)
            if job.status != "created":
                return job
            state = str(self.client.get(f"/projects/{self.project}/pipelines/{self.pipeline}").get("status"))
            if state not in MOVING:
                message = f"GitLab: {name!r} waits for other jobs, and pipeline {self.pipeline} is {state}"
                raise Refused(message, f"play its gate first: {job.pipeline_url}")
            self.sleep(PAUSE)
            self.client.look_again()
        message = f"GitLab: {name!r} has waited for other jobs for two hours"
        raise Unavailable(message, f"look at the pipeline: {job.pipeline_url}")

    def artifact(self, job: Played, path: str) -> bytes | None:
        """Return a file of a job's artifacts, or None."""
        try:
            return self.client.text(f"/projects/{self.project}/jobs/{job.id}/artifacts/{quote(path)}")
        except Denied:
            return None

    def inputs(self) -> bool:
        """Say whether the server takes words as inputs of a job."""
        return saying.takes(self.client, saying.OF_JOBS)

    def play(self, job: Played, words: Mapping[str, str]) -> Played:
        """Play a job with words: as inputs where the job has them, else as variables.

        One that is over runs again, as a job of its own: GitLab's answer to playing it is still the old one
        (``lib/api/ci/jobs.rb``).

        Raises:
            Refused: GitLab does not let this person, or does not let them say anything with it.
        """
        try:
            if job.status not in AGAIN:
                return self._play(job, words)
            self._again(job, words)
            return self.job(job.name)
        except Misused as error:
            message = f"GitLab: {job.name!r} (job {job.id}) cannot be played: {error.said}"
            raise Refused(message, f"it is {job.status}: {job.url}") from error
        except Denied as error:
            said = " with variables" if words else ""
            message = f"GitLab: you may not play {job.name!r}{said} ({error.status})"
            hint = "is your role Developer, may you push to the branch, and may you use pipeline variables?"
            raise Refused(message, hint) from error

    def _again(self, job: Played, words: Mapping[str, str]) -> None:
        """Run a job again that is over: only a manual one can be played, with words; another is retried, without.

        The API does not say which it is (``Ci::Build#playable?``: "Unplayable Job" for one that is not manual).
        """
        try:
            self._play(job, words)
        except Misused as error:
            if UNPLAYABLE not in error.said or words:
                raise
            self.client.post(f"/projects/{self.project}/jobs/{job.id}/retry", {})

    def _play(self, job: Played, words: Mapping[str, str]) -> Played:
        path = f"/projects/{self.project}/jobs/{job.id}/play"
        if words and self.inputs():
            try:
                return played(self.client.post(path, {"job_inputs": saying.inputs(words)}))
            except Misused as error:
                if "input" not in error.said:
                    raise
        return played(self.client.post(path, {"job_variables_attributes": saying.variables(words)} if words else {}))

    def follow(self, job: Played) -> int:
        """Print a job's log until it is over, and return its exit code.

        Raises:
            Unavailable: it was canceled, never ended, or failed without an exit code of ours.
        """
        path, shown = f"/projects/{self.project}/jobs/{job.id}", 0
        for _ in range(self.looks):
            state = str(self.client.get(path).get("status"))
            log = self.client.text(f"{path}/trace")
            whole = len(log) if state in OVER else log.rfind(b"\n") + 1
            if whole > shown:
                self.say(log[shown:whole].decode(errors="replace").rstrip("\n"))
                shown = whole
            if state in OVER:
                return _result(job, state, log)
            self.sleep(PAUSE)
            self.client.look_again()
        message = f"GitLab: job {job.id} has not ended in two hours"
        raise Unavailable(message, job.url)


def _result(job: Played, state: str, log: bytes) -> int:
    if state == "success":
        return Exit.DONE
    found = EXITED.findall(log)
    codes = {int(code) for code in Exit}
    if state == "failed" and found and int(found[-1]) in codes - {Exit.DONE}:
        return int(found[-1])
    message = f"GitLab: job {job.name!r} ({job.id}) is {state}"
    raise Unavailable(message, job.url)


def open_remote(
    address: str, url: str, token: str, *, env: Mapping[str, str], say: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Remote:  # fmt: skip
    """Open a pipeline by the address that the browser shows.

    Raises:
        BadInput: it is no pipeline's address, not on this GitLab, or there is no such pipeline for this token.
    """
    match = ADDRESS.fullmatch(address.removeprefix(url)) if address.startswith(url + "/") else None
    if match is None:
        message = f"{address!r} is no address of a pipeline at {url}"
        raise BadInput(message, f"{url}/GROUP/PROJECT/-/pipelines/NUMBER, as the browser shows it")
    found = client(open_transport(url, env, sleep, TOKEN_HINT), "reviewer's token", token)
    project, pipeline = quote(unquote(match["project"]), safe=""), int(match["pipeline"])
    try:
        raw = found.get(f"/projects/{project}/pipelines/{pipeline}")
    except Denied as error:
        raise _denied(error, address) from error
    return Remote(url=url, client=found, project=project, pipeline=pipeline, say=say, sleep=sleep, raw=raw)


def create(
    project: str, ref: str, variables: Mapping[str, str], url: str, token: str, *, env: Mapping[str, str],
    say: Callable[[str], None], sleep: Callable[[float], None],
) -> Remote:  # fmt: skip
    """Start a pipeline with words: as inputs of its file where it asks for them, else as variables.

    Raises:
        BadInput: there is no such project or branch for this token.
        Refused: GitLab does not let this person.
    """
    found = client(open_transport(url, env, sleep, TOKEN_HINT), "reviewer's token", token)
    named = quote(project, safe="")
    try:
        raw = _start(found, f"/projects/{named}/pipeline", ref, variables)
    except Denied as error:
        raise _denied(error, f"{url}/{project}") from error
    except Misused as error:
        message = f"GitLab: no pipeline on {ref!r}: {error.said}"
        raise Refused(message, "may you push to that branch, and use pipeline variables?") from error
    return Remote(url=url, client=found, project=named, pipeline=int(raw["id"]), say=say, sleep=sleep, raw=raw)


def _start(found: Client, path: str, ref: str, words: Mapping[str, str]) -> Json:
    """Start it; with inputs first, which everybody may give who may start it: variables only some may set."""
    if words and saying.takes(found, saying.OF_PIPELINES):
        try:
            return found.post(path, {"ref": ref, "inputs": saying.inputs(words)})
        except Misused as error:
            if "input" not in error.said:
                raise
    return found.post(path, {"ref": ref, "variables": saying.variables(words)})


def _denied(error: Denied, where: str) -> BadInput:
    if error.status == 401:  # noqa: PLR2004 -- HTTP's own number
        return BadInput("GitLab: it does not know the token: expired, revoked or mistyped", TOKEN_HINT)
    if error.status == 403:  # noqa: PLR2004 -- HTTP's own number
        return BadInput(f"{error.said}: its scope or your role is too small", TOKEN_HINT)
    return BadInput(f"GitLab: there is no {where}, or not for this token", "look at the address in the browser")
