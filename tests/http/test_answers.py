"""What the transport takes for an answer, where it follows, and what it tells, against a server that fails as told."""

import gzip
import logging
from typing import Any

import pytest
from doubles import faults
from doubles.faults import Fault, html, redirect, reply, serving

from ci_lib.errors import BadInput, Unavailable
from ci_lib.http import Denied, Service, Timing, Transport, Uncertain


def call(transport: Transport, method: str = "GET", path: str = "/api", **more: Any) -> Any:
    return transport.request(method, transport.service.url + path, **more)


# ---- what counts as an answer

ODD: dict[str, tuple[Fault, str]] = {
    "a login page": (html(), "status 200 with text/html, not application/json"),
    "text": (reply(200, b"OK", "text/plain"), "with text/plain, not application/json"),
    "no content type": (reply(200, b"{}", None), "with no content type, not application/json"),
    "JSON in name only": (reply(200, b"<html>"), "with JSON that cannot be read"),
    "JSON too deep": (reply(200, b"[" * 100_000), "with JSON that cannot be read"),
    "half of it": (reply(200, b'{"id": '), "with JSON that cannot be read"),
    "not modified": (reply(304, b"", None), "status 304, to None"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", Uncertain)])
def test_what_is_no_json_is_no_success(connect: Any, name: str, method: str, kind: type[Unavailable]) -> None:
    fault, words = ODD[name]
    with serving(fault) as server:
        with pytest.raises(kind, match=f"a login page or proxy answered instead of GitLab.*{words}") as caught:
            call(connect(server.address), method)
        assert type(caught.value) is kind
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        reply(200, {"a": 1}, "application/json; charset=utf-8"),
        reply(200, {"a": 1}, "Application/Problem+JSON"),
        reply(204, b"", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_json_and_no_content_are_answers(connect: Any, fault: Fault, method: str) -> None:
    with serving(fault) as server:
        assert call(connect(server.address), method).ok


@pytest.mark.parametrize("status", [200, 201])
def test_nothing_is_an_answer_where_nothing_was_asked_for(connect: Any, status: int) -> None:
    with serving(*[reply(status, b"", "text/html")] * 3) as server:
        transport = connect(server.address)
        assert call(transport, "POST").ok
        for method in ("GET", "HEAD"):
            with pytest.raises(Unavailable, match="with text/html, not application/json"):
                call(transport, method)


def test_an_empty_body_that_calls_itself_json_is_none(connect: Any) -> None:
    with serving(reply(200, b"")) as server, pytest.raises(Unavailable, match="with JSON that cannot be read"):
        call(connect(server.address))


def test_a_caller_that_asks_for_a_log_gets_it(connect: Any) -> None:
    with serving(*[reply(200, text, "text/plain; charset=utf-8") for text in (b"line", b"")], html()) as server:
        transport = connect(server.address)
        with transport.expecting(kinds=("text/plain",)):
            assert b"".join(call(transport, stream=True).iter_content(2)) == b"line"
            assert call(transport).content == b""
            with pytest.raises(Unavailable, match="with text/html, not text/plain"):
                call(transport)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_other_errors_are_the_callers(connect: Any, status: int) -> None:
    with serving(html(status)) as server:
        assert call(connect(server.address), "POST").status_code == status
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (reply(401, {"message": "401 Unauthorized"}), r"does not know the token \(401: 401 Unauthorized\)"),
        (
            reply(403, {"error": "insufficient_scope", "error_description": "It needs more", "scope": "api read_api"}),
            r"does not let this token do it \(403: It needs more \(a token with one of the scopes: api read_api\)\)",
        ),
        (reply(403, b"<html>", "text/html", X_Error="You need to be ana to submit this."), "403: You need to be ana"),
        (reply(403, b"<html>", "text/html", X_Required_Permission="hudson.model.Item.Build"), "hudson.model.Item.Bu"),
        (reply(403, [1]), r"\(403\)"),
        (reply(401, b"[" * 100_000), r"\(401\)"),
        (reply(401, b"", None), r"\(401\)"),
    ],
)
def test_a_token_that_will_not_do_is_said_with_what_would(connect: Any, fault: Fault, words: str) -> None:
    with serving(fault) as server:
        with pytest.raises(Denied, match=words) as caught:
            call(connect(server.address), "POST")
        assert len(server.requests) == 1
    assert caught.value.exit_code == 2
    assert caught.value.hint == "GITLAB_TOKEN holds a token with the scope api"
    assert caught.value.status in {401, 403}


@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", Uncertain)])
def test_a_body_without_end_is_cut(connect: Any, method: str, kind: type[Unavailable]) -> None:
    with serving(faults.endless) as server:
        transport = connect(server.address)
        with transport.expecting(largest=1_000_000), pytest.raises(kind, match="larger than 1,000,000 bytes") as caught:
            call(transport, method)
        assert type(caught.value) is kind
        assert len(server.requests) == 1


def test_a_body_that_unpacks_to_too_much_is_cut(connect: Any) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    with serving(reply(200, bomb, Content_Encoding="gzip")) as server, pytest.raises(Unavailable, match="larger than"):
        call(connect(server.address))


def test_a_compressed_body_is_an_answer_and_a_broken_one_is_not(connect: Any) -> None:
    packed = reply(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip")
    with serving(reply(200, b"{}", Content_Encoding="gzip"), packed) as server:
        assert call(connect(server.address)).json() == {"a": 1}
        assert len(server.requests) == 2


# ---- redirects and other addresses


def test_a_redirect_on_the_same_server_is_followed(connect: Any) -> None:
    with serving(redirect("/there"), redirect("?page=2"), reply(200, {"a": 1})) as server:
        assert call(connect(server.address)).json() == {"a": 1}
        assert [request.path for request in server.requests] == ["/api", "/there", "/there?page=2"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_is_not_followed(connect: Any, status: int) -> None:
    with serving() as other, serving(redirect(f"{other.address}/there", status)) as server:
        with pytest.raises(Unavailable, match=f"sends us to another server, {other.address}: the token"):
            call(connect(server.address), headers={"PRIVATE-TOKEN": "glpat-canary"})
        assert other.requests == []


@pytest.mark.parametrize(
    "to", ["https://127.0.0.1/", "//localhost/", "http://u:p@127.0.0.1/", "ftp://127.0.0.1/", "http://["]
)
def test_a_redirect_that_only_looks_like_the_same_server_is_not_followed(connect: Any, to: str) -> None:
    with serving(redirect(to)) as server:
        with pytest.raises(Unavailable, match="sends us to another server"):
            call(connect(server.address))
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize(("idempotent", "kind"), [(False, Uncertain), (True, Unavailable)])
def test_what_changes_something_is_not_redirected(
    connect: Any, status: int, method: str, idempotent: bool, kind: type[Unavailable]
) -> None:
    with serving(redirect("/login", status)) as server:
        transport = connect(server.address)
        with (
            transport.expecting(idempotent=idempotent),
            pytest.raises(kind, match=rf"instead of GitLab.*status {status}, to /login"),
        ):
            call(transport, method)
        assert len(server.requests) == 1


def test_a_form_that_answers_with_a_redirect_gets_it_unfollowed(connect: Any) -> None:
    with serving(redirect("/job/1/console")) as server:
        transport = connect(server.address)
        with transport.expecting(redirect=True):
            answer = call(transport, "POST")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/job/1/console")
        assert len(server.requests) == 1


def test_redirects_without_end_end(connect: Any) -> None:
    with serving(*[redirect("/again")] * 20) as server:
        with pytest.raises(Unavailable, match="redirects more than 5 times"):
            call(connect(server.address))
        assert len(server.requests) == 6


def test_each_step_of_a_redirect_may_be_repeated(connect: Any) -> None:
    with serving(reply(503), redirect("/there"), reply(503), reply(200)) as server:
        assert call(connect(server.address)).ok
        assert [request.path for request in server.requests] == ["/api", "/api", "/there", "/there"]


def test_it_speaks_to_one_server_only(connect: Any) -> None:
    with serving() as other, serving() as server:
        transport = connect(server.address)
        with pytest.raises(Unavailable, match="the token stays here"):
            transport.get(other.address, headers={"PRIVATE-TOKEN": "glpat-canary"})
        assert other.requests == server.requests == []


@pytest.mark.parametrize("url", ["http://u:p@h/", "http://u@h", "https://:p@h"])
def test_an_address_with_a_password_is_refused_and_not_repeated(connect: Any, url: str) -> None:
    with pytest.raises(BadInput, match="holds a user name or password") as caught:
        connect(url)
    assert "@" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "gitlab.example", "ftp://h", "https://", "http://h:port", "http://["])
def test_an_address_that_is_none_is_bad_input(connect: Any, url: str) -> None:
    with pytest.raises(BadInput, match="address"):
        connect(url)


# ---- connections, headers, log


def test_a_safe_call_survives_a_kept_connection_that_died(connect: Any) -> None:
    with serving(faults.then_gone) as server:
        transport = connect(server.address)
        call(transport)
        assert call(transport).ok
        assert [request.connection for request in server.requests] == [1, 2]


def test_safe_calls_share_a_connection_and_unsafe_ones_get_a_fresh_one(connect: Any) -> None:
    with serving() as server:
        transport = connect(server.address)
        for method in ("GET", "GET", "POST", "GET"):
            assert call(transport, method).ok
        assert [request.connection for request in server.requests] == [1, 1, 2, 2]


def test_an_unsafe_call_does_not_go_onto_a_connection_that_died(connect: Any) -> None:
    with serving(faults.then_gone) as server:
        transport = connect(server.address)
        call(transport)
        assert call(transport, "POST").ok
        assert server.commits == 1


def test_every_request_has_an_id_which_its_repetitions_share(connect: Any) -> None:
    with serving(reply(503)) as server:
        transport = connect(server.address)
        call(transport)
        call(transport)
        call(transport, headers={"X-Request-Id": "op-7"})
        assert [request.headers["x-request-id"] for request in server.requests] == ["id-1", "id-1", "id-2", "op-7"]


def test_a_repetition_is_logged_without_query_or_headers(connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    with serving(reply(503)) as server, caplog.at_level(logging.DEBUG, "ci_lib"):
        call(connect(server.address), path="/api?private_token=canary", headers={"PRIVATE-TOKEN": "canary"})
    assert [record.getMessage() for record in caplog.records if record.name.startswith("ci_lib")] == [
        "GitLab: GET /api: status 503; try 2 of 4 in 0.5 s (X-Request-Id id-1)"
    ]


def test_real_time_and_chance_are_the_default() -> None:
    timing = Timing()
    assert timing.request_id() != timing.request_id()
    with serving() as server:
        assert Transport(Service(name="GitLab", url=server.address, token=""), {}).get(server.address).ok
