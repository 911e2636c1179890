"""A proxy on the loopback between a job and an MLflow server, that does to one request what networks do.

Faults with "after" let the server do what was asked first: only the reply is lost.
"""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit

PAGE = b"<html><title>Sign in</title><form action=/login></form></html>"
HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"})
STALL = 3.0
"""Seconds that a stalled reply takes; jobs in these tests wait for one."""
SLOW = 0.5
"""Seconds that a slow reply takes."""


class Reply(NamedTuple):
    """What the server said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FaultProxy(ThreadingHTTPServer):
    """Counts requests, and does something to the one with a number, or to all from it on."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = str(urlsplit(address).netloc)
        self.lock = threading.Lock()
        self.seen: list[str] = []
        self.plan("", 0)

    @property
    def url(self) -> str:
        """Return where jobs find the registry."""
        return f"http://127.0.0.1:{self.server_port}"

    def plan(self, fault: str, at: int, *, on: bool = False) -> None:
        """Forget what was seen, and say what happens to the request with a number, counted from 1."""
        with self.lock:
            self.seen, self.fault, self.at, self.on = [], fault, at, on

    def now(self, request: str) -> str:
        """Count a request and return what happens to it."""
        with self.lock:
            self.seen.append(request)
            number = len(self.seen)
            return self.fault if number == self.at or (self.on and number > self.at > 0) else ""

    def handle_error(self, *_: object) -> None:
        """Say nothing: connections break here on purpose."""


class Handler(BaseHTTPRequestHandler):
    """One connection of a job."""

    server: FaultProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each reply waits 40 ms between its head and its body

    def do_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.now(f"{self.command} {urlsplit(self.path).path}")
        if instead := INSTEAD.get(fault):
            instead(self)
            return
        AFTER[fault](self, self.ask(body))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815 -- http.server's names

    def ask(self, body: bytes) -> Reply:
        """Ask the server."""
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", "connection"}}
        upstream.request(self.command, self.path, body=body, headers=headers)
        reply = upstream.getresponse()
        said = Reply(reply.status, reply.getheaders(), reply.read())
        upstream.close()
        return said

    def head(self, status: int, headers: list[tuple[str, str]], length: int) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def answer(self, reply: Reply) -> None:
        self.head(reply.status, reply.headers, len(reply.body))
        self.wfile.write(reply.body)

    def reset(self, *_: Reply) -> None:
        """End the connection the hard way: the other side reads ECONNRESET."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def failed(self, *_: Reply) -> None:
        self.answer(Reply(500, [("Content-Type", "text/html")], b"<h1>Internal Server Error</h1>"))

    def page(self, *_: Reply) -> None:
        self.answer(Reply(200, [("Content-Type", "text/html")], PAGE))

    def truncated(self, reply: Reply) -> None:
        self.head(reply.status, reply.headers, len(reply.body) + 10)
        self.wfile.write(reply.body[: len(reply.body) // 2])
        self.close_connection = True

    def slow(self, reply: Reply) -> None:
        self.head(reply.status, reply.headers, len(reply.body))
        for part in (reply.body[:1], reply.body[1:2], reply.body[2:]):
            time.sleep(SLOW / 3)
            self.wfile.write(part)
            self.wfile.flush()

    def stalled(self, reply: Reply) -> None:
        self.head(reply.status, reply.headers, len(reply.body) + 1)
        self.wfile.write(reply.body)
        self.wfile.flush()
        time.sleep(STALL)
        self.close_connection = True

    def too_many(self, after: str) -> None:
        headers = [("Retry-After", after), ("Content-Type", "application/json")]
        self.answer(Reply(429, headers, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}'))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _soon() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


INSTEAD: dict[str, Callable[[Handler], None]] = {
    "reset before": Handler.reset,
    "a page instead": Handler.page,
    "500 instead": Handler.failed,
    "429 with seconds": lambda handler: handler.too_many("1"),
    "429 with a date": lambda handler: handler.too_many(_soon()),
}
AFTER: dict[str, Callable[[Handler, Reply], None]] = {
    "": Handler.answer,
    "reset after": Handler.reset,
    "500 after": Handler.failed,
    "truncated after": Handler.truncated,
    "a page after": Handler.page,
    "slow": Handler.slow,
    "stalled after": Handler.stalled,
}
FAULTS = tuple(fault for fault in (*INSTEAD, *AFTER) if fault)


@contextmanager
def fault_proxy(address: str) -> Iterator[FaultProxy]:
    """Run a proxy before a server."""
    with FaultProxy(address) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
