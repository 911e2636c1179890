"""A Jenkins server on a free port of the loopback, with the state of `jenkins_world`.

    with jenkins() as server:
        server.world.add_user("ben")
        ... jenkins.Jenkins(server.url, "ben", "ben-token")

It answers with pages instead of JSON where Jenkins does, asks for crumbs with passwords (not with API tokens), and
answers 503 and other faults on demand (`Server.faults`).
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from doubles.jenkins_routes import ROUTES, Answer, Call
from doubles.jenkins_world import READ, Build, Refusal, User, World

STARTING = b"<html><body>Please wait while Jenkins is getting ready to work ...</body></html>"


@dataclass
class Fault:
    """An answer that comes instead of the right one."""

    path: str
    status: int = 503
    times: int = 1
    body: bytes = STARTING
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""
    kind: str = "text/html;charset=utf-8"
    after: bool = False
    """What was asked is done all the same, and only its answer is lost."""


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: str
    body: str
    headers: dict[str, str]


class Server:
    """A running double."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.world = World()
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.sessions: dict[str, str] = {}
        self.session_ids = count(1)

    def env(self, build: Build, **more: str) -> dict[str, str]:
        """Return what an agent's ``sh`` finds; none of it is signed, and a script may set any of it."""
        return {
            "JENKINS_URL": f"{self.url}/", "JENKINS_HOME": "/var/jenkins_home", "JOB_NAME": build.job.name,
            "JOB_BASE_NAME": build.job.name.rpartition("/")[2], "BUILD_NUMBER": str(build.number),
            "BUILD_ID": str(build.number), "BUILD_URL": f"{self.url}/{build.path}", "EXECUTOR_NUMBER": "0",
            **build.parameters, **more,
        }  # fmt: skip


@contextmanager
def jenkins() -> Iterator[Server]:
    """Run a double and stop it."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Server(f"http://127.0.0.1:{httpd.server_address[1]}/jenkins")
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

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""

    @property
    def double(self) -> Server:
        return self.server.double  # type: ignore[attr-defined,no-any-return]  # added to it above

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = parts.path.removeprefix("/jenkins")
        self.double.seen.append(Seen(method, path, parts.query, body, dict(self.headers)))
        fault = next(
            (each for each in self.double.faults if each.path in path and each.times and each.method in {"", method}),
            None,
        )
        if fault is not None:
            fault.times -= 1
            if fault.after:
                self._right(method, path, parts.query, body)
            self._send(Answer(fault.body, fault.status, fault.kind if fault.body else "", fault.headers))
            return
        self._send(self._right(method, path, parts.query, body))

    def _right(self, method: str, path: str, query: str, body: str) -> Answer:
        try:
            user = self._user()
            if method == "POST":
                self._check_crumb()
            return self._call(method, path, query, body, user)
        except Refusal as refusal:
            page = f"<html><body><h1>Error</h1><p>{refusal.said}</p></body></html>".encode()
            return Answer(page, refusal.status, "text/html;charset=utf-8", refusal.headers)

    def _call(self, method: str, path: str, query: str, body: str, user: User) -> Answer:
        known = [(route, match) for route in ROUTES if (match := route.pattern.fullmatch(unquote(path)))]
        if not known:
            raise Refusal(404, "Not Found")
        found = next(((route, match) for route, match in known if route.method == method), None)
        if found is None:  # @RequirePOST
            raise Refusal(405, "Method Not Allowed", headers={"Allow": known[0][0].method})
        route, match = found
        fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        given = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        call = Call(self.double.world, self.double.url, user, given, fields, match.groupdict(), dict(self.headers))
        self._check_read(route.open, user)
        with self.double.world.lock:
            return route.handler(call)

    def _check_read(self, is_open: bool, user: User) -> None:
        """Who is not logged in and may not read gets the login page, with 403; who is gets 404 (no Job/Read)."""
        world = self.double.world
        if is_open or world.may(user, READ):
            return
        if user is world.anonymous:
            said = "<meta http-equiv='refresh' content='1;url=/jenkins/login'>Authentication required"
            raise Refusal(403, said, headers={"X-Required-Permission": "hudson.model.Hudson.Read"})
        raise Refusal(404, "Not Found")

    def _user(self) -> User:
        """Basic credentials: an API token or a password. A bad one is 401 at once (section 3, Errors)."""
        world = self.double.world
        kind, _, coded = (self.headers.get("Authorization") or "").partition(" ")
        if kind != "Basic":
            return world.anonymous
        name, _, secret = base64.b64decode(coded).decode().partition(":")
        found = world.tokens.get((name.casefold(), secret))
        if found is not None:
            return found
        account = world.users.get(name.casefold())
        if account is None or account.password != secret:
            raise Refusal(401, "Invalid password/token for user: " + name)
        return account

    def _check_crumb(self) -> None:
        """ApiCrumbExclusion: API tokens need none. A crumb is of one user and one session."""
        world = self.double.world
        _, _, coded = (self.headers.get("Authorization") or "").partition(" ")
        name, _, secret = base64.b64decode(coded).decode().partition(":") if coded else ("", "", "")
        if not world.csrf or (name.casefold(), secret) in world.tokens:
            return
        if self.headers.get("Jenkins-Crumb") != crumb(name, self._session()):
            raise Refusal(403, "No valid crumb was included in the request")

    def _session(self) -> str:
        cookie = self.headers.get("Cookie") or ""
        return cookie.partition("JSESSIONID=")[2].partition(";")[0]

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "X-Jenkins": "2.579", **answer.headers}
        if answer.session:
            number = f"node{next(self.double.session_ids)}"
            name = (
                base64.b64decode((self.headers.get("Authorization") or " Og==").split(" ")[1])
                .decode()
                .partition(":")[0]
            )
            headers["Set-Cookie"] = f"JSESSIONID={number}; Path=/; HttpOnly"
            answer.body = json.dumps({
                "_class": "hudson.security.csrf.DefaultCrumbIssuer", "crumb": crumb(name, number),
                "crumbRequestField": "Jenkins-Crumb",
            }).encode()  # fmt: skip
        for name, value in {**headers, "Content-Length": str(len(answer.body))}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)


def crumb(user: str, session: str) -> str:
    """Return the crumb of a user in a session (DefaultCrumbIssuer)."""
    return hashlib.sha256(f"{user};{session}".encode()).hexdigest()
