"""A server on the loopback that fails as it is told to, one fault a request, and remembers what reached it.

It speaks HTTP over bare sockets, because a real server library does not break off, drip or lie about lengths.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

REASON = {200: "OK", 201: "Created", 204: "No Content", 302: "Found"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What reached the server."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Number of the connection it came on, from 1."""


Fault = Callable[["FaultServer", socket.socket, Request], bool]
"""Answers one request on a socket; True keeps the connection."""


class FaultServer:
    """Plays its faults in order, then answers ``200 {}`` for ever.

    Args:
        script: one fault a request.
        tls: for https.
    """

    def __init__(self, *script: Fault, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.tls = tls
        self.requests: list[Request] = []
        self.commits = 0
        """How often something was done: every POST but where a fault comes before."""
        self.stopping = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.open: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            self.open.append(sock)
            thread = threading.Thread(target=self._connection, args=(sock, number))
            self.threads.append(thread)
            thread.start()

    def _connection(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self.open.append(sock)
            reader = sock.makefile("rb")
            while request := read_request(reader, number):
                self.requests.append(request)
                fault = self.script.pop(0) if self.script else reply()
                if not fault(self, sock, request):
                    break
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self.threads:
            thread.join(timeout=10)
        assert not any(thread.is_alive() for thread in self.threads)


def read_request(reader: "socket.SocketIO | object", number: int) -> Request | None:
    """Read one request; None when the client has gone."""
    start = reader.readline().split()  # type: ignore[attr-defined]  # socket.makefile's
    if len(start) != 3:
        return None
    headers = {}
    while line := reader.readline().strip():  # type: ignore[attr-defined]  # socket.makefile's
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", 0)))  # type: ignore[attr-defined]  # socket.makefile's
    return Request(method=start[0].decode(), path=start[1].decode(), headers=headers, body=body, connection=number)


@contextmanager
def serving(*script: Fault, tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """Run a server for the length of a test."""
    server = FaultServer(*script, tls=tls)
    try:
        yield server
    finally:
        server.stop()


def nobody() -> str:
    """Return an address where connections are refused."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return f"http://127.0.0.1:{gone.getsockname()[1]}"


# ---- the faults


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {REASON.get(status, 'Fault')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reply(
    status: int = 200,
    body: bytes | object = b"{}",
    kind: str | None = "application/json",
    *,
    commits: bool = True,
    keep: bool = True,
    **headers: str,
) -> Fault:
    """Answer; ``Retry_After="3"`` is a header."""

    def fault(server: FaultServer, sock: socket.socket, request: Request) -> bool:
        server.commits += commits and request.method == "POST"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given |= {"Content-Type": kind} if kind else {}
        given = {"Content-Length": str(len(content)), **given}
        sock.sendall(head(status, given) + (b"" if request.method == "HEAD" else content))
        return keep

    return fault


def html(status: int = 200) -> Fault:
    """A login page."""
    return reply(status, b"<html><form>Sign in</form></html>", "text/html; charset=utf-8", commits=False)


def redirect(to: str, status: int = 302) -> Fault:
    return reply(status, b"", None, commits=False, Location=to)


def reset(*, commits: bool, after: bytes = b"") -> Fault:
    """Break the connection with RST, before or after something was done."""

    def fault(server: FaultServer, sock: socket.socket, request: Request) -> bool:
        server.commits += commits and request.method == "POST"
        sock.sendall(after)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
        return False

    return fault


def truncated(server: FaultServer, sock: socket.socket, request: Request) -> bool:
    """Break off in the middle of the body, after something was done."""
    server.commits += request.method == "POST"
    sock.sendall(head(200, {"Content-Type": "application/json", "Content-Length": "1000"}) + b'{"id": ')
    return False


def silent(server: FaultServer, sock: socket.socket, request: Request) -> bool:
    """Take the request and never answer."""
    del sock
    server.commits += request.method == "POST"
    server.stopping.wait(30)
    return False


def drip(each: Callable[[], None], *, headers: bool) -> Fault:
    """Answer a byte at a time, for ever; `each` is called before each byte."""

    def fault(server: FaultServer, sock: socket.socket, request: Request) -> bool:
        server.commits += request.method == "POST"
        start = b"HTTP/1.1 200 OK\r\nX-Slow: "
        sock.sendall(start if headers else head(200, {"Content-Type": "application/json"}))
        while not server.stopping.is_set():
            each()
            sock.sendall(b"x")
            server.stopping.wait(0.001)
        return False

    return fault


def endless(server: FaultServer, sock: socket.socket, request: Request) -> bool:
    """Send a body without end, as fast as it goes."""
    del request
    sock.sendall(head(200, {"Content-Type": "application/json"}))
    while not server.stopping.is_set():
        sock.sendall(b" " * 65_536)
    return False


def then_gone(server: FaultServer, sock: socket.socket, request: Request) -> bool:
    """Answer as if the connection stayed, and break it at the next request: a stale kept connection."""
    reply()(server, sock, request)
    sock.recv(65_536)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


@dataclass
class Clock:
    """Time that passes only when somebody says so."""

    at: float = 1_000.0
    date: float = 1_800_000_000.0
    """Seconds since 1970: 15 January 2027, 08:00 UTC."""
    dice: float = 0.5
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def advance(self, seconds: float) -> None:
        self.at += seconds
