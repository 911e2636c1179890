"""GitLab's REST API, as far as ml-release uses it: which call, for whom, with which answer."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from doubles import gitlab_json as shown
from doubles.gitlab_world import (
    DEVELOPER,
    REPORTER,
    Commit,
    Deployment,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Token,
    World,
    refuse,
)  # fmt: skip

SCOPES = {"created", "pending", "running", "failed", "success", "canceled", "skipped", "manual", "waiting_for_resource"}
NEVER = "never"
STATES = {"pending", "running", "success", "failed", "canceled", "skipped"}


@dataclass
class Call:
    """One request, its caller known."""

    world: World
    base: str
    token: Token | None
    query: dict[str, list[str]]
    body: dict[str, Any]
    path: dict[str, str] = field(default_factory=dict)

    def project(self, role: int = REPORTER) -> Project:
        """Return the project; 404 without access to it (section 4, play: "no access to project")."""
        wanted = self.path["project"]
        found = next((p for p in self.world.projects.values() if wanted in {str(p.id), p.path}), None)
        has = found.members.get(self.token.user.id, 0) if found and self.token else 0
        if found is None or not has:
            raise refuse(404, "404 Project Not Found")
        if has < role:
            raise refuse(403, "403 Forbidden")
        return found

    def pipeline(self, project: Project) -> Pipeline:
        found = next((p for p in project.pipelines if str(p.id) == self.path["pipeline"]), None)
        if found is None:
            raise refuse(404, "404 Not found")
        return found

    def job(self, project: Project) -> Job:
        jobs = (job for pipeline in project.pipelines for job in pipeline.jobs)
        found = next((job for job in jobs if str(job.id) == self.path["job"]), None)
        if found is None:
            raise refuse(404, "404 Not found")
        return found

    def first(self, name: str) -> str | None:
        return self.query.get(name, [None])[0]


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """A call that the API has."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    status: int
    job_token: str
    """``never``, ``always``; ``new``: where job tokens may read jobs; ``newest``: a commit's merge requests as well."""


ROUTES: list[Route] = []


def route(method: str, path: str, status: int = 200, job_token: str = NEVER) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", path))
        ROUTES.append(Route(method, pattern, handler, status, job_token))
        return handler

    return register


@route("GET", "/version")
def version(call: Call) -> Any:
    if call.token is None:
        raise refuse(401, "401 Unauthorized")
    return {"version": "18.10.0" if call.world.job_inputs else "17.11.0", "revision": "double"}


@route("GET", "/user")
def own_user(call: Call) -> Any:
    if call.token is None:
        raise refuse(401, "401 Unauthorized")
    return shown.user(call.base, call.token.user)


@route("GET", "/job", job_token="always")
def own_job(call: Call) -> Any:
    """Section 4, CI_JOB_TOKEN: can GET /job; with another kind of token there is no job."""
    if call.token is None or call.token.job is None:
        raise refuse(401, "401 Unauthorized")
    return shown.job(call.base, call.token.job)


@route("GET", "/projects/:project/jobs/:job", job_token="new")
def one_job(call: Call) -> Any:
    return shown.job(call.base, call.job(call.project()))


@route("GET", "/projects/:project/jobs/:job/trace")
def trace(call: Call) -> Any:
    return call.job(call.project()).trace


@route("GET", "/jobs/:job/artifacts", job_token="always")
def archive(call: Call) -> Any:
    """lib/api/ci/runner.rb: the runners' way, which takes the token of another running job of who may read builds."""
    if call.token is None or call.token.job is None:
        raise refuse(403, "403 Forbidden")
    found = next((job for job in call.world.jobs() if str(job.id) == call.path["job"]), None)
    if found is None or found.pipeline.project.members.get(call.token.user.id, 0) < REPORTER:
        raise refuse(403, "403 Forbidden")
    return zipped(found)


@route("GET", "/projects/:project/jobs/:job/artifacts")
def whole_archive(call: Call) -> Any:
    """ee/lib/ee/api/ci/job_artifacts.rb: on Free this takes no job token (404)."""
    return zipped(call.job(call.project()))


