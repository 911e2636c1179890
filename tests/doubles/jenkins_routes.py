"""Jenkins' addresses, and what each answers (section 3 of the notes on Jenkins' source: "`input` REST contract")."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from doubles import jenkins_json as shows
from doubles.jenkins_world import BUILD, CANCEL, UPDATE, Build, Job, Refusal, User, World, default

JSON = "application/json;charset=utf-8"
TEXT = "text/plain;charset=utf-8"
HTML = "text/html;charset=utf-8"


@dataclass
class Answer:
    """What goes back."""

    body: bytes = b""
    status: int = 200
    kind: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    session: bool = False
    """It is a crumb, which needs a session."""


@dataclass(frozen=True)
class Call:
    """A request whose caller is known."""

    world: World
    url: str
    user: User
    query: dict[str, str]
    fields: dict[str, str]
    matched: dict[str, Any]
    headers: dict[str, str]

    @property
    def job(self) -> Job:
        """The job in the address: ``/job/folder/job/loans/``."""
        name = self.matched["job"].strip("/").removeprefix("job/").replace("/job/", "/")
        if name not in self.world.jobs:
            raise Refusal(404, "Not Found")
        return self.world.jobs[name]

    @property
    def build(self) -> Build:
        found = next((each for each in self.job.builds if str(each.number) == self.matched["build"]), None)
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def need(self, permission: str) -> None:
        if not self.world.may(self.user, permission):
            said = f"{self.user.id} is missing the {permission} permission"
            raise Refusal(403, said, headers={"X-You-Are-Authenticated-As": self.user.id})

    def show(self, what: dict[str, Any]) -> Answer:
        """Return an object as ``api/json`` does, cut by ``depth`` or ``tree``."""
        tree = shows.parse(self.query["tree"]) if self.query.get("tree") else None
        return of(shows.shown(what, depth=int(self.query.get("depth") or 0), tree=tree))


def of(what: Any) -> Answer:
    """Return an answer in JSON."""
    return Answer(json.dumps(what).encode(), 200, JSON)


@dataclass(frozen=True)
class Route:
    """One address."""

    method: str
    pattern: re.Pattern[str]
    handler: Callable[[Call], Answer]
    open: bool = False
    """Everybody may ask."""


def _me(call: Call) -> Answer:
    if call.user is call.world.anonymous:
        raise Refusal(404, "Not Found")
    return call.show(shows.user(call.user, call.url))


def _who(call: Call) -> Answer:
    known = call.user is not call.world.anonymous
    return of({
        "_class": "hudson.security.WhoAmI", "anonymous": not known, "authenticated": known, "name": call.user.id,
        "authorities": ["authenticated", *call.user.groups],
    })  # fmt: skip


def _user(call: Call) -> Answer:
    found = call.world.users.get(call.matched["user"].casefold())
    if found is None:
        raise Refusal(404, "Not Found")
    return call.show(shows.user(found, call.url))


def _crumb(call: Call) -> Answer:
    """404 where CSRF protection is off."""
    if not call.world.csrf:
        raise Refusal(404, "Not Found")
    return Answer(b"", 200, JSON, session=True)


def _job(call: Call) -> Answer:
    return call.show(shows.job(call.job, call.url))


def _start(call: Call) -> Answer:
    """POST …/build: 400 on a parameterised job without a form; 201 with the queue's address."""
    call.need(BUILD)
    if call.job.parameters and "json" not in call.fields:
        raise Refusal(400, "Nothing is submitted")
    return _queued(call, {})


def _start_with(call: Call) -> Answer:
    """POST …/buildWithParameters: from the query and the form alike."""
    call.need(BUILD)
    if not call.job.parameters:
        raise Refusal(400, f"{call.job.name} is not parameterized")
    return _queued(call, {**call.query, **call.fields})


def _queued(call: Call, parameters: dict[str, str]) -> Answer:
    item = call.world.enqueue(call.job, call.user, parameters)
    return Answer(b"", 201, "", {"Location": f"{call.url}/queue/item/{item.id}/"})


