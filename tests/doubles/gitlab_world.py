"""What a GitLab server knows: people, projects, pipelines, jobs. `doubles.gitlab` serves it over HTTP.

No GitLab runs here. Each behaviour names the line of the notes on GitLab's source and documentation that it rests on
("section 4, play"): the notes were read from GitLab 17.x to 18.10.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from doubles import gitlab_flow as flow

GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 10, 20, 30, 40, 50
NO_ONE = 99
"""``no_one_allowed``: the default of gitlab.com for pipeline variables (section 4, play, last row)."""

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Refusal(Exception):  # noqa: N818 -- a refusal of GitLab's
    """An answer that is not 2xx."""

    def __init__(self, status: int, payload: dict[str, Any]) -> None:
        super().__init__(status, payload)
        self.status, self.payload = status, payload


def refuse(status: int, message: str, key: str = "message") -> Refusal:
    """Return an answer in one of the two forms that GitLab's errors have."""
    return Refusal(status, {key: message})


@dataclass(eq=False)
class User:
    """An account; section 8.10: a bot is a user like others, with ``bot: true``."""

    id: int
    username: str
    name: str
    email: str
    bot: bool = False
    state: str = "active"


@dataclass(eq=False)
class Commit:
    """A commit, with the people in it."""

    id: str
    author: tuple[str, str]
    committer: tuple[str, str]
    message: str = "A change"
    parents: tuple[str, ...] = ()


@dataclass(eq=False)
class Spec:
    """A job in .gitlab-ci.yml."""

    name: str
    manual: bool = False
    needs: tuple[str, ...] = ()
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """18.10+ (section 4, play, "Body"): name -> type, options, default."""
    protected_to: frozenset[str] = frozenset()
    """User names that a protected environment lets play it; empty: nobody is kept out (section 8.3)."""
    stage: int = 0
    """Which of the stages, counted from 0."""
    runs: str = "on_success"
    """Its ``when``, unless it is manual."""
    allow_failure: bool | frozenset[int] = False
    """Whether it may fail, or with which exit codes."""
    rootless: bool = False
    """``needs: []``: it waits for nothing, not even for earlier stages (section 8.2)."""
    environment: str = ""
    prepares: bool = False
    """``environment: action`` is there and is not ``start``: no deployment is made (section 8.7)."""
    id_tokens: dict[str, str] = field(default_factory=dict)
    """Variable -> ``aud``."""
    git_strategy: str = "fetch"
    reports: dict[str, str] = field(default_factory=dict)
    """``artifacts: reports``: kind -> path."""

    @property
    def when(self) -> str:
        return "manual" if self.manual else self.runs

    @property
    def dag(self) -> bool:
        """Whether ``needs`` order it, and stages do not."""
        return bool(self.needs) or self.rootless

    @property
    def deploys(self) -> bool:
        return bool(self.environment) and not self.prepares


@dataclass(eq=False)
class Job:
    """One run of a job."""

    id: int
    spec: Spec
    pipeline: "Pipeline"
    user: User
    status: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    retried: bool = False
    allow_failure: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    trace: bytes = b""
    artifacts: dict[str, bytes] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)
    """What was uploaded as ``artifacts: reports``; no part of the archive."""
    archived: bool = False

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(eq=False)
class Pipeline:
    """One pipeline."""

    id: int
    iid: int
    project: "Project"
    sha: str
    ref: str
    source: str
    user: User
    specs: tuple[Spec, ...]
    variables: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    """For ``spec: inputs`` of .gitlab-ci.yml (section 4, POST pipeline)."""
    jobs: list[Job] = field(default_factory=list)

    def job(self, name: str) -> Job:
        """Return the newest job of a name."""
        return max((job for job in self.jobs if job.name == name), key=lambda job: job.id)

    @property
    def status(self) -> str:
        """Section 4: ``manual`` means blocked."""
        return flow.composite(flow.current(self).values())


@dataclass(eq=False)
class Note:
    """A comment on a merge request."""

    id: int
    author: User
    body: str
    edited: int = 0


@dataclass(eq=False)
class MergeRequest:
    """A merge request and its commits."""

    iid: int
    author: User
    commits: tuple[str, ...]
    notes: list[Note] = field(default_factory=list)
    state: str = "opened"


