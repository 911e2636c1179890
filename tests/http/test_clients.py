"""python-gitlab and python-jenkins through the transport, and the table of how often each really asks.

Alone (python-gitlab 8.6, python-jenkins 1.8.3, three retries allowed): a POST is sent 4 times after 500, a reset or a
broken body, a date in Retry-After is a ValueError, python-jenkins never retries, neither has a timeout, and a login
page in answer to Jenkins' POST is a success.
"""

import logging
from typing import Any

import gitlab
import jenkins
import pytest
import requests
from doubles import faults
from doubles.faults import Clock, Fault, html, redirect, reply, reset, serving, truncated

from ci_lib.ci.clients import open_gitlab, open_jenkins
from ci_lib.errors import Unavailable
from ci_lib.http import Denied, Transport, Uncertain

USER = {"id": 7, "username": "ana"}

DATE = "Fri, 15 Jan 2027 08:00:05 GMT"

TABLE: list[tuple[str, Fault, int, int]] = [
    ("429", reply(429, commits=False), 4, 4),
    ("429 with seconds", reply(429, commits=False, Retry_After="1"), 4, 4),
    ("429 with a date", reply(429, commits=False, Retry_After=DATE), 4, 4),
    ("429 with nonsense", reply(429, commits=False, Retry_After="soon"), 4, 4),
    ("408", reply(408, commits=False), 4, 4),
    ("500", reply(500), 4, 1),
    ("502", reply(502), 4, 1),
    ("503", reply(503), 4, 1),
    ("504", reply(504), 4, 1),
    ("reset before", reset(commits=False), 4, 1),
    ("reset after", reset(commits=True), 4, 1),
    ("truncated body", truncated, 4, 1),
    ("HTML with 200", html(), 1, 1),
    ("401", reply(401), 1, 1),
    ("403", reply(403), 1, 1),
]
"""The fault, played again and again, and how often a GET and a POST are sent."""


def gitlab_get(transport: Transport) -> object:
    return open_gitlab(transport, "glpat-canary").http_get("/user")


def gitlab_post(transport: Transport) -> object:
    return open_gitlab(transport, "glpat-canary").projects.get(7, lazy=True).jobs.get(3, lazy=True).play()


def jenkins_get(transport: Transport) -> object:
    return open_jenkins(transport, "ana", "canary").get_whoami()


def jenkins_post(transport: Transport) -> object:
    return open_jenkins(transport, "ana", "canary").build_job("release", {"version": "3"})


CLIENTS = {"python-gitlab": (gitlab_get, gitlab_post), "python-jenkins": (jenkins_get, jenkins_post)}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("name", "fault", "gets", "posts"), TABLE, ids=[row[0] for row in TABLE])
def test_how_often_a_client_asks(connect: Any, client: str, name: str, fault: Fault, gets: int, posts: int) -> None:
    del name
    for call, method, times in zip(CLIENTS[client], ("GET", "POST"), (gets, posts), strict=True):
        with serving(*[fault] * 9) as server:
            with pytest.raises((Unavailable, Denied)):
                call(connect(server.address))
            assert [request.method for request in server.requests] == [method] * times
            assert server.commits <= 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", ["500", "reset after", "truncated body", "HTML with 200"])
def test_a_post_that_may_have_been_done_is_told_from_one_that_was_not(connect: Any, client: str, name: str) -> None:
    fault = next(row[1] for row in TABLE if row[0] == name)
    with serving(fault) as server, pytest.raises(Uncertain):
        CLIENTS[client][1](connect(server.address))
    with serving(*[reply(429, commits=False)] * 4) as server, pytest.raises(Unavailable) as caught:
        CLIENTS[client][1](connect(server.address))
    assert not isinstance(caught.value, Uncertain)


@pytest.mark.parametrize("client", CLIENTS)
def test_nobody_there_and_nobody_answering_end_in_time(connect: Any, clock: Clock, client: str) -> None:
    for call in CLIENTS[client]:
        with pytest.raises(Unavailable, match="connection refused"):
            call(connect(faults.nobody()))
    assert clock.slept == [0.5, 1.0, 2.0] * 2
    get, post = CLIENTS[client]
    for call, waits in ((get, [0.5, 1.0, 2.0]), (post, [])):
        clock.slept.clear()
        with serving(*[faults.silent] * 4) as server, pytest.raises(Unavailable, match="no reply in time"):
            call(connect(server.address, read=0.05))
        assert clock.slept == waits


