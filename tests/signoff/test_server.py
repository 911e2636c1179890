"""The signoff page over plain HTTP: headers, doors, errors, and how it ends."""

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

import html5lib
import pytest
from doubles.gates import MemoryGate
from doubles.records import chain, sha

from ci_lib import secrets
from ci_lib.approval import end_of
from ci_lib.errors import Refused, Unavailable
from ci_lib.findings import Outcome
from ci_lib.gate import Vote
from ci_lib.signoff import Question, Signoff, serve
from ci_lib.signoff.form import Form
from ci_lib.signoff.handler import BODY

UNSETTLED = ("impact_ratio:black=1",)
YES = Vote(decision="approved", approver="ben", reason="fine", accepted=UNSETTLED)


def question(verdict: Outcome = "inconclusive", **more: object) -> Question:
    given = {"approvers": ("ben", "chen"), **more}
    decision = chain(verdict).decision
    return Question(environment="production", decision=decision, manifest=sha("m"), report=b"<p>report", **given)


class Visitor:
    """A browser without a screen."""

    def __init__(self, link: str) -> None:
        self.link = urlsplit(link)
        self.cookie = ""
        self.csrf = ""
        self.number = ""

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection(self.link.netloc, timeout=5)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, body or None, {**cookie, **named})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    def enter(self) -> "Visitor":
        response, _ = self.request("GET", f"/?{self.link.query}")
        assert response.status == 200
        self.cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
        return self

    def look(self, path: str = "/") -> str:
        response, text = self.request("GET", path)
        assert response.status == 200
        found = dict(re.findall(r'name="(csrf|number)" value="([^"]+)"', text))
        self.csrf, self.number = found.get("csrf", ""), found.get("number", "")
        return text

    def answer(self, decision: str = "approve", **fields: str) -> tuple[HTTPResponse, str]:
        sent = {
            "csrf": self.csrf, "number": self.number, "decision": decision, "approver": "ben", "reason": "fine",
            "accept": "0", **fields,
        }  # fmt: skip
        return self.request("POST", "/", urlencode(sent).encode())


@contextmanager
def opened(gate: MemoryGate, asked: Question | None = None) -> Iterator[tuple[Signoff, list[str]]]:
    links: list[str] = []
    with Signoff(gate, asked or question(), announce=links.append) as page:
        yield page, links


def test_the_page_listens_on_this_machine_only_and_announces_its_link() -> None:
    with opened(MemoryGate()) as (page, links):
        assert page.server_address[0] == "127.0.0.1"
        assert links == [page.link()]
        assert links[0].startswith(f"http://127.0.0.1:{page.server_port}/?once=")


def test_its_link_is_shown_whole_though_secrets_are_taken_out_of_all_output() -> None:
    """It is meant for who reads the terminal, and lets one browser in, once."""
    with opened(MemoryGate()) as (page, _):
        assert secrets.known({})(f"look and decide:  {page.link()}") == f"look and decide:  {page.link()}"


def test_every_answer_has_headers_that_keep_others_out() -> None:
    with opened(MemoryGate()) as (page, _):
        visitor = Visitor(page.link())
        answers = [visitor.request("GET", "/")[0], visitor.enter().request("GET", "/")[0]]
        answers += [visitor.request("GET", "/report")[0], visitor.request("GET", "/nothing")[0]]
        assert [answer.status for answer in answers] == [403, 200, 200, 404]
        for answer in answers:
            policy = answer.getheader("Content-Security-Policy") or ""
            assert "frame-ancestors 'self'" in policy
            assert "unsafe" not in policy
            assert answer.getheader("X-Frame-Options") == "SAMEORIGIN"
            assert answer.getheader("Cache-Control") == "no-store"
            assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert "sandbox" in (answers[2].getheader("Content-Security-Policy") or "")


def test_the_cookie_is_for_this_page_alone() -> None:
    with opened(MemoryGate()) as (page, _):
        response, _ = Visitor(page.link()).request("GET", "/?" + urlsplit(page.link()).query)
        cookie = response.getheader("Set-Cookie") or ""
        assert cookie.startswith(f"ml-release-{page.server_port}=")
        assert cookie.endswith("; HttpOnly; SameSite=Strict; Path=/")


def test_without_the_link_nothing_is_shown_and_nothing_can_be_answered() -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        stranger = Visitor(page.link())
        for path in ("/", "/report", "/?once=guess", "/?once="):
            response, text = stranger.request("GET", path)
            assert (response.status, "loan-approval" in text) == (403, False)
        visitor = Visitor(page.link()).enter()
        visitor.look()
        stranger.csrf, stranger.number = visitor.csrf, visitor.number
        assert stranger.answer()[0].status == 403
    assert gate.given == []