@dataclass(eq=False)
class Deployment:
    """A deployment to a protected environment; approvals are Premium (section 4, deployments)."""

    id: int
    job: Job
    environment: str
    status: str = "blocked"
    approvals: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A CI/CD variable of a project's settings (section 8.3)."""

    key: str
    value: str
    environment: str = "*"
    """Its scope: jobs of this environment alone get it; ``*``: all do."""
    protected: bool = False
    """Only pipelines of protected branches get it."""
    file: bool = False
    """The variable is the path of a file that has the value."""


@dataclass(eq=False)
class Project:
    """One private project."""

    id: int
    path: str
    members: dict[int, int] = field(default_factory=dict)
    """User id -> role."""
    specs: tuple[Spec, ...] = ()
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    protected: dict[str, int] = field(default_factory=lambda: {"main": MAINTAINER})
    """Branch -> role that may update it; GitLab's default for a protected branch is maintainers."""
    requests: list[MergeRequest] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    variables_role: int = DEVELOPER
    """Minimum role to use pipeline variables; new projects restrict it (section 4, play, last row)."""
    public: bool = False
    variables: list[Variable] = field(default_factory=list)
    skip_outdated: bool = False
    """Whether an older pipeline's deployment fails after a newer one's (section 8.7); GitLab's default is yes."""
    inputs: frozenset[str] = frozenset()
    """Names in ``spec: inputs`` of .gitlab-ci.yml; others are ``unknown input arguments`` (section 1)."""
    specs_of: "Callable[[Pipeline], tuple[Spec, ...]] | None" = None
    """Reads .gitlab-ci.yml for a pipeline that is being made; without it, every pipeline has `specs`."""


@dataclass(eq=False)
class Token:
    """What a caller shows."""

    value: str
    user: User
    kind: str = "personal"
    scopes: frozenset[str] = frozenset({"api"})
    job: Job | None = None


