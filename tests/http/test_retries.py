"""What the transport sends, sends again, and when it gives up, against a server that fails as it is told to."""

import socket
from email.utils import formatdate
from typing import Any

import pytest
from doubles import faults
from doubles.faults import Clock, Fault, reply, reset, serving, silent, truncated

from ci_lib.errors import BadInput, Unavailable
from ci_lib.http import Deadline, Service, Timing, Transport, Uncertain
from ci_lib.http.transport import Policy, deadline

STATUSES = (500, 502, 503, 504)
BREAKS: dict[str, Fault] = {
    **{f"{status} before": reply(status, commits=False) for status in STATUSES},
    **{f"{status} after": reply(status) for status in STATUSES},
    "reset before": reset(commits=False),
    "reset after": reset(commits=True),
    "reset in the headers": reset(commits=True, after=b"HTTP/1.1 200 OK\r\nContent-"),
    "truncated": truncated,
    "no HTTP": reset(commits=True, after=b"220 mail.example ESMTP\r\n\r\n"),
}
"""After these nobody knows whether something was done."""

WAITS = [0.5, 1.0, 2.0]
"""Half of 1, 2 and 4 s: the dice show 0.5."""


def call(transport: Transport, method: str = "GET", path: str = "/api", **more: Any) -> Any:
    return transport.request(method, transport.service.url + path, **more)


# ---- safe calls


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_safe_call_is_sent_again_after_whatever_broke(connect: Any, clock: Clock, name: str, method: str) -> None:
    if name == "truncated" and method == "HEAD":
        name = "reset after"  # a reply to HEAD has no body to break off
    with serving(BREAKS[name], BREAKS[name], reply()) as server:
        assert call(connect(server.address), method).status_code == 200
        assert [request.method for request in server.requests] == [method] * 3
    assert clock.slept == WAITS[:2]


@pytest.mark.parametrize("name", BREAKS)
def test_a_safe_call_is_given_up_after_four_tries(connect: Any, clock: Clock, name: str) -> None:
    with serving(*[BREAKS[name]] * 9) as server:
        with pytest.raises(
            Unavailable, match=r"GitLab at http://127.0.0.1:\d+ did not answer: .*asked 4 times"
        ) as caught:
            call(connect(server.address))
        assert len(server.requests) == 4
    assert type(caught.value) is Unavailable
    assert caught.value.hint
    assert clock.slept == WAITS


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_call_marked_idempotent_is_as_good_as_safe(connect: Any, method: str) -> None:
    with serving(reset(commits=True), reply(503), truncated) as server:
        transport = connect(server.address)
        with transport.expecting(idempotent=True):
            assert call(transport, method, json={"a": 1}).json() == {}
        assert [request.body for request in server.requests] == [b'{"a": 1}'] * 4


def test_the_mark_ends_with_its_block(connect: Any) -> None:
    with serving(reply(503)) as server:
        transport = connect(server.address)
        with transport.expecting(idempotent=True):
            pass
        with pytest.raises(Uncertain):
            call(transport, "POST")
        assert len(server.requests) == 1


# ---- unsafe calls


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_unsafe_call_is_never_sent_again_after_bytes_have_left(
    connect: Any, clock: Clock, name: str, method: str
) -> None:
    with serving(*[BREAKS[name]] * 2) as server:
        with pytest.raises(Uncertain, match=rf"did not confirm {method} /api: .* was not sent again") as caught:
            call(connect(server.address), method, json={})
        assert len(server.requests) == 1
        assert server.commits == (method == "POST" and "before" not in name)
    assert caught.value.exit_code == 4
    assert "look in GitLab" in caught.value.hint
    assert clock.slept == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [408, 429])
def test_what_a_server_says_it_did_not_process_is_sent_again(connect: Any, method: str, status: int) -> None:
    with serving(reply(status, commits=False), reply(status, commits=False), reply(201)) as server:
        assert call(connect(server.address), method).status_code == 201
        assert len(server.requests) == 3
        assert server.commits == (method == "POST")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_is_tried_again_whatever_the_call(connect: Any, clock: Clock, method: str) -> None:
    with pytest.raises(Unavailable, match=r"connection refused \(asked 4 times\)") as caught:
        call(connect(faults.nobody()), method)
    assert type(caught.value) is Unavailable
    assert clock.slept == WAITS


def test_an_unknown_host_is_said(connect: Any) -> None:
    with pytest.raises(Unavailable, match="no such host"):
        call(connect("http://gitlab.invalid"))


def test_a_body_that_can_be_read_once_is_sent_once(connect: Any) -> None:
    with serving(reply(429), reply(201)) as server:
        with pytest.raises(Unavailable, match="status 429"):
            call(connect(server.address), "POST", data=iter([b"a", b"b"]))
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [501, 505])
def test_what_never_gets_better_is_not_tried_again(connect: Any, status: int) -> None:
    with serving(reply(status)) as server:
        with pytest.raises(Unavailable, match="asked once"):
            call(connect(server.address))
        assert len(server.requests) == 1