def test_a_spent_link_gets_a_new_one_on_the_terminal() -> None:
    with opened(MemoryGate()) as (page, links):
        Visitor(links[0]).enter()
        response, text = Visitor(page.link()).request("GET", "/?" + urlsplit(links[0]).query)
        assert (response.status, "used already" in text) == (403, True)
        assert len(links) == 2
        assert "loan-approval" in Visitor(links[1]).enter().look()


def test_the_spent_link_still_works_in_the_browser_that_used_it() -> None:
    with opened(MemoryGate()) as (_, links):
        visitor = Visitor(links[0]).enter()
        assert visitor.request("GET", "/?" + urlsplit(links[0]).query)[0].status == 200
        assert len(links) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_host_name_is_refused(method: str) -> None:
    with opened(MemoryGate()) as (page, _):
        visitor = Visitor(page.link()).enter()
        assert visitor.request(method, "/", Host="evil.example")[0].status == 403


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_an_answer_from_another_page_is_refused(headers: dict[str, str]) -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        sent = urlencode({"csrf": visitor.csrf, "number": "1", "decision": "approve", "approver": "ben", "reason": "x"})
        assert visitor.request("POST", "/", sent.encode(), **headers)[0].status == 403
    assert gate.given == []


def test_a_form_without_our_token_is_refused() -> None:
    gate = MemoryGate()
    with opened(gate) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        assert visitor.answer(csrf="guess")[0].status == 403
    assert gate.given == []


@pytest.mark.parametrize(
    "headers",
    [{"Content_Length": str(BODY + 1)}, {"Content_Length": "-1"}, {"Content_Length": "²"}, {"Content_Length": "x"}],
)
def test_a_form_of_no_sensible_length_is_bad_input(headers: dict[str, str]) -> None:
    with opened(MemoryGate()) as (page, _):
        visitor = Visitor(page.link()).enter()
        sent = f"POST / HTTP/1.0\r\nHost: localhost\r\nCookie: {visitor.cookie}\r\n"
        sent += f"Content-Length: {headers['Content_Length']}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", page.server_port), timeout=5) as raw:
            raw.sendall(sent.encode("latin-1"))
            assert raw.makefile("rb").readline().split()[1] == b"400"


def test_a_body_that_is_no_form_is_bad_input() -> None:
    with opened(MemoryGate()) as (page, _):
        response, text = Visitor(page.link()).enter().request("POST", "/", b"\xff\xfe")
        assert (response.status, "no form" in text) == (400, True)


def test_an_answer_is_recorded_and_shown() -> None:
    gate = MemoryGate(unsettled=UNSETTLED)
    with opened(gate) as (page, _):
        visitor = Visitor(page.link()).enter()
        assert "Waiting for a decision" in visitor.look()
        response, _ = visitor.answer()
        assert (response.status, response.getheader("Location")) == (303, "/")
        assert page.wait(poll_seconds=0.01) == "approved"
        text = visitor.look()
        assert "<h1>Approved</h1>" in text
        assert "accepted: impact_ratio:black=1" in text
        assert 'value="approve"' not in text
    assert [(a.approver.id, a.accepted) for a in gate.given] == [("ben", UNSETTLED)]


def test_the_same_form_twice_is_one_answer() -> None:
    gate = MemoryGate(required=2)
    with opened(gate, question("pass", required=2)) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        places = [visitor.answer(approver=name)[0].getheader("Location") for name in ("ben", "ben", "chen")]
    assert places == ["/", "/", "/"]
    assert len(gate.given) == 1


