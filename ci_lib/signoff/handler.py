"""One HTTP request to the signoff page: check who asks, then show the page, the report, or take an answer."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from ci_lib import html
from ci_lib.errors import BadInput, ReleaseError
from ci_lib.signoff import form
from ci_lib.signoff.door import host_is_ours, origin_is_ours

if TYPE_CHECKING:
    from ci_lib.signoff.server import Signoff

BODY = 1 << 16
"""Bytes that a form may have."""
DIGITS = 10
"""Python refuses to read a number of thousands of digits, with an error that is not the browser's."""


class Handler(BaseHTTPRequestHandler):
    """Answers one browser."""

    server: "Signoff"
    timeout = 30
    server_version = "ml-release"
    sys_version = ""

    def do_GET(self) -> None:
        """Show the page or the report, or let a browser in."""
        try:
            url = urlsplit(self.path)
        except ValueError:  # http://[
            self._refuse("open the link that the terminal shows")
            return
        token = parse_qs(url.query).get("once", [""])[0]
        if not host_is_ours(self.headers.get("Host", "")):
            self._refuse("this page is served under 127.0.0.1 only")
        elif token and url.path == "/" and not self._known():
            self._enter(token)
        elif not self._known():
            self._refuse("open the link that the terminal shows")
        elif url.path == "/":
            self._page(late="late" in parse_qs(url.query, keep_blank_values=True))
        elif url.path == "/report":
            self._send(HTTPStatus.OK, self.server.question.report, sheet=None)
            self.server.framed.set()
        else:
            self._notice(HTTPStatus.NOT_FOUND, "Not found", "there is no such page")

    def do_POST(self) -> None:
        """Take an answer."""
        host = self.headers.get("Host", "")
        if not host_is_ours(host) or not origin_is_ours(self.headers.get("Origin"), host) or not self._known():
            self._refuse("open the link that the terminal shows")
            return
        try:
            filled = form.read(self._body(), self.server.question)
        except BadInput as error:
            self._page(HTTPStatus.BAD_REQUEST, error=error)
            return
        if not self.server.door.trusts(filled.csrf):
            self._refuse("the form is not one of this page; reload it")
            return
        self._take(filled)

    def _take(self, filled: form.Form) -> None:
        try:
            taken = self.server.answer(filled)
        except ReleaseError as error:
            self._page(HTTPStatus.UNPROCESSABLE_ENTITY, filled=filled, error=error)
            return
        # See Other: a reload then asks for the page, it does not answer again.
        self._send(HTTPStatus.SEE_OTHER, b"", Location="/" if taken else "/?late")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > DIGITS or int(length) > BODY:
            message = f"the form has no length, or more than {BODY:,} bytes"
            raise BadInput(message, "write a shorter reason")
        return self.rfile.read(int(length))

    def _known(self) -> bool:
        return self.server.door.knows(self.headers.get("Cookie", ""), self._cookie())

    def _cookie(self) -> str:
        return f"ml-release-{self.server.server_port}"  # cookies do not tell ports apart

    def _enter(self, token: str) -> None:
        door = self.server.door
        if door.enter(token):
            cookie = f"{self._cookie()}={door.session}; HttpOnly; SameSite=Strict; Path=/"
            # A page that goes on by itself, not a redirect: after a click in another site's page a redirect would not
            # carry a SameSite=Strict cookie.
            body = html.page("enter.html.j2", style=self.server.sheet)
            self._send(HTTPStatus.OK, body, Set_Cookie=cookie)
        elif door.was_spent(token):
            self.server.announce(self.server.link())
            self._refuse("this link was used already; the terminal shows a new one")
        else:
            self._refuse("open the link that the terminal shows")

    def _page(
        self, status: HTTPStatus = HTTPStatus.OK, *, filled: form.Form | None = None, error: ReleaseError | None = None,
        late: bool = False,
    ) -> None:  # fmt: skip
        try:
            body = self.server.page(filled=filled, error=error, late=late)
        except ReleaseError as broken:
            self._notice(HTTPStatus.CONFLICT, "The gate cannot be read", str(broken))
            return
        self._send(status, body)
        if self.server.answered:
            self.server.shown.set()

    def _refuse(self, why: str) -> None:
        self._notice(HTTPStatus.FORBIDDEN, "Not here", why)

    def _notice(self, status: HTTPStatus, title: str, text: str) -> None:
        self._send(status, html.page("notice.html.j2", style=self.server.sheet, title=title, text=text))

    def _send(self, status: HTTPStatus, body: bytes, *, sheet: str | None = "", **headers: str) -> None:
        """Answer, with headers that keep others from framing, storing, sniffing or scripting the page."""
        own = html.policy(self.server.sheet) + "; frame-src 'self'; form-action 'self'"
        policy = own if sheet is not None else "sandbox"  # the report brings a policy of its own
        self.send_response(status)
        fixed = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": f"{policy}; frame-ancestors 'self'",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "same-origin",  # not no-referrer: forms would come with Origin: null
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
        }
        for name, value in {**fixed, **{key.replace("_", "-"): value for key, value in headers.items()}}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing: the link in a request line is a secret, and the terminal is for people."""
