"""GitLab as the CI port: each question answered by the server, or refused."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from ci_lib.announcement import Announcement
from ci_lib.answer import Said
from ci_lib.approval import Approval, Assurance
from ci_lib.candidate import Person
from ci_lib.ci.gitlab import announce as announcing
from ci_lib.ci.gitlab import gates, here, people, typed
from ci_lib.ci.gitlab.client import TOKEN_HINT, Client, Denied, Kind, Reader, client, open_transport
from ci_lib.ci.gitlab.here import Asking, Here
from ci_lib.ci.local import commit_authors
from ci_lib.errors import Refused, ReleaseError, Unavailable
from ci_lib.http import Transport
from ci_lib.vouching import GitLabServer

JOB_TOKEN, READ_TOKEN = "CI_JOB_TOKEN", "ML_RELEASE_GITLAB_TOKEN"
OTHER = "somebody else plays the gate: a listed approver who neither wrote nor started this"


@dataclass(frozen=True, kw_only=True)
class GitLab:
    """A job of a GitLab pipeline."""

    server: GitLabServer
    project: Path
    env: Mapping[str, str]
    clock: Callable[[], datetime]
    say: Callable[[str], None]
    sleep: Callable[[float], None]

    _known: dict[tuple[str | None, str | None], tuple[Person, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Authors, asked once a job: every answer that lies here is held against them."""

    name = "gitlab"
    assurance: Assurance = "ci-verified"

    def pipeline(self) -> str:
        """Return the pipeline's address, from the server; where it does not answer, as the variables have it."""
        try:
            return self.here.job.pipeline_url
        except (Refused, Unavailable):  # a rollback goes on without GitLab
            return self.env.get("CI_PIPELINE_URL") or f"{self.server.url}, pipeline {self.env.get('CI_PIPELINE_ID')}"

    def job(self) -> str:
        """Return the job's address."""
        return self.here.job.url

    def makers(self) -> Sequence[Person]:
        """Return who runs this job, and who wrote the commit that is checked out."""
        return tuple(dict.fromkeys([*commit_authors(self.project), self.actor()]))

    def actor(self) -> Person:
        """Return who runs this job; where GitLab does not say, who the variables say, and that nobody checked it."""
        try:
            found = self.here
        except (Refused, Unavailable):
            return Person(id=self.env.get("GITLAB_USER_LOGIN") or "unknown", known_from="gitlab variable, unverified")
        return Person(id=found.job.user.username, known_from=f"gitlab, {found.proof}")

    def authors(self, since: str | None = None, until: str | None = None) -> Sequence[Person]:
        """Return who wrote the range, who opened its merge requests, and who started the pipeline.

        Before the first release the range is the whole history, unless the policy names where to begin. The user name
        of whoever runs this job is among them when they are one of these by another name.

        Raises:
            Refused: the candidate is from another commit than this pipeline, or GitLab does not say who wrote it.
        """
        if (since, until) not in self._known:
            self._known[since, until] = self._authors(since, until)
        return self._known[since, until]

    def _authors(self, since: str | None, until: str | None) -> tuple[Person, ...]:
        job = self.here.job
        if until != job.sha:
            message = f"GitLab: the candidate was trained from commit {until}, and this pipeline is about {job.sha}"
            raise Refused(message, "were artifacts of another pipeline put here? start a new pipeline")
        written = people.History(self.server, self.reader, self.project).people(since, job.sha)
        started = [
            Person(id=user.username, known_from="gitlab, started the pipeline")
            for user in people.starters(job, self.server, self.reader)
        ]
        found = [*written, *started]
        same = people.known_as(job.user, self._mail(), found)
        if same is not None:
            # In the form of git's identities, so that both names are seen, and found again when somebody compares.
            other = re.sub("[<>]", "", same.id)
            found.append(Person(id=f"{job.user.username} <{other}>", known_from="gitlab"))
        return tuple(dict.fromkeys(found))

    def approver(self, claimed: str | None) -> Person:
        """Return who played this gate.

        Raises:
            Refused: this is no gate, or no person played it who could be held to it.
        """
        found = self.here
        self._check_gate(found)
        self._check_player(found)
        account = found.job.user
        if claimed is not None and claimed.casefold() != account.username.casefold():
            message = f"GitLab: {account.username!r} played this gate, not {claimed!r}"
            raise Refused(message, "leave --as out: GitLab knows")
        return Person(id=account.username, known_from=f"gitlab, {found.proof}")

    def _check_gate(self, found: Here) -> None:
        job = found.job
        # (1) This job is a gate of the policy,
        if job.name not in {*self.server.gates, self.server.reject}:
            message = f"GitLab: this is the job {job.name!r}; the policy's gates are {', '.join(self.server.gates)}"
            raise Refused(message, "policy.approval.gitlab.gates in release.yml")
        # (2) it runs now,
        if not job.started or job.status != "running":
            message = f"GitLab: job {job.id} is {job.status}; only who plays a gate is its approver, while it runs"
            raise Refused(message, "play the gate in GitLab")
        # (3) on a protected branch or tag, where GitLab says so,
        if found.claims is not None and not found.claims.ref_protected:
            message = f"GitLab: {job.ref!r} is not protected: who may push there may also change what the gate runs"
            raise Refused(message, "protect the branch in GitLab: Settings, Repository, Protected branches")
        # (4) and nobody overrides what people read about it.
        for sentence in here.overridden(found, self.server, self.env):
            message = f"GitLab: a variable overrides a predefined one: {sentence}"
            raise Refused(message, "start the pipeline again, without variables; forbid them in Settings, CI/CD")

    def _check_player(self, found: Here) -> None:
        account = found.job.user
        # (5) A person played it,
        if people.is_bot(account):
            message = f"GitLab: {account.username!r} is a bot, and a bot approves nothing"
            raise Refused(message, "a person plays the gate")
        # (6) whose account is in use,
        if not account.active:
            message = f"GitLab: the account {account.username!r} is not active"
            raise Refused(message, OTHER)
        # (7) and who did not start the pipeline: GitLab cannot tell their click from a gate that ran by itself.
        if account.id in {user.id for user in people.starters(found.job, self.server, self.reader)}:
            message = (
                f"GitLab: {account.username!r} started this pipeline, and GitLab cannot tell a gate that they played "
                "from one that ran by itself"
            )
            raise Refused(message, OTHER)

    def said(self) -> Said:
        """Return what was typed as variables or inputs when the gate was played.

        Raises:
            BadInput: the decision is none, or the day no day.
        """
        return typed.said(self.env, self.here.job.name, self.server)

    def announce(self, about: Announcement) -> Sequence[str]:
        """Write links for the job's page; post note and commit status where there is a token for them."""
        try:
            job = self.here.job
            where = announcing.links(about, job, Path(self.env.get("CI_PROJECT_DIR") or self.project))
            announcing.write(about, where)
            note = self._client("note token", announcing.TOKEN)
            if note is None:
                return [f"GitLab: no note and no commit status without {announcing.TOKEN}"]
            return announcing.post(about, where, job, self.server, note)
        except ReleaseError as error:
            return [f"GitLab: nothing is announced: {error.what}"]

    def gates(self) -> Sequence[str]:
        """Return how the gate's jobs stand; why not, when GitLab does not say."""
        try:
            job = self.here.job
            found = gates.newest(people.pipeline_jobs(job.pipeline, self.server, self.reader))
        except (Refused, Unavailable) as error:
            return [f"unknown: {error.what}"]
        return [gates.words(found[name]) for name in (*self.server.gates, self.server.reject) if name in found]

    def confirm(self, approvals: Sequence[Approval], approvers: Collection[str]) -> None:
        """Hold the answers against what GitLab knows of the gates now.

        Raises:
            Refused: one no longer counts, or somebody rejected; or no token may read the pipeline's jobs.
        """
        self._transport.deadline.restart()  # copying a model may have taken longer
        job = self.here.job
        jobs = people.pipeline_jobs(job.pipeline, self.server, self.reader)
        gates.confirm(approvals, jobs, pipeline=job.pipeline_url, server=self.server, approvers=approvers)

    def archive(self, name: str) -> bytes:
        """Return the artifacts of another job of this pipeline, the newest of its name.

        Raises:
            Refused: there is none, it did not succeed, or no token may read its artifacts.
        """
        pipeline = self.here.job.pipeline
        found = gates.newest(people.pipeline_jobs(pipeline, self.server, self.reader)).get(name)
        if found is None:
            message = f"GitLab: pipeline {pipeline} has no job {name!r}"
            raise Refused(message, "--records in the script names the job that reports")
        if found.status != "success":
            message = f"GitLab: the job {name!r} is {found.status}, so its records do not count: {found.url}"
            raise Refused(message, "wait for it, or retry it; then play this job again")
        return self.reader.archive(self.server.project, found.id, f"the artifacts of {name!r}, {found.url}")

    @cached_property
    def here(self) -> Here:
        """This job, as the server knows it; asked once."""
        return here.identify(
            Asking(
                server=self.server,
                env=self.env,
                job_client=self._client("job token", JOB_TOKEN),
                read_client=self._client("read token", READ_TOKEN),
                keys=self._keys,
                clock=self.clock,
                say=self.say,
                sleep=self.sleep,
            )
        )

    @cached_property
    def reader(self) -> Reader:
        """Whatever of the two tokens may read."""
        found = (self._client("job token", JOB_TOKEN), self._client("read token", READ_TOKEN))
        return Reader(self.server.url, [each for each in found if each is not None])

    def _client(self, kind: Kind, variable: str) -> Client | None:
        token = self.env.get(variable)
        return client(self._transport, kind, token) if token else None

    @cached_property
    def _transport(self) -> Transport:
        return open_transport(self.server.url, self.env, self.sleep, TOKEN_HINT)

    def _keys(self) -> Mapping[str, object]:
        """Return the server's keys. They are public: no token is sent."""
        anonymous = client(self._transport, "read token", None)
        try:
            return here.key_set(anonymous.get(f"{self.server.url}/oauth/discovery/keys"), self.server.url)
        except Denied as error:
            message = f"GitLab: {self.server.url} shows no keys ({error.status}): no ID token can be verified"
            raise Unavailable(message, f"curl -sS {self.server.url}/oauth/discovery/keys") from error

    def _mail(self) -> str:
        return self.here.claims.email if self.here.claims else ""
