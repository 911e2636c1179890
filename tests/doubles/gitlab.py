"""A GitLab server on a free port of the loopback, with the state of `gitlab_world`.

    with gitlab() as server:
        server.world.add_user("ben")
        ... gitlab.Gitlab(server.url, private_token="…")

It answers 429 and 5xx on demand (`Server.faults`), in pages as GitLab does, and as GitLab does when it is misused.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from doubles import gitlab_git
from doubles.gitlab_keys import Issuer, claims
from doubles.gitlab_routes import ROUTES, Call, Route
from doubles.gitlab_variables import expand
from doubles.gitlab_world import Job, Refusal, Token, World, refuse

PAGE, LARGEST = 20, 100
"""GitLab's page size, and the most it gives (section 4, python-gitlab traps: 20 unless asked)."""


@dataclass
class Fault:
    """An answer that comes instead of the right one."""

    path: str
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    content_type: str = "application/json"


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: dict[str, Any]
    headers: dict[str, str]


class Server:
    """A running double."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self.world = World()
        self.issuer = Issuer()
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.clock = clock
        self.repositories: dict[str, Path] = {}
        """Path of a project -> its bare repository, served to git; a project without one has none."""

    def id_token(self, job: Job, audience: str = "ml-release", **changes: Any) -> str:
        """Sign the ID token of a job, as it is or with some claims changed; None leaves a claim out."""
        made = claims(self.url, job, audience, datetime.fromtimestamp(self.clock(), tz=UTC)) | changes
        return self.issuer.sign({name: value for name, value in made.items() if value is not None})

    def env(self, job: Job, *, inputs: bool = True, **more: str) -> dict[str, str]:
        """Return what a job finds in its environment: predefined variables, over which the pipeline's and its own go.

        Section 8.4: GITLAB_USER_LOGIN of a later job is the pipeline's creator; of a played one who played it.
        """
        pipeline, project = job.pipeline, job.pipeline.project
        token = self.world.job_token(job)
        predefined = {
            "CI": "true", "GITLAB_CI": "true", "CI_SERVER_URL": self.url, "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": str(project.id), "CI_PROJECT_PATH": project.path, "CI_PIPELINE_ID": str(pipeline.id),
            "CI_PIPELINE_URL": f"{self.url}/{project.path}/-/pipelines/{pipeline.id}", "CI_JOB_ID": str(job.id),
            "CI_JOB_NAME": job.name, "CI_COMMIT_SHA": pipeline.sha, "CI_DEFAULT_BRANCH": "main",
            "GITLAB_USER_LOGIN": job.user.username,
            "GITLAB_USER_ID": str(job.user.id), "CI_JOB_TOKEN": token.value,
        }  # fmt: skip
        every = {**predefined, **self.settings(job), **pipeline.variables, **job.variables}
        return {
            **{name: expand(value, every) for name, value in every.items()},
            # The component's script puts a job's inputs into such variables; where none runs, it is done here.
            **({f"ML_RELEASE_{name.upper()}": value for name, value in job.inputs.items()} if inputs else {}), **more,
        }  # fmt: skip

    def settings(self, job: Job) -> dict[str, str]:
        """Return the CI/CD variables of the project's settings that this job gets (section 8.3)."""
        project = job.pipeline.project
        is_protected = job.pipeline.ref in project.protected
        return {
            each.key: each.value
            for each in project.variables
            if each.environment in {"*", job.spec.environment} and (is_protected or not each.protected)
        }


