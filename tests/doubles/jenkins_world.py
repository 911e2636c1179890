"""What a Jenkins server knows: people, jobs, a queue, builds, inputs. `doubles.jenkins` serves it over HTTP.

No Jenkins runs here. Each behaviour names the source it was read from: InputStepExecution, InputAction, InputStep and
Rejection of pipeline-input-step-plugin (d2b888d, after 560), pipeline-rest-api of pipeline-stage-view-plugin (14b139a),
BuildData of git-plugin (add6e4d), and jenkins core (ff9430e, 2.579-SNAPSHOT).

An engine may be behind a job (``job.engine``): it runs in a thread when a build leaves the queue, says what it prints
with `Build.log`, asks with `World.pend`, waits with `Pending.wait`, and ends with `World.finish`.
"""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANONYMOUS = "anonymous"
GIVEN = "This input has been already given"
CANNOT_CANCEL = "You need to have Job/Cancel permissions to cancel this."
CANNOT_SUBMIT = "You need to have Job/Build permissions to submit this."

READ, BUILD, CANCEL, UPDATE, ADMINISTER = "Job/Read", "Job/Build", "Job/Cancel", "Run/Update", "Overall/Administer"
INPUT = "org.jenkinsci.plugins.workflow.support.steps.input."
TIMEOUT = "org.jenkinsci.plugins.workflow.steps.TimeoutStepExecution$ExceededTimeout"
REPLAY = "org.jenkinsci.plugins.workflow.cps.replay.ReplayCause"
RESTART = "org.jenkinsci.plugins.pipeline.modeldefinition.causes.RestartDeclarativePipelineCause"


class Refusal(Exception):  # noqa: N818 -- a refusal of Jenkins'
    """An answer that is not 2xx. Jenkins' errors are pages; a `Failure` has its sentence in X-Error as well."""

    def __init__(self, status: int, said: str = "", *, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, said)
        self.status, self.said, self.headers = status, said, headers or {}


def failure(said: str) -> Refusal:
    """``hudson.model.Failure``: 400, with the sentence in a header."""
    return Refusal(400, said, headers={"X-Error": said})


@dataclass(eq=False)
class User:
    """An account."""

    id: str
    full_name: str
    may: set[str]
    groups: tuple[str, ...] = ()
    password: str = ""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a job or an input: a choice where it has choices, else text."""

    name: str
    choices: tuple[str, ...] = ()
    default: str = ""

    @property
    def type(self) -> str:
        return "ChoiceParameterDefinition" if self.choices else "StringParameterDefinition"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How an input ended, as the script sees it."""

    value: Any = None
    """What ``input`` returns: null, the bare value of one entry, or a map (InputStepExecution.proceed)."""
    by: str | None = None
    rejected: bool = False


@dataclass(eq=False)
class Input:
    """The step's arguments; the id's first letter is made upper case (InputStep.capitalize)."""

    id: str = ""
    message: str = "Release?"
    submitter: str | None = None
    submitter_parameter: str | None = None
    parameters: tuple[Parameter, ...] = ()
    ok: str = "Proceed"

    def __post_init__(self) -> None:
        named = self.id or hashlib.md5(self.message.encode()).hexdigest()  # noqa: S324 -- Jenkins' own
        self.id = named[:1].upper() + named[1:]


@dataclass(eq=False)
class Pending:
    """An input that a build waits at."""

    input: Input
    build: "Build"
    settled: Settled | None = None
    _answered: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float = 60.0) -> Settled:
        """Return the answer when there is one: for an engine in a thread of its own."""
        if not self._answered.wait(seconds):
            message = f"nobody answered {self.input.id} in {seconds:g} s"
            raise TimeoutError(message)
        assert self.settled is not None
        return self.settled

    def settle(self, settled: Settled) -> None:
        self.settled = settled
        self._answered.set()


@dataclass(eq=False)
class Build:
    """One run of a job."""

    number: int
    job: "Job"
    queue_id: int
    causes: list[dict[str, Any]]
    parameters: dict[str, str]
    started: datetime
    result: str | None = None
    building: bool = True
    description: str | None = None
    approvers: list[str] = field(default_factory=list)
    """Of its ApproverActions, in the order in which they were added."""
    revisions: list[tuple[str, str]] = field(default_factory=list)
    """Remote and commit of each checkout by the git plugin (BuildData)."""
    interruptions: list[dict[str, Any]] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    asked: bool = False
    """An input was there once: the InputAction stays, with waitingForInput=false."""
    console: bytes = b""
    artifacts: dict[str, bytes] = field(default_factory=dict)

    def log(self, text: str) -> None:
        """Print lines."""
        self.console += text.encode() + b"\n"

    @property
    def path(self) -> str:
        return f"{self.job.path}{self.number}/"


Engine = Callable[[Build], None]


@dataclass(eq=False)
class Job:
    """A Pipeline job."""

    name: str
    """Full name, ``folder/loans``."""
    parameters: tuple[Parameter, ...] = ()
    builds: list[Build] = field(default_factory=list)
    buildable: bool = True
    engine: Engine | None = None
    revision: tuple[str, str] | None = None
    """What ``checkout scm`` gives a new build."""

    @property
    def path(self) -> str:
        return "".join(f"job/{part}/" for part in self.name.split("/"))