# ---- Retry-After


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("asked", "slept"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({"Retry_After": formatdate(1_800_000_009, usegmt=True)}, 9.0),
        ({"Retry_After": "Fri, 15 Jan 2027 08:00:11 -0000"}, 11.0),
        ({"Retry_After": "3600"}, 60.0),
        ({"Retry_After": "99999999999999999999"}, 0.5),
        ({"Retry_After": "9" * 5000}, 0.5),
        ({"Retry_After": "Fri, 15 Jan 2027 99:99:99 GMT"}, 0.5),
        ({"Retry_After": formatdate(4_000_000_000, usegmt=True)}, 60.0),
        ({"Retry_After": formatdate(1_700_000_000, usegmt=True)}, 0.5),
        ({"Retry_After": "soon"}, 0.5),
        ({"Retry_After": "-5"}, 0.5),
        ({"Retry_After": "²"}, 0.5),
        ({"Retry_After": "nan"}, 0.5),
        ({"Retry_After": "0"}, 0.5),
        ({"RateLimit_Reset": "1800000013"}, 13.0),
        ({"RateLimit_Reset": "tomorrow"}, 0.5),
        ({"Retry_After": "2", "RateLimit_Reset": "1800000013"}, 2.0),
        ({}, 0.5),
    ],
)
def test_a_wait_that_a_server_asks_for_is_kept_within_reason(
    connect: Any, clock: Clock, method: str, asked: dict[str, str], slept: float
) -> None:
    with serving(reply(429, commits=False, **asked)) as server:
        assert call(connect(server.address), method).ok
        assert len(server.requests) == 2
    assert clock.slept == [slept]


def test_no_wait_goes_beyond_the_deadline(connect: Any, clock: Clock) -> None:
    with serving(*[reply(429, commits=False, Retry_After="3600")] * 9) as server:
        transport = connect(server.address, {"ML_RELEASE_HTTP_DEADLINE": "100"})
        with pytest.raises(Unavailable, match=r"status 429 \(asked 2 times; no time is left to wait longer\)"):
            call(transport)
        assert len(server.requests) == 2
    assert clock.slept == [60.0]


def test_waits_are_drawn_below_a_limit_that_doubles_and_ends(timing: Timing, clock: Clock) -> None:
    clock.dice = 1.0
    assert [Policy().wait(attempt, {}, timing) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 20, 20, 20]
    clock.dice = 0.0
    assert {Policy().wait(attempt, {}, timing) for attempt in range(1, 9)} == {0.0}


# ---- the deadline


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize(("method", "kind"), [("GET", Unavailable), ("POST", Uncertain)])
def test_a_reply_that_drips_ends_at_the_deadline(
    connect: Any, clock: Clock, headers: bool, method: str, kind: type[Unavailable]
) -> None:
    with serving(faults.drip(lambda: clock.advance(20), headers=headers)) as server:
        transport = connect(server.address)
        with pytest.raises(kind, match="no whole answer in time") as caught:
            call(transport, method)
        assert type(caught.value) is kind
        assert len(server.requests) == 1
    assert transport.deadline.left() == 0


@pytest.mark.parametrize(("method", "kind", "waits"), [("GET", Unavailable, WAITS), ("POST", Uncertain, [])])
def test_a_server_that_never_answers_is_left(
    connect: Any, clock: Clock, method: str, kind: type[Unavailable], waits: list[float]
) -> None:
    with serving(*[silent] * 4) as server, pytest.raises(kind, match="no reply in time") as caught:
        call(connect(server.address, read=0.05), method)
    assert type(caught.value) is kind
    assert clock.slept == waits


def test_a_body_that_stops_is_left(connect: Any, clock: Clock) -> None:
    def stops(server: faults.FaultServer, sock: socket.socket, request: faults.Request) -> bool:
        sock.sendall(faults.head(200, {"Content-Type": "application/json", "Content-Length": "9"}) + b"{")
        return silent(server, sock, request)

    with serving(*[stops] * 4) as server, pytest.raises(Unavailable, match="no reply in time"):
        call(connect(server.address, read=0.05))
    assert clock.slept == WAITS


def test_the_deadline_is_for_all_calls_of_a_command_and_can_start_anew(connect: Any, clock: Clock) -> None:
    with serving() as server:
        transport = connect(server.address)
        call(transport)
        clock.advance(181)
        with pytest.raises(Unavailable, match="no time is left"):
            call(transport)
        with pytest.raises(Unavailable, match="no time is left") as caught:
            call(transport, "POST")
        assert type(caught.value) is Unavailable  # nothing left this machine
        assert len(server.requests) == 1
        transport.deadline.restart()
        assert call(transport).ok


def test_two_services_can_share_a_deadline(timing: Timing, clock: Clock) -> None:
    one = Deadline(30, timing)
    with serving() as server:
        service = Service(name="GitLab", url=server.address, token="")
        first, second = (Transport(service, {}, timing=timing, within=one) for _ in range(2))
        call(first)
        clock.advance(31)
        with pytest.raises(Unavailable, match="no time is left"):
            call(second)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "soon", "²", "inf", "000000000000"])
def test_a_deadline_is_a_whole_number_of_seconds(text: str) -> None:
    with pytest.raises(BadInput, match="no whole number of seconds"):
        deadline({"ML_RELEASE_HTTP_DEADLINE": text}, Timing())
    assert deadline({}, Timing()).seconds == 180
    assert deadline({"ML_RELEASE_HTTP_DEADLINE": "9" * 50}, Timing()).seconds == 999_999_999