def zipped(job: Job) -> bytes:
    if not job.artifacts:
        raise refuse(404, "404 Not found")
    with zipfile.ZipFile(written := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in job.artifacts.items():
            file.writestr(name, data)
    return written.getvalue()


@route("GET", "/projects/:project/jobs/:job/artifacts/.+", job_token="always")
def artifact(call: Call) -> Any:
    job = call.job(call.project())
    data = job.artifacts.get(call.path["rest"])
    if data is None:
        raise refuse(404, "404 Not found")
    return data


@route("GET", "/projects/:project/pipelines/:pipeline/jobs", job_token="new")
def pipeline_jobs(call: Call) -> Any:
    """Section 4: retried ones hidden by default, newest first, an invalid scope is 400."""
    pipeline = call.pipeline(call.project())
    jobs = pipeline.jobs
    if call.world.busy:
        call.world.busy -= 1
    else:
        call.world.advance(pipeline)
    scope = set(call.query.get("scope[]", []))
    if scope - SCOPES:
        raise refuse(400, "scope does not have a valid value", "error")
    with_retried = (call.first("include_retried") or "").lower() in {"true", "1"}
    found = [job for job in jobs if (with_retried or not job.retried) and (not scope or job.status in scope)]
    return [shown.job(call.base, job) for job in sorted(found, key=lambda job: -job.id)]


@route("POST", "/projects/:project/jobs/:job/play")
def play(call: Call) -> Any:
    """Section 4, play: 200, not 201; values come in the body, and a query with them is ignored.

    The answer is the job that was asked for, also where playing it made another (``lib/api/ci/jobs.rb``).
    """
    job = call.job(call.project())
    given = call.body.get("job_variables_attributes") or []
    for index, each in enumerate(given):
        for key in ("key", "value"):
            if not isinstance(each, dict) or key not in each:
                raise refuse(400, f"job_variables_attributes[{index}][{key}] is missing", "error")
    variables = {each["key"]: each["value"] for each in given}
    assert call.token is not None
    call.world.play(job, call.token.user, variables, call.body.get("job_inputs") or {})
    return shown.job(call.base, job)


@route("POST", "/projects/:project/jobs/:job/retry", status=201)
def retry(call: Call) -> Any:
    assert call.token is not None
    return shown.job(call.base, call.world.retry(call.job(call.project()), call.token.user))


@route("POST", "/projects/:project/pipeline", status=201)
def create_pipeline(call: Call) -> Any:
    """Section 4: 201; 400 for an unknown ref; variables only from the role that may use them."""
    project = call.project(DEVELOPER)
    ref = str(call.body.get("ref"))
    if ref not in project.branches:
        raise refuse(400, {"base": ["Reference not found"]})  # type: ignore[arg-type]  # GitLab answers so
    variables = {each["key"]: each["value"] for each in call.body.get("variables") or []}
    assert call.token is not None
    if variables and project.members.get(call.token.user.id, 0) < project.variables_role:
        raise refuse(400, {"base": ["Insufficient permissions to set pipeline variables"]})  # type: ignore[arg-type]  # GitLab answers so
    inputs = dict(call.body.get("inputs") or {})
    if inputs and not project.inputs:
        what = "Given inputs not defined in the `spec` section of the included configuration file"
        raise refuse(400, {"base": [what]})  # type: ignore[arg-type]  # GitLab answers so (TextInterpolator)
    if unknown := set(inputs) - project.inputs:
        raise refuse(400, {"base": [f"unknown input arguments: {', '.join(sorted(unknown))}"]})  # type: ignore[arg-type]
    made = call.world.start(project, call.token.user.username, ref, source="api", variables=variables, inputs=inputs)
    return shown.pipeline(call.base, made)


@route("GET", "/projects/:project/pipelines/:pipeline")
def one_pipeline(call: Call) -> Any:
    return shown.pipeline(call.base, call.pipeline(call.project()))


@route("GET", "/projects/:project/repository/commits")
def commits(call: Call) -> Any:
    """``ref_name`` is a branch, a commit or a range ``a..b``; newest first."""
    project = call.project()
    since, dots, until = (call.first("ref_name") or "main").rpartition("..")
    tip = project.branches.get(until, until)
    if tip not in project.commits or (dots and since not in project.commits):
        raise refuse(404, "404 Commit Not Found")
    left = _reachable(project, since) if dots else {}
    return [shown.commit(each) for each in _reachable(project, tip).values() if each.id not in left]


def _reachable(project: Project, tip: str) -> dict[str, Commit]:
    seen: dict[str, Commit] = {}
    todo = [tip]
    while todo:
        name = todo.pop(0)
        if name not in seen:
            seen[name] = project.commits[name]
            todo += project.commits[name].parents
    return seen


@route("GET", "/projects/:project/repository/commits/:sha/merge_requests", job_token="newest")
def merge_requests_of(call: Call) -> Any:
    found = [each for each in call.project().requests if call.path["sha"] in each.commits]
    return [shown.merge_request(call.base, each) for each in found]


@route("POST", "/projects/:project/statuses/:sha", status=201)
def set_status(call: Call) -> Any:
    """Section 4, commit status: 201; the same state again is 400."""
    project = call.project(DEVELOPER)
    state, name = call.body.get("state"), call.body.get("name") or call.body.get("context") or "default"
    if state not in STATES:
        raise refuse(400, "state does not have a valid value", "error")
    mine = [each for each in project.statuses if (each["sha"], each["name"]) == (call.path["sha"], name)]
    if mine and mine[-1]["status"] == state:
        raise refuse(400, f"Cannot transition status via :{state} from :{state}")
    made = {
        "id": call.world.next_id(), "sha": call.path["sha"], "ref": call.body.get("ref"), "status": state, "name": name,
        "target_url": call.body.get("target_url"), "description": call.body.get("description"),
        "pipeline_id": call.body.get("pipeline_id"),
    }  # fmt: skip
    project.statuses.append(made)
    return made


def _request(call: Call, project: Project) -> MergeRequest:
    found = next((each for each in project.requests if str(each.iid) == call.path["request"]), None)
    if found is None:
        raise refuse(404, "404 Not found")
    return found


@route("GET", "/projects/:project/merge_requests/:request/notes", job_token="new")
def notes(call: Call) -> Any:
    """Section 4, MR notes: a job token may read them on new servers."""
    found = _request(call, call.project()).notes
    return [shown.note(call.base, each) for each in (found if call.first("sort") == "asc" else found[::-1])]


@route("POST", "/projects/:project/merge_requests/:request/notes", status=201)
def add_note(call: Call) -> Any:
    assert call.token is not None
    made = Note(call.world.next_id(), call.token.user, _body(call))
    _request(call, call.project()).notes.append(made)
    return shown.note(call.base, made)


@route("PUT", "/projects/:project/merge_requests/:request/notes/:note")
def edit_note(call: Call) -> Any:
    assert call.token is not None
    found = next((n for n in _request(call, call.project()).notes if str(n.id) == call.path["note"]), None)
    if found is None:
        raise refuse(404, "404 Not found")
    if found.author is not call.token.user:
        raise refuse(403, "403 Forbidden")
    found.body, found.edited = _body(call), found.edited + 1
    return shown.note(call.base, found)


LONGEST_NOTE = 1_000_000
"""Characters that GitLab takes in a note."""


def _body(call: Call) -> str:
    body = call.body.get("body")
    if not isinstance(body, str) or not body.strip():
        raise refuse(400, "body is missing", "error")
    if len(body) > LONGEST_NOTE:
        raise refuse(400, {"note": ["is too long (maximum is 1000000 characters)"]})  # type: ignore[arg-type]  # GitLab answers so
    return body


@route("GET", "/projects/:project/deployments", job_token="always")
def deployments(call: Call) -> Any:
    return [shown.deployment(call.base, each) for each in call.project().deployments]


@route("GET", "/projects/:project/deployments/:deployment", job_token="always")
def one_deployment(call: Call) -> Any:
    return shown.deployment(call.base, _deployment(call))


def _deployment(call: Call) -> Deployment:
    found = next((d for d in call.project().deployments if str(d.id) == call.path["deployment"]), None)
    if found is None:
        raise refuse(404, "404 Not found")
    return found


@route("POST", "/projects/:project/deployments/:deployment/approval", status=201, job_token="always")
def approve_deployment(call: Call) -> Any:
    """Section 4, deployments: 201, Premium only; errors are 400; the triggerer cannot approve themself."""
    found = _deployment(call)
    if not call.world.premium:
        raise refuse(404, "404 Not found")
    assert call.token is not None
    if call.body.get("status") not in {"approved", "rejected"}:
        raise refuse(400, "status does not have a valid value", "error")
    if found.status != "blocked" or call.token.user is found.job.pipeline.user:
        raise refuse(400, "400 Bad request - You cannot approve your own deployment.")
    said = {"user": shown.user(call.base, call.token.user), "status": call.body["status"]}
    found.approvals.append(said | {"comment": call.body.get("comment"), "created_at": "2026-11-24T09:00:00.000Z"})
    found.status = "created" if call.body["status"] == "approved" else "blocked"
    return said