@dataclass(eq=False)
class Queued:
    """An item of the queue."""

    id: int
    job: Job
    causes: list[dict[str, Any]]
    parameters: dict[str, str]
    build: Build | None = None
    cancelled: bool = False
    why: str = "In the quiet period. Expires in 5 sec"
    gone: bool = False
    """Items vanish about five minutes after they left the queue."""


class World:
    """All of it, and what happens to it."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.tokens: dict[tuple[str, str], User] = {}
        self.jobs: dict[str, Job] = {}
        self.queue: dict[int, Queued] = {}
        self.anonymous = User(ANONYMOUS, ANONYMOUS, set())
        self.csrf = True
        self.security = True
        self.stage_view = True
        """The plugin pipeline-rest-api is there: ``wfapi`` needs it, ``input/`` and ``api/json`` do not."""
        self.loading = False
        """The controller has just restarted: inputs that wait are not shown until the build is loaded (InputAction)."""
        self.old_input_plugin = False
        """Before 532.v9e7466cb_4406 ``proceedEmpty`` ignored submitterParameter (JENKINS-40594)."""
        self.lock = threading.RLock()
        self.threads: list[threading.Thread] = []
        self._ids = count(101)
        self._ticks = count()

    def tick(self) -> datetime:
        """Return a time later than every one before."""
        return START + timedelta(seconds=next(self._ticks))

    def add_user(self, user: str, name: str = "", *may: str, groups: tuple[str, ...] = (), token: str = "") -> User:
        """Add an account; its token is ``<id>-token`` unless another one is given."""
        made = User(user, name or user.capitalize(), set(may or (READ, BUILD)), groups, password=f"{user}-password")
        self.users[user.casefold()] = made
        self.tokens[user.casefold(), token or f"{user}-token"] = made
        return made

    def add_job(self, name: str, *parameters: Parameter, engine: Engine | None = None) -> Job:
        self.jobs[name] = Job(name, parameters, engine=engine)
        return self.jobs[name]

    def may(self, user: User, permission: str) -> bool:
        """Overall/Administer has everything; with security off everybody has."""
        return not self.security or ADMINISTER in user.may or permission in user.may

    # The queue.

    def enqueue(self, job: Job, user: User, parameters: dict[str, str]) -> Queued:
        """POST …/build…: an item that waits already and is the same is reused (section 3, Trigger/queue)."""
        if not job.buildable:
            raise Refusal(409, f"{job.name} is not buildable")
        # SECURITY-170: what the job does not declare is dropped without a word.
        declared = {each.name: parameters.get(each.name, default(each)) for each in job.parameters}
        for each in job.parameters:
            if each.choices and declared[each.name] not in each.choices:
                raise Refusal(500, f"Illegal choice for parameter {each.name}: {declared[each.name]}")
        with self.lock:
            for item in self.queue.values():
                if item.build is None and not item.cancelled and (item.job, item.parameters) == (job, declared):
                    return item
            made = Queued(next(self._ids), job, [user_cause(user)], declared)
            self.queue[made.id] = made
        return made

    def leave_queue(self, item: Queued) -> Build:
        """An executor takes it."""
        with self.lock:
            made = Build(
                len(item.job.builds) + 1, item.job, item.id, item.causes, item.parameters, self.tick(),
                revisions=[item.job.revision] if item.job.revision else [],
            )  # fmt: skip
            item.job.builds.append(made)
            item.build = made
        if item.job.engine is not None:
            thread = threading.Thread(target=item.job.engine, args=(made,), daemon=True)
            self.threads.append(thread)
            thread.start()
        return made

    def start(self, job: Job, who: str | None, **parameters: str) -> Build:
        """Have somebody start a build that needs not wait; None: the SCM did."""
        user = self.users.get((who or "").casefold(), self.anonymous)
        item = self.enqueue(job, user, parameters)
        if who is None:
            item.causes = [cause("hudson.triggers.SCMTrigger$SCMTriggerCause", "Started by an SCM change")]
        return self.leave_queue(item)

    def again(self, build: Build, who: str, cause_class: str, said: str) -> Build:
        """Replay or Restart from Stage: a new build with the parameters and the revision of an old one.

        Section 3, "Ways around the gate": both copy only a short list of actions, and no ApproverAction.
        """
        item = self.enqueue(build.job, self.users[who.casefold()], build.parameters)
        item.causes = [user_cause(self.users[who.casefold()]), cause(cause_class, said)]
        made = self.leave_queue(item)
        made.revisions = list(build.revisions)
        return made

    def finish(self, build: Build, result: str = "SUCCESS") -> None:
        """The build ends."""
        with self.lock:
            build.result, build.building, build.pending = result, False, []
            build.log(f"Finished: {result}")

    # Inputs.

    def pend(self, build: Build, what: Input) -> Pending:
        """The script calls ``input``; the console shows the message only where there are no parameters."""
        made = Pending(what, build)
        with self.lock:
            build.pending.append(made)
            build.asked = True
            build.log("Input requested" if what.parameters else f"{what.message}\n{what.ok} or Abort")
        return made

    def find(self, build: Build, input_id: str) -> Pending:
        """Ids are exact and case-sensitive; an answered one is gone: 404 (InputAction.remove)."""
        waiting = [] if self.loading else build.pending
        found = next((each for each in waiting if each.input.id == input_id), None)
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def proceed(self, pending: Pending, user: User, given: dict[str, str] | None) -> None:
        """InputStepExecution.doProceed; None: doProceedEmpty."""
        with self.lock:
            if pending.settled is not None:
                raise failure(GIVEN)
            self._may_submit(pending, user)
            found = dict(given or {})
            by_name = {each.name: each for each in pending.input.parameters}
            for name, value in found.items():
                if name not in by_name:
                    raise Refusal(500, f"No such parameter definition: {name}")  # IllegalArgumentException
                if by_name[name].choices and value not in by_name[name].choices:
                    raise Refusal(500, f"Illegal choice for parameter {name}: {value}")
            named = pending.input.submitter_parameter
            if named and not (given is None and self.old_input_plugin):
                found[named] = user.id
            if user is not self.anonymous:
                pending.build.approvers.append(user.id)
                pending.build.log(f"Approved by {user.full_name}")
            pending.build.pending.remove(pending)
        value = None if not found else next(iter(found.values())) if len(found) == 1 else found
        pending.settle(Settled(value=value, by=user.id))

    def abort(self, pending: Pending, user: User) -> None:
        """InputStepExecution.doAbort. Without an engine the script does not catch it, and the build ends."""
        if pending.settled is not None:
            raise failure(GIVEN)
        if not (self.may(user, CANCEL) or self.can_settle(pending, user)):
            who = pending.input.submitter
            said = f"You need to be '{who}' (or have Job/Cancel permissions) to cancel this."
            raise failure(said if who else CANNOT_CANCEL)
        self.interrupt(pending.build, rejection(user, self.tick()))
        pending.build.pending.remove(pending)
        pending.settle(Settled(by=user.id, rejected=True))
        if pending.build.job.engine is None:
            self.finish_interrupted(pending.build)

    def time_out(self, build: Build) -> None:
        """``timeout { input }``: the step is stopped with ExceededTimeout, and nobody approved."""
        build.log("Cancelling nested steps due to timeout")
        self.interrupt(build, cause(TIMEOUT, "Timeout has been exceeded"))
        self.finish_interrupted(build)

    def stop(self, build: Build, user: User) -> None:
        """The red button, or POST …/stop."""
        said = f"Aborted by {user.full_name}"
        self.interrupt(build, cause("jenkins.model.CauseOfInterruption$UserInterruption", said, user=_user(user)))
        self.finish_interrupted(build)

    def interrupt(self, build: Build, why: dict[str, Any]) -> None:
        """Keep a cause for the end of the build, where the InterruptedBuildAction is written."""
        build.interruptions.append(why)

    def finish_interrupted(self, build: Build) -> None:
        """The exception reaches the end of the script: only then causes are printed and kept (section 3, Rejection)."""
        for why in build.interruptions:
            build.log(str(why["shortDescription"]))
        self.finish(build, "ABORTED")

    def can_settle(self, pending: Pending, user: User) -> bool:
        """InputStepExecution.canSettle: the list is split at commas, trimmed, compared without case; admins may."""
        if pending.input.submitter is None:
            return self.may(user, BUILD)
        if self.may(user, ADMINISTER):
            return True
        named = {each.strip().casefold() for each in pending.input.submitter.split(",")}
        return bool({user.id.casefold(), *(group.casefold() for group in user.groups)} & named)

    def _may_submit(self, pending: Pending, user: User) -> None:
        if not self.can_settle(pending, user):
            who = pending.input.submitter
            said = f"You need to be {who} to submit this."
            raise failure(said if who else CANNOT_SUBMIT)


def default(parameter: Parameter) -> str:
    """Return what a parameter is when nothing is given: of a choice, the first."""
    return parameter.default or (parameter.choices[0] if parameter.choices else "")


def cause(kind: str, said: str, **more: Any) -> dict[str, Any]:
    """Return a cause as api/json shows it."""
    return {"_class": kind, "shortDescription": said, **more}


def user_cause(user: User) -> dict[str, Any]:
    """``Cause$UserIdCause``; its userId is null for who is not logged in."""
    known = None if user.id == ANONYMOUS else user.id
    said = f"Started by user {user.full_name}"
    return cause("hudson.model.Cause$UserIdCause", said, userId=known, userName=user.full_name)


def rejection(user: User, when: datetime) -> dict[str, Any]:
    """`Rejection`: who pressed Abort at the input, and when."""
    known = user.id != ANONYMOUS
    said = f"Rejected by {user.full_name}" if known else "Rejected"
    stamp = int(when.timestamp() * 1000)
    return cause(f"{INPUT}Rejection", said, timestamp=stamp, user=_user(user) if known else None)


def _user(user: User) -> dict[str, Any]:
    return {"_class": "hudson.model.User", "id": user.id, "fullName": user.full_name}
