"""The signoff page's server: shows report and form, hands answers to the gate, ends when the gate is decided."""

import secrets
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self

from ci_lib import html
from ci_lib.errors import ReleaseError
from ci_lib.gate import Gate, State
from ci_lib.record import short
from ci_lib.signoff.door import Door
from ci_lib.signoff.form import Form, Question
from ci_lib.signoff.handler import Handler

LINGER = 3.0
"""Seconds that a decided page waits for the browser to fetch the result."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


class Signoff(ThreadingHTTPServer):
    """The page, up from `with` to the end of its block, so that a reload still shows what was decided.

    Args:
        gate: judges and keeps the answers.
        question: what is asked.
        announce: told the link to open; told another one when a spent link is tried again.
        secret: gives a new unguessable text each time.
    """

    daemon_threads = True
    allow_reuse_address = False

    def __init__(
        self, gate: Gate, question: Question, *, announce: Callable[[str], None], secret: Callable[[], str] = _secret
    ) -> None:
        self.gate = gate
        self.question = question
        self.announce = announce
        self.secret = secret
        self.door = Door(secret)
        self.lock = threading.RLock()
        self.changed = threading.Event()
        self.shown = threading.Event()
        self.framed = threading.Event()
        self.answered: set[str] = set()
        self.failure: BaseException | None = None
        self.sheet = html.style("report.css", "signoff.css")
        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def server_bind(self) -> None:
        """Bind without asking DNS what this machine is called, as `HTTPServer` does: that can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def __enter__(self) -> Self:
        """Start to answer and announce the link."""
        self.thread.start()
        self.announce(self.link())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to answer."""
        self.shutdown()
        self.thread.join()
        self.server_close()

    def link(self) -> str:
        """Return the address that lets one browser in; not as a ``token``, which would be taken out of the output."""
        return f"http://127.0.0.1:{self.server_port}/?once={self.door.link}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep a bug for `wait` to raise; a browser that went away is none."""
        del request, client_address
        error = sys.exception()
        if not isinstance(error, OSError):
            self.failure = error
            self.changed.set()

    # ---- what the handler asks

    def state(self) -> State:
        """Return how the gate stands, one question at a time."""
        with self.lock:
            return self.gate.state()

    def answer(self, form: Form) -> bool:
        """Hand an answer to the gate, once; False when it came too late.

        Raises:
            BadInput, Refused, Unavailable: the gate's reason not to take it.
        """
        with self.lock:
            if form.number in self.answered:
                return True
            state, vote = self.gate.state(), form.vote()
            if state != "waiting" and not (state == "approved" and vote.decision == "rejected"):
                return False
            self.gate.record(vote)
            self.answered.add(form.number)
            self.shown.clear()
            self.framed.clear()
        self.changed.set()
        return True

    def page(self, *, filled: Form | None = None, error: ReleaseError | None = None, late: bool = False) -> bytes:
        """Return the page as the gate stands now."""
        with self.lock:
            state, approvals, standing = self.gate.state(), self.gate.approvals(), self.gate.standing()
        return html.page(
            "signoff.html.j2",
            style=self.sheet,
            question=self.question,
            state=state,
            approvals=approvals,
            standing=standing,
            compare=short(self.question.manifest),
            form=filled or Form(number=self.secret()),
            csrf=self.door.csrf,
            error=error,
            late=late,
        )

    # ---- what the caller asks

    def linger(self, seconds: float = LINGER) -> None:
        """Let the browser that answered fetch the result, and the report into its frame, before the page closes."""
        if self.answered and self.shown.wait(seconds):
            self.framed.wait(seconds)

    def wait(
        self,
        *,
        poll_seconds: float = 1.0,
        timeout: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> State:
        """Block until the gate is decided, here or in another terminal; or return ``waiting`` after `timeout` seconds.

        Raises:
            ReleaseError: the gate cannot be read.
        """
        end = None if timeout is None else monotonic() + timeout
        while (state := self.state()) == "waiting":
            if self.failure:
                raise self.failure
            left = poll_seconds if end is None else min(poll_seconds, end - monotonic())
            if left <= 0:
                break
            self.changed.wait(left)
            self.changed.clear()
        return state


def serve(
    gate: Gate,
    question: Question,
    *,
    announce: Callable[[str], None],
    poll_seconds: float = 1.0,
    timeout: float | None = None,
    linger: float = LINGER,
) -> State:
    """Serve the page until the gate is decided, and return how.

    Who wants the page to stay for reloads while the release goes on uses `Signoff` and its `wait` instead.

    Args:
        gate: judges and keeps the answers.
        question: what is asked.
        announce: told the link to open.
        poll_seconds: how often to look whether another terminal answered.
        timeout: give up after so many seconds; None waits for ever.
        linger: at most so many seconds for the browser to fetch the result.
    """
    with Signoff(gate, question, announce=announce) as page:
        state = page.wait(poll_seconds=poll_seconds, timeout=timeout)
        page.linger(linger)
    return state