class World:
    """All of it, and what happens to it."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.projects: dict[int, Project] = {}
        self.tokens: dict[str, Token] = {}
        self.job_tokens_read_jobs = True
        """18.x: ``read_jobs`` (section 4, CI_JOB_TOKEN). Older servers refuse."""
        self.job_tokens_read_requests = False
        """Newer: those of a commit (``lib/api/commits.rb``, ``job_token_policies: :read_repositories``)."""
        self.job_inputs = True
        """18.10+ (section 4, play, "Body")."""
        self.premium = False
        self.busy = 0
        """So many times jobs are listed before those of a new pipeline move: GitLab does that in the background."""
        self._ids = count(1001)
        self._ticks = count()

    def tick(self) -> datetime:
        """Return a time later than every one before."""
        return START + timedelta(seconds=next(self._ticks))

    def next_id(self) -> int:
        return next(self._ids)

    def add_user(self, username: str, name: str = "", **more: Any) -> User:
        made = User(self.next_id(), username, name or username.capitalize(), f"{username}@corp.example", **more)
        self.users[username] = made
        return made

    def add_project(self, path: str, specs: tuple[Spec, ...], members: dict[str, int], id_: int = 0) -> Project:
        roles = {self.users[name].id: role for name, role in members.items()}
        made = Project(id_ or self.next_id(), path, roles, specs)
        self.projects[made.id] = made
        return made

    def add_token(self, value: str, username: str, *, kind: str = "personal", scopes: str = "api") -> Token:
        made = Token(value, self.users[username], kind, frozenset(scopes.split()))
        self.tokens[value] = made
        return made

    # What happens in a pipeline.

    def start(
        self, project: Project, username: str, ref: str = "main", *, source: str = "push",
        variables: dict[str, str] | None = None, inputs: dict[str, str] | None = None,
    ) -> Pipeline:  # fmt: skip
        """Create a pipeline; section 4, ``user``: every job's user is its creator, the manual ones' too."""
        user = self.users[username]
        made = Pipeline(
            self.next_id(), len(project.pipelines) + 1, project, project.branches[ref], ref, source, user,
            project.specs, dict(variables or {}), dict(inputs or {}),
        )  # fmt: skip
        if project.specs_of is not None:
            made.specs = project.specs_of(made)
        project.pipelines.append(made)
        for spec in made.specs:
            made.jobs.append(Job(self.next_id(), spec, made, user, "created", allow_failure=spec.allow_failure is True))
        if not self.busy:
            self.advance(made)
        return made

    def advance(self, pipeline: Pipeline) -> None:
        """Move jobs on whose turn it is: a manual one waits, others are pending (section 8.2, DAG and stages)."""
        flow.advance(pipeline)

    def run(self, job: Job) -> None:
        """A runner takes the job."""
        job.status, job.started_at = "running", self.tick()

    def finish(self, job: Job, status: str = "success", code: int | None = None) -> None:
        """The job ends; a failure with an exit code that is allowed counts as passed, in orange (section 8.1)."""
        if job.started_at is None:
            self.run(job)
        job.status, job.finished_at = status, self.tick()
        if isinstance(job.spec.allow_failure, frozenset):  # Ci::Build#drop_with_exit_code!
            job.allow_failure = code in job.spec.allow_failure
        self.advance(job.pipeline)

    def finish_to_the_gate(self, pipeline: Pipeline) -> None:
        """Run every job that runs by itself."""
        while waiting := [job for job in pipeline.jobs if job.status == "pending"]:
            for job in waiting:
                self.finish(job)

    def may_play(self, job: Job, user: User) -> bool:
        """Section 4, play: developer and able to update the ref; 8.3: a protected environment keeps others out."""
        project = job.pipeline.project
        if project.members.get(user.id, 0) < max(DEVELOPER, project.protected.get(job.pipeline.ref, 0)):
            return False
        return not job.spec.protected_to or user.username in job.spec.protected_to

    def play(self, job: Job, user: User, variables: dict[str, str], inputs: dict[str, Any]) -> Job:
        """POST …/play, row by row of the table in section 4."""
        project = job.pipeline.project
        if not self.may_play(job, user):
            raise refuse(403, "403 Forbidden")
        if job.archived or not job.spec.manual or job.status not in {"manual", *flow.FINISHED}:
            # Ci::Build#playable?: a job that is not manual never is, finished or not; it can be retried.
            raise refuse(400, "400 Bad request - Unplayable Job")
        if variables and project.members.get(user.id, 0) < project.variables_role:
            raise refuse(403, "403 Forbidden")
        self._check_inputs(job, inputs)
        if job.status in flow.FINISHED:  # row "already finished": a new job
            played = self._again(job, user)
            played.variables |= variables
        else:
            job.status, job.user, job.variables = "pending", user, dict(variables)
            played = job
        played.inputs |= inputs
        return played

    def _check_inputs(self, job: Job, inputs: dict[str, Any]) -> None:
        """Section 4, play, "Body": typed and validated; unknown ones are refused (section 1, inputs.rb)."""
        if not inputs:
            return
        if not self.job_inputs:
            return  # an older server does not know the parameter, and ignores it
        for name, value in inputs.items():
            spec = job.spec.inputs.get(name)
            if spec is None:
                raise refuse(400, f"400 Bad request - unknown input arguments: {name}")
            # RE2 without multiline: `$` is the end of the text, not of a line.
            pattern = re.sub(r"\$$", r"\\Z", str(spec.get("regex", "")))
            fits = isinstance(value, str) and value in spec.get("options", [value]) and re.search(pattern, value)
            if not fits:
                raise refuse(400, f"400 Bad request - `{name}` input: provided value is not valid")

    def retry(self, job: Job, user: User) -> Job:
        """POST …/retry, section 4: a new job of the retrier's, enqueued at once even when manual."""
        if not self.may_play(job, user) or job.status not in flow.FINISHED or job.retried:
            raise refuse(403, "403 Forbidden - Job is not retryable")
        return self._again(job, user)

    def _again(self, job: Job, user: User) -> Job:
        """Section 8.6: a new job, the old one is retried; its variables stay (gitlab-org/gitlab work item 31367)."""
        job.retried = True
        made = Job(self.next_id(), job.spec, job.pipeline, user, "pending", variables=dict(job.variables))
        made.allow_failure = job.spec.allow_failure is True
        job.pipeline.jobs.append(made)
        flow.reset_skipped(made, user)
        return made

    def job_token(self, job: Job) -> Token:
        """Make the token of a running job; it acts for the job's user."""
        made = Token(f"glcbt-{job.id}", job.user, "job", frozenset(), job)
        self.tokens[made.value] = made
        return made

    def jobs(self) -> Iterator[Job]:
        """All jobs of the server."""
        for project in self.projects.values():
            for pipeline in project.pipelines:
                yield from pipeline.jobs