def test_many_at_once_are_one_answer() -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        threads = [threading.Thread(target=visitor.answer) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(gate.given) == 1


def test_an_error_is_shown_and_the_form_keeps_what_was_typed() -> None:
    gate = MemoryGate(unsettled=UNSETTLED)
    with opened(gate, question(approvers=())) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        typed = 'first line\n</textarea><script>alert(1)</script>\n"quotes" & \u202e'
        response, text = visitor.answer(approver="ana", reason=typed)
        assert response.status == 422
        tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
        area, box = tree.find(".//textarea"), tree.find(".//input[@type='checkbox']")
        assert area is not None
        assert area.text == typed
        assert box is not None
        assert "checked" in box.attrib
        who = tree.find(".//input[@id='approver']")
        assert who is not None
        assert who.attrib["value"] == "ana"
        assert "ana is an author and may not approve" in text
        assert "ask somebody else" in text
        assert visitor.answer(approver="ben")[0].status == 303


def test_an_answer_that_comes_too_late_is_told_so() -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        gate.record(Vote(decision="rejected", approver="chen", reason="elsewhere"))
        response, _ = visitor.answer()
        assert response.getheader("Location") == "/?late"
        text = visitor.look("/?late")
        assert "Your answer was not recorded" in text
        assert "elsewhere" in text
    assert len(gate.given) == 1


def test_how_many_are_still_needed() -> None:
    gate = MemoryGate(required=3)
    with opened(gate, question("pass", required=3)) as (page, _):
        visitor = Visitor(page.link()).enter()
        assert "3 people have to approve. Still needed: <b>3 of ben, chen, dora</b>." in visitor.look()
        visitor.answer()
        assert "Still needed: <b>2 of chen, dora</b>." in visitor.look()


def test_a_no_is_heard_after_enough_said_yes_and_until_it_is_released() -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        visitor, other = Visitor(page.link()).enter(), Visitor(page.link())
        visitor.look()
        other.link = urlsplit(page.link())
        other.enter().look()
        assert visitor.answer()[0].status == 303
        text = visitor.look()
        assert "Stop it before it is released" in text
        gate.released = True
        response, text = visitor.answer("reject", approver="chen", reason="wait")
        assert (response.status, "is release 1 of production already" in text) == (422, True)
        gate.released = False
        assert other.answer("reject", approver="chen", reason="wait")[0].getheader("Location") == "/"
        assert "<h1>Rejected</h1>" in other.look()
    assert [answer.decision for answer in gate.given] == ["approved", "rejected"]


def test_a_late_yes_is_told_that_it_is_decided() -> None:
    gate = MemoryGate()
    with opened(gate, question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        gate.record(Vote(decision="approved", approver="chen", reason="elsewhere"))
        assert visitor.answer()[0].getheader("Location") == "/?late"
    assert len(gate.given) == 1


LAST = date(2026, 12, 24)
BAD = ("impact_ratio:black=1", "overlap_rows")


def test_a_failed_finding_that_may_be_waived_is_waived_by_name_with_owner_and_end() -> None:
    gate = MemoryGate(failed=BAD[:1])
    with opened(gate, question("fail", waivable=BAD[:1], last_day=LAST)) as (page, _):
        visitor = Visitor(page.link()).enter()
        text = visitor.look()
        assert 'type="date" max="2026-12-24"' in text
        assert 'value="approve"' in text
        terms = {"owner-0": "risk team", "until-0": "2026-12-20", "conditions": "watch it\n\n monthly "}
        assert visitor.answer(**terms)[0].status == 422, "not ticked"
        response, text = visitor.answer(**terms | {"waive": "0", "until-0": "soon"})
        assert (response.status, "has no last day" in text) == (422, True)
        assert 'value="risk team"' in text, "the form keeps what was typed"
        assert visitor.answer(**terms, waive="0")[0].status == 303
        text = visitor.look()
        assert "waived until 2026-12-20: impact_ratio:black=1, owner risk team" in text
        assert "on condition: monthly" in text
    (given,) = gate.given
    assert [(w.finding, w.owner, w.reason) for w in given.waivers] == [("impact_ratio:black=1", "risk team", "fine")]
    assert given.waivers[0].expires_at == end_of(date(2026, 12, 20))
    assert given.conditions == ("watch it", "monthly")


def test_what_somebody_waived_is_not_asked_of_the_next() -> None:
    gate = MemoryGate(failed=BAD, required=2)
    with opened(gate, question("fail", waivable=BAD, last_day=LAST, required=2)) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        sent = {
            f"{name}-{place}": value for place in (0, 1) for name, value in (("owner", "x"), ("until", "2026-12-01"))
        }
        csrf = {"csrf": visitor.csrf, "number": visitor.number, "decision": "approve", "approver": "ben", "reason": "r"}
        body = urlencode([*(csrf | sent).items(), ("waive", "0"), ("waive", "1")]).encode()
        assert visitor.request("POST", "/", body)[0].status == 303
        text = visitor.look()
        assert text.count("is waived already") == 2
        assert 'name="waive"' not in text
        assert visitor.answer(approver="chen")[0].status == 303


def test_a_rejection_waives_nothing_whatever_is_ticked() -> None:
    gate = MemoryGate(failed=BAD[:1])
    with opened(gate, question("fail", waivable=BAD[:1], last_day=LAST)) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        assert visitor.answer("reject", waive="0")[0].status == 303
    assert gate.given[0].waivers == ()


def test_the_roles_stand_beside_the_names() -> None:
    with opened(MemoryGate(), question(roles={"ben": "risk", "chen": "data-science, risk"})) as (page, _):
        text = Visitor(page.link()).enter().look()
    assert '<option value="ben">ben (risk)</option>' in text
    assert '<option value="chen">chen (data-science, risk)</option>' in text


def test_a_failed_verdict_offers_no_approval() -> None:
    with opened(MemoryGate(), question("fail")) as (page, _):
        text = Visitor(page.link()).enter().look()
        assert 'value="approve"' not in text
        assert 'value="reject"' in text


def test_a_gate_that_cannot_be_read_is_said_on_the_page_and_ends_the_wait() -> None:
    gate = MemoryGate()
    with opened(gate) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        gate.broken = Refused("the chain changed", "ml-release run")
        response, text = visitor.request("GET", "/")
        assert (response.status, "the chain changed" in text) == (409, True)
        assert visitor.answer()[0].status == 409
        with pytest.raises(Refused, match="the chain changed"):
            page.wait(poll_seconds=0.01)


def test_a_bug_in_the_gate_reaches_the_caller() -> None:
    class Buggy(MemoryGate):
        def record(self, vote: Vote) -> object:  # type: ignore[override]  # a bug
            raise ZeroDivisionError(str(vote.decision))

    with opened(Buggy(), question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        with pytest.raises((ConnectionError, OSError)):
            visitor.answer()
        with pytest.raises(ZeroDivisionError):
            page.wait(poll_seconds=5)


def test_a_browser_that_goes_away_is_no_bug() -> None:
    gate = MemoryGate()
    with opened(gate) as (page, _):
        with socket.create_connection(("127.0.0.1", page.server_port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
            raw.sendall(b"GET / HTTP/1.0\r\n")
        assert page.wait(poll_seconds=0.01, timeout=0.02) == "waiting"


def test_another_terminal_ends_the_wait() -> None:
    gate = MemoryGate()
    timer = threading.Timer(0.05, gate.record, [Vote(decision="rejected", approver="chen", reason="no")])
    timer.start()
    assert serve(gate, question("pass"), announce=lambda _: None, poll_seconds=0.01) == "rejected"
    timer.join()


def test_nobody_answers_in_time() -> None:
    assert serve(MemoryGate(), question(), announce=lambda _: None, poll_seconds=0.01, timeout=0.03) == "waiting"


def test_an_expired_gate_ends_at_once() -> None:
    gate = MemoryGate()
    gate.expired = True
    assert serve(gate, question(), announce=lambda _: None) == "expired"


def test_the_served_page_stays_until_the_browser_has_seen_the_result() -> None:
    gate = MemoryGate()
    seen: list[str] = []

    def visit(link: str) -> None:
        visitor = Visitor(link).enter()
        visitor.look()
        visitor.answer()
        seen.append(visitor.look())
        visitor.look("/report")

    def announce(link: str) -> None:
        threading.Thread(target=visit, args=[link]).start()

    assert serve(gate, question("pass"), announce=announce, linger=10) == "approved"
    assert "<h1>Approved</h1>" in seen[0]


def test_an_unavailable_service_is_an_error_on_the_page() -> None:
    class Down(MemoryGate):
        def record(self, vote: Vote) -> object:  # type: ignore[override]  # never returns
            message = f"MLflow did not answer {vote.approver}"
            raise Unavailable(message, "try again")

    with opened(Down(), question("pass")) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        response, text = visitor.answer()
        assert (response.status, "MLflow did not answer" in text) == (422, True)
        assert not page.answered


def test_a_form_number_is_new_on_each_page() -> None:
    with opened(MemoryGate()) as (page, _):
        visitor = Visitor(page.link()).enter()
        visitor.look()
        first = visitor.number
        visitor.look()
        assert first != visitor.number
        assert Form(number=first) != Form(number=visitor.number)


@pytest.mark.parametrize(
    ("request_line", "more"),
    [
        ("GET http://[ HTTP/1.1", ""),
        ("GET //[ HTTP/1.1", ""),
        ("GET /?once=%ff HTTP/1.1", ""),
        ("POST / HTTP/1.1", f"Content-Length: {'9' * 5000}"),
        ("POST http://[ HTTP/1.1", "Content-Length: ²"),
    ],
)
def test_a_mangled_request_does_not_end_the_question(request_line: str, more: str) -> None:
    """Any program of this machine can send one."""
    with Signoff(MemoryGate(), question(), announce=lambda _: None) as page:
        cookie = f"Cookie: ml-release-{page.server_port}={page.door.session}"
        sent = "\r\n".join([request_line, "Host: 127.0.0.1", cookie, *([more] if more else []), "", ""])
        with socket.create_connection(("127.0.0.1", page.server_port), timeout=5) as connection:
            connection.sendall(sent.encode("latin-1", "replace"))
            assert connection.recv(20).startswith(b"HTTP/1.0 ")
            while connection.recv(4096):
                pass
        assert page.failure is None
        assert page.state() == "waiting"