@contextmanager
def gitlab() -> Iterator[Server]:
    """Run a double and stop it."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Server(f"http://127.0.0.1:{httpd.server_address[1]}")
    httpd.double = server  # type: ignore[attr-defined]  # added to it here
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""

    @property
    def double(self) -> Server:
        return self.server.double  # type: ignore[attr-defined,no-any-return]  # added to it above

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        git = gitlab_git.serve(
            self.double.world, self.double.repositories, method, parts.path, parts.query, self.headers, raw
        )
        if git is not None:
            status, headers, content = git
            self._answer(status, content, headers, headers.pop("Content-Type", "text/plain"))
            return
        body = json.loads(raw) if raw and "json" in (self.headers.get("Content-Type") or "") else {}
        query = parse_qs(parts.query)
        self.double.seen.append(Seen(method, parts.path, query, body, dict(self.headers)))
        fault = next((each for each in self.double.faults if each.path in parts.path and each.times), None)
        if fault is not None:
            fault.times -= 1
            self._answer(fault.status, fault.body, fault.headers, fault.content_type)
            return
        try:
            self._right(method, parts.path, query, body)
        except Refusal as refusal:
            self._answer(refusal.status, json.dumps(refusal.payload).encode(), {})

    def _right(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> None:
        if path == "/oauth/discovery/keys":
            return self._answer(200, json.dumps({"keys": [self.double.issuer.jwk]}).encode(), {})
        if path == "/.well-known/openid-configuration":
            known = {"issuer": self.double.url, "jwks_uri": f"{self.double.url}/oauth/discovery/keys"}
            return self._answer(200, json.dumps(known).encode(), {})
        found, matched = self._find(method, path.removeprefix("/api/v4") if path.startswith("/api/v4/") else "")
        token = self._token(found, query)
        call = Call(self.double.world, self.double.url, token, query, body, matched)
        result = found.handler(call)
        if isinstance(result, bytes):
            kind = "application/zip" if result.startswith(b"PK") else "text/plain"
            return self._answer(found.status, result, {}, kind)
        headers: dict[str, str] = {}
        if isinstance(result, list):
            result, headers = self._page(result, query, path)
        return self._answer(found.status, json.dumps(result).encode(), headers)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in ROUTES:
            match = route.pattern.fullmatch(path)
            if match and route.method == method:
                matched = {name: unquote(value) for name, value in match.groupdict().items()}
                return route, matched | {"rest": path.partition("/artifacts/")[2]}
        raise refuse(404, "404 Not Found", "error")

    def _token(self, route: Route, query: dict[str, list[str]]) -> Token | None:
        """Who calls: section 4, "no/invalid token"; a job token on a call that takes none is no token at all."""
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        job = self.headers.get("JOB-TOKEN") or query.get("job_token", [""])[0]
        shown = self.headers.get("PRIVATE-TOKEN") or bearer or job
        token = self.double.world.tokens.get(shown)
        if shown and (token is None or (token.job is not None and token.job.status != "running")):
            raise refuse(401, "401 Unauthorized")
        if token is not None and token.job is not None:
            world = self.double.world
            newer = {"new": world.job_tokens_read_jobs, "newest": world.job_tokens_read_requests}
            allowed = {"always": True, "never": False, **newer}[route.job_token]
            if not allowed:
                raise refuse(404, "404 Project Not Found") if route.method == "GET" else refuse(401, "401 Unauthorized")
        elif (
            token is not None
            and "api" not in token.scopes
            and (route.method != "GET" or "read_api" not in token.scopes)
        ):
            raise Refusal(
                403, {"error": "insufficient_scope", "error_description": "higher privileges", "scope": "api"}
            )
        if token is None and route.method != "GET":
            raise refuse(401, "401 Unauthorized")
        return token

    def _page(self, items: list[Any], query: dict[str, list[str]], path: str) -> tuple[list[Any], dict[str, str]]:
        """Give one page: offset style with totals, or keyset style with a link to the next."""
        per = min(int(query.get("per_page", [str(PAGE)])[0]), LARGEST)
        number = int(query.get("page", ["1"])[0])
        keyset = query.get("pagination", [""])[0] == "keyset"
        start = int(query.get("cursor", ["0"])[0]) if keyset else (number - 1) * per
        more = start + per < len(items)
        following = {"cursor": start + per} if keyset else {"page": number + 1}
        kept = {name: value for name, value in query.items() if name not in {"page", "cursor"}}
        link = f"{self.double.url}{path}?{urlencode({**kept, **following}, doseq=True)}"
        headers = {"Link": f'<{link}>; rel="next"'} if more else {}
        if not keyset:
            headers |= {
                "X-Page": str(number), "X-Per-Page": str(per), "X-Total": str(len(items)),
                "X-Total-Pages": str(-(-len(items) // per)), "X-Next-Page": str(number + 1) if more else "",
                "X-Prev-Page": str(number - 1) if number > 1 else "",
            }  # fmt: skip
        return items[start : start + per], headers

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str], content_type: str = "application/json"
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.send_header("X-Request-Id", "double")
        self.end_headers()
        self.wfile.write(body)


def _in_scope(token: Token, route: Route) -> bool:
    return "api" in token.scopes or (route.method == "GET" and "read_api" in token.scopes)