def _item(call: Call) -> Answer:
    item = call.world.queue.get(int(call.matched["item"]))
    if item is None or item.gone:
        raise Refusal(404, "Not Found")
    return call.show(shows.queued(item, call.url))


def _cancel(call: Call) -> Answer:
    call.need(CANCEL)
    item = call.world.queue.get(int(call.query["id"]))
    if item is not None and item.build is None:
        item.cancelled = True
    return Answer(b"", 204)


def _build(call: Call) -> Answer:
    return call.show(shows.build(call.build, call.url, loading=call.world.loading))


def _console(call: Call) -> Answer:
    return Answer(call.build.console, 200, TEXT)


def _progressive(call: Call) -> Answer:
    """``logText/progressiveText``: from an offset, with the next one in X-Text-Size; whole lines while it runs."""
    start, text, done = int(call.query.get("start") or 0), call.build.console, not call.build.building
    start = 0 if start > len(text) else start  # LargeText.doProgressText: "text rolled over"
    end = len(text) if done else text.rfind(b"\n") + 1
    headers = {"X-Text-Size": str(max(end, start)), **({} if done else {"X-More-Data": "true"})}
    return Answer(text[start:end], 200, TEXT, headers)


def _stop(call: Call) -> Answer:
    call.need(CANCEL)
    if call.build.building:
        call.world.stop(call.build, call.user)
    return Answer(b"", 302, "", {"Location": f"{call.url}/{call.build.path}"})


def _describe_build(call: Call) -> Answer:
    """``submitDescription``: Run/Update, then back to the build."""
    call.need(UPDATE)
    call.build.description = call.fields.get("description")
    return Answer(b"", 302, "", {"Location": f"{call.url}/{call.build.path}"})


def _page(call: Call) -> Answer:
    """What a browser sees, and where Jenkins' own redirects lead."""
    return Answer(f"<html><body>{call.build.job.name} #{call.build.number}</body></html>".encode(), 200, HTML)


def _artifact(call: Call) -> Answer:
    data = call.build.artifacts.get(call.matched["path"])
    if data is None:
        raise Refusal(404, "Not Found")
    return Answer(data, 200, "application/octet-stream")


# The input step. InputStepExecution: doProceed, doProceedEmpty, doSubmit, doAbort.


def _form(call: Call) -> dict[str, str]:
    """Return the parameters of a submitted form, as StaplerRequest.getSubmittedForm reads it."""
    if "json" not in call.fields:
        raise Refusal(400, "This page expects a form submission" if call.fields else "Nothing is submitted")
    found = json.loads(call.fields["json"]).get("parameter") or []
    found = [found] if isinstance(found, dict) else found
    return {each["name"]: each["value"] for each in found}


def _proceed(call: Call) -> Answer:
    pending = call.world.find(call.build, call.matched["input"])
    call.world.proceed(pending, call.user, _form(call))
    return Answer()


def _proceed_empty(call: Call) -> Answer:
    """Parameters are not defaulted: only the submitter's name is given."""
    call.world.proceed(call.world.find(call.build, call.matched["input"]), call.user, None)
    return Answer()


def _submit(call: Call) -> Answer:
    """Without a field ``proceed`` it aborts the build."""
    pending = call.world.find(call.build, call.matched["input"])
    if "proceed" in call.fields:
        call.world.proceed(pending, call.user, _form(call))
    else:
        call.world.abort(pending, call.user)
    return Answer(b"", 302, "", {"Location": f"{call.url}/{call.build.path}console"})


def _abort(call: Call) -> Answer:
    call.world.abort(call.world.find(call.build, call.matched["input"]), call.user)
    return Answer()


# pipeline-rest-api.


def _flow(call: Call) -> Build:
    if not call.world.stage_view:
        raise Refusal(404, "Not Found")
    return call.build


