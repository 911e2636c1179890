"""A build as Jenkins' API describes it, read strictly: what is missing or odd is never guessed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ci_lib.ci.jenkins.client import Client, Json, job_path
from ci_lib.errors import Unavailable

TREE = (
    "number,building,result,description,queueId,actions[_class,userId,waitingForInput,"
    "executions[id,input[id,message,ok,submitter,submitterParameter,parameters[name,type,choices]]],"
    "causes[_class,shortDescription,userId,upstreamBuild,upstreamUrl,timestamp,user[id]],lastBuiltRevision[SHA1]]"
)
"""Named, because `depth=0` leaves out who approved, and larger depths are larger answers."""

INPUT = "org.jenkinsci.plugins.workflow.support.steps.input."
APPROVER, WAITING = f"{INPUT}ApproverAction", f"{INPUT}InputAction"
REJECTED = f"{INPUT}Rejection"
TIMED_OUT = "org.jenkinsci.plugins.workflow.steps.TimeoutStepExecution$ExceededTimeout"
USER = "hudson.model.Cause$UserIdCause"
REMOTE = "hudson.model.Cause$RemoteCause"
"""Of the job's *Trigger builds remotely* token: whoever has it, logged in or not, leaves no name."""
UPSTREAM = re.compile(r"Upstream\w*Cause$")
"""Ends of the classes of causes that are another build: the `build` step of a Pipeline has one of its own."""
AROUND = re.compile(r"(Restart|Replay)\w*$")
"""Ends of the classes of causes that skip or rewrite stages: Restart from Stage, Replay."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a build was started, or ended."""

    kind: str
    said: str
    user: str | None
    upstream: tuple[str, int] | None = None
    """Address below Jenkins' own and number of the build that started this one; whatever the class of the cause is."""
    at: int | None = None
    """Milliseconds since 1970, of a rejection."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An `input` that waits for somebody."""

    id: str
    message: str
    submitter: str | None
    fields: tuple[Field, ...]


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build."""

    job: str
    number: int
    building: bool
    result: str | None
    description: str
    started_by: tuple[Cause, ...]
    approvers: tuple[str, ...]
    """Who answered its inputs, the first one first."""
    revisions: tuple[str, ...]
    """Commits that the git plugin checked out in it."""
    waiting: tuple[Waiting, ...]
    ended_by: tuple[Cause, ...]
    """Who or what interrupted it; Jenkins writes this at its end."""

    @property
    def path(self) -> str:
        """Where it is below Jenkins' address."""
        return f"{job_path(self.job)}{self.number}/"

    @property
    def around(self) -> Cause | None:
        """The cause that skipped or rewrote stages, if there is one."""
        return next((cause for cause in self.started_by if AROUND.search(cause.kind)), None)


def read(client: Client, job: str, number: int) -> Build:
    """Ask for a build.

    Raises:
        Denied, Missing: this account may not, or there is none.
        Unavailable: Jenkins does not answer, or not as it does.
    """
    return of(client.get(f"{job_path(job)}{number}/", TREE), job)


def of(raw: Json, job: str) -> Build:
    """Read a build.

    Raises:
        Unavailable: it is not what Jenkins' API gives.
    """
    number, building, result = raw.get("number"), raw.get("building"), raw.get("result")
    for key, value, kind in (("number", number, int), ("building", building, bool)):
        if type(value) is not kind:
            raise _odd(key, "a build")
    actions = [each for each in _list(raw, "actions", "a build") if each]
    interrupted = [each for each in actions if str(each.get("_class")).endswith(".InterruptedBuildAction")]
    started = [each for each in actions if each not in interrupted]
    return Build(
        job=job,
        number=int(number or 0),
        building=bool(building),
        result=result if isinstance(result, str) else None,
        description=str(raw.get("description") or ""),
        started_by=tuple(cause for each in started for cause in _causes(each)),
        approvers=tuple(_text(each, "userId", "an approver") for each in actions if each.get("_class") == APPROVER),
        revisions=tuple(_revisions(actions)),
        waiting=tuple(_waiting(actions)),
        ended_by=tuple(cause for each in interrupted for cause in _causes(each)),
    )


def _causes(action: Json) -> Iterator[Cause]:
    for raw in _list(action, "causes", "a build's start or end"):
        user, account = raw.get("userId"), raw.get("user")
        user = account.get("id") if isinstance(account, dict) else user
        place, upstream = raw.get("upstreamUrl"), raw.get("upstreamBuild")
        yield Cause(
            kind=_text(raw, "_class", "a cause"),
            said=str(raw.get("shortDescription") or ""),
            user=user if isinstance(user, str) and user else None,
            upstream=(place, upstream) if isinstance(place, str) and isinstance(upstream, int) else None,
            at=raw.get("timestamp") if isinstance(raw.get("timestamp"), int) else None,
        )


def _revisions(actions: list[Json]) -> Iterator[str]:
    for each in actions:
        revision = each.get("lastBuiltRevision")
        if isinstance(revision, dict) and isinstance(revision.get("SHA1"), str):
            yield revision["SHA1"]


def _waiting(actions: list[Json]) -> Iterator[Waiting]:
    for action in actions:
        if action.get("_class") != WAITING:
            continue
        for execution in _list(action, "executions", "an input"):
            step = execution.get("input")
            step = step if isinstance(step, dict) else {}
            submitter = step.get("submitter")
            yield Waiting(
                id=_text(execution, "id", "an input"),
                message=str(step.get("message") or ""),
                submitter=submitter if isinstance(submitter, str) else None,
                fields=tuple(field(each) for each in _list(step, "parameters", "an input")),
            )


def field(raw: Json) -> Field:
    """Read a parameter's definition."""
    return Field(name=_text(raw, "name", "a parameter"), choices=tuple(str(each) for each in raw.get("choices") or ()))


def _list(raw: Mapping[str, Any], key: str, what: str) -> list[Json]:
    found = raw.get(key) or []
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        return found
    raise _odd(key, what)


def _text(raw: Mapping[str, Any], key: str, what: str) -> str:
    value = raw.get(key)
    if isinstance(value, str) and value:
        return value
    raise _odd(key, what)


def _odd(key: str, what: str) -> Unavailable:
    message = f"Jenkins: its answer describes {what} without {key}"
    return Unavailable(message, "is policy.approval.jenkins.url in release.yml a Jenkins? ask /api/json")