@pytest.mark.parametrize("client", CLIENTS)
def test_neither_follows_to_another_server_nor_redirects_a_post(connect: Any, client: str) -> None:
    get, post = CLIENTS[client]
    with serving() as other, serving(*[redirect(f"{other.address}/x")] * 2) as server:
        with pytest.raises(Unavailable, match="sends us to another server"):
            get(connect(server.address))
        with pytest.raises(Uncertain, match="status 302"):
            post(connect(server.address))
        assert other.requests == []


# ---- python-gitlab


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        ("private_token", "private-token", "canary"),
        ("job_token", "job-token", "canary"),
        ("oauth_token", "authorization", "Bearer canary"),
    ],
)
def test_gitlab_gets_the_token_in_its_header(connect: Any, kind: Any, header: str, value: str) -> None:
    with serving(reply(200, USER)) as server:
        assert open_gitlab(connect(server.address), "canary", kind).http_get("/user") == USER
        assert server.requests[0].headers[header] == value


def test_gitlabs_own_errors_stay_gitlabs(connect: Any) -> None:
    missing = reply(404, {"message": "404 Project Not Found"})
    with serving(missing) as server, pytest.raises(gitlab.GitlabGetError) as caught:
        open_gitlab(connect(server.address), "canary").projects.get(7)
    assert caught.value.response_code == 404


def test_a_wait_until_a_date_is_kept_and_not_a_crash(connect: Any, clock: Clock) -> None:
    with serving(reply(429, Retry_After=DATE), reply(200, USER)) as server:
        assert open_gitlab(connect(server.address), "canary").http_get("/user") == USER
    assert clock.slept == [5.0]


def test_a_next_page_elsewhere_does_not_get_the_token(connect: Any) -> None:
    with serving() as other:
        link = f'<{other.address}/api/v4/projects?page=2>; rel="next"'
        with serving(reply(200, [USER], Link=link), reply(200, [USER])) as server:
            found = open_gitlab(connect(server.address), "canary").http_list("/users", iterator=False, get_all=True)
            assert found == [USER, USER]
            assert [request.path for request in server.requests] == ["/api/v4/users", "/api/v4/projects?page=2"]
        assert other.requests == []


def test_a_job_log_is_text_where_the_caller_says_so(connect: Any) -> None:
    with serving(reply(200, b"a line", "text/plain")) as server:
        transport = connect(server.address)
        job = open_gitlab(transport, "canary").projects.get(7, lazy=True).jobs.get(3, lazy=True)
        with transport.expecting(kinds=("text/plain",)):
            assert job.trace() == b"a line"


# ---- python-jenkins


def test_jenkins_is_asked_with_the_token_and_without_a_crumb(connect: Any) -> None:
    queued = reply(201, b"", None, Location="/queue/item/12/")
    with serving(reply(200, {"id": "ana"}), queued, queued) as server:
        client = open_jenkins(connect(server.address, name="Jenkins"), "ana", "canary")
        assert client.get_whoami() == {"id": "ana"}
        assert client.build_job("release", {"version": "3"}) == 12
        client.build_job("release", {"version": "3"})
        assert {request.headers["authorization"] for request in server.requests} == {"Basic YW5hOmNhbmFyeQ=="}
        assert [request.path.partition("?")[0] for request in server.requests] == [
            "/me/api/json",
            "/job/release/buildWithParameters",
            "/job/release/buildWithParameters",
        ]


def test_jenkins_own_not_found_stays_jenkins(connect: Any) -> None:
    with serving(html(404)) as server, pytest.raises(jenkins.NotFoundException):
        open_jenkins(connect(server.address), "ana", "canary").jenkins_open(requests.Request("GET", server.address))


def test_headers_for_jenkins_from_the_environment_are_kept(
    connect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JENKINS_API_EXTRA_HEADERS", "X-Door: canary-door\nX-Other: 1")
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    with serving(reply(200, {"id": "ana"})) as server, caplog.at_level(logging.CRITICAL):
        transport = connect(server.address)
        client = open_jenkins(transport, "ana", "canary")
        client.get_whoami()
        assert server.requests[0].headers["x-door"] == "canary-door"
        assert client._session is transport
        assert transport.verify is True
    assert "canary-door" not in caplog.text