def _flow_describe(call: Call) -> Answer:
    what = _flow(call)
    if what.building:
        status = "PAUSED_PENDING_INPUT" if what.pending else "IN_PROGRESS"
    else:
        status = {"FAILURE": "FAILED"}.get(what.result or "", what.result or "")
    base = f"/jenkins/{what.path}wfapi/"
    links = {"self": {"href": f"{base}describe"}}
    if what.pending:
        links |= {name: {"href": f"{base}{name}"} for name in ("pendingInputActions", "nextPendingInputAction")}
    return of({"_links": links, "id": str(what.number), "name": f"#{what.number}", "status": status, "stages": []})


def _flow_pending(call: Call) -> Answer:
    return of(_pending(_flow(call)))


def _flow_next(call: Call) -> Answer:
    found = _pending(_flow(call))
    return of(found[0] if found else None)


def _flow_submit(call: Call) -> Answer:
    """Every failure is wrapped: 500, and its reason is lost."""
    what = _flow(call)
    try:
        call.world.proceed(call.world.find(what, call.query.get("inputId", "")), call.user, _form(call))
    except Refusal as error:
        raise Refusal(500, "Oops!") from error
    return Answer()


def _pending(what: Build) -> list[dict[str, Any]]:
    """Return pending inputs with addresses below the context path; their submitter is not among it."""
    base = f"/jenkins/{what.path}"
    return [
        {
            "id": each.input.id, "proceedText": each.input.ok, "message": each.input.message,
            "inputs": [
                {
                    "type": one.type, "name": one.name, "description": "",
                    "definition": {"defaultVal": default(one), "choices": list(one.choices)},
                }
                for one in each.input.parameters
            ],
            "proceedUrl": f"{base}wfapi/inputSubmit?inputId={each.input.id}",
            "abortUrl": f"{base}input/{each.input.id}/abort", "redirectApprovalUrl": f"{base}input/",
        }
        for each in what.pending
    ]  # fmt: skip


def _route(method: str, pattern: str, handler: Callable[[Call], Answer], *, is_open: bool = False) -> Route:
    full = pattern.replace("JOB", r"/job/(?P<job>.+?)").replace("BUILD", r"(?P<build>[0-9]+)")
    return Route(method, re.compile(full.replace("INPUT", r"input/(?P<input>[^/]+)")), handler, is_open)


ROUTES = (
    _route("GET", r"/me/api/json", _me, is_open=True),
    _route("GET", r"/whoAmI/api/json", _who, is_open=True),
    _route("GET", r"/crumbIssuer/api/json", _crumb, is_open=True),
    _route("GET", r"/user/(?P<user>[^/]+)/api/json", _user),
    _route("GET", r"/queue/item/(?P<item>[0-9]+)/api/json", _item),
    _route("POST", r"/queue/cancelItem", _cancel),
    _route("GET", r"JOB/BUILD/api/json", _build),
    _route("GET", r"JOB/BUILD/consoleText", _console),
    _route("GET", r"JOB/BUILD/logText/progressiveText", _progressive),
    _route("POST", r"JOB/BUILD/stop", _stop),
    _route("POST", r"JOB/BUILD/submitDescription", _describe_build),
    _route("GET", r"JOB/BUILD/(?:console|input/)?", _page),
    _route("GET", r"JOB/BUILD/artifact/(?P<path>.+)", _artifact),
    _route("POST", r"JOB/BUILD/INPUT/proceed", _proceed),
    _route("POST", r"JOB/BUILD/INPUT/proceedEmpty", _proceed_empty),
    _route("POST", r"JOB/BUILD/INPUT/submit", _submit),
    _route("POST", r"JOB/BUILD/INPUT/abort", _abort),
    _route("GET", r"JOB/BUILD/wfapi/describe/?", _flow_describe),
    _route("GET", r"JOB/BUILD/wfapi/pendingInputActions", _flow_pending),
    _route("GET", r"JOB/BUILD/wfapi/nextPendingInputAction", _flow_next),
    _route("POST", r"JOB/BUILD/wfapi/inputSubmit", _flow_submit),
    _route("POST", r"JOB/build", _start),
    _route("POST", r"JOB/buildWithParameters", _start_with),
    _route("GET", r"JOB/api/json", _job),
)
