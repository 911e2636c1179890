"""The sockets: each read is held to the deadline, and it is known whether bytes of a request have left.

A read timeout alone bounds one read, not the whole: a server that sends a byte every 29 seconds would hold a job for
days, in the headers as in the body. So every read of a reply asks the deadline first. And what has not left cannot have
been done, whatever the error is called: that is seen here rather than guessed from exceptions.
"""

import http.client
import io
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ci_lib.http.retry import Deadline


class Wire:
    """What one transport's connections share.

    Args:
        deadline: of the command.
        connect: seconds for TCP and TLS to come up.
        read: seconds without a byte.
    """

    def __init__(self, deadline: Deadline, connect: float, read: float) -> None:
        self.deadline = deadline
        self.connect = connect
        self.read = read
        self.left = False
        """Whether bytes of the request under way have left."""

    def timeouts(self) -> tuple[float, float]:
        """Return the seconds to connect and to read that are still possible; never 0, which would mean at once."""
        left = max(self.deadline.left(), 0.001)
        return min(self.connect, left), min(self.read, left)


class _Hurried(io.RawIOBase):
    """The bytes of a reply, as long as the deadline has not passed."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, wire: Wire) -> None:
        self._raw = raw
        self._sock = sock
        self._wire = wire
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 -- a writable buffer, which has no name before 3.12
        if not self._wire.deadline.left():
            message = "the deadline has passed"
            raise TimeoutError(message)
        self._sock.settimeout(self._wire.timeouts()[1])
        count: int | None = self._raw.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


class Adapter(HTTPAdapter):
    """requests' adapter, with connections that know their wire. It sends once; the transport decides what then."""

    def __init__(self, wire: Wire) -> None:
        self._classes = _pools(wire)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- passed on as they are
        """Have direct connections made from our classes."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- urllib3's and requests' own
        """Have connections through a proxy made from our classes."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager


def _pools(wire: Wire) -> dict[str, Any]:
    """Return urllib3's connection pools whose connections ask the wire, by scheme."""

    class Reply(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- urllib3's and requests' own
            super().__init__(sock, *args, **kwargs)
            self._bytes = _Hurried(self.fp.detach(), sock, wire)
            self.fp: Any = io.BufferedReader(self._bytes)

        def begin(self) -> None:
            super().begin()
            # http.client takes the end of the connection for the end of the headers: success, with an empty body.
            if self._bytes.ended:
                nothing = b""
                raise http.client.IncompleteRead(nothing)

    class Watched:
        response_class: Any = Reply
        sock: Any

        def connect(self) -> None:
            try:
                super().connect()  # type: ignore[misc]  # a mixin before urllib3's connections
            finally:
                wire.left = False  # what a tunnel needed went to the proxy only

        def send(self, data: Any) -> None:  # noqa: ANN401 -- urllib3's and requests' own
            if self.sock is None:
                self.connect()
            wire.left = True
            super().send(data)  # type: ignore[misc]  # likewise

    class Plain(Watched, HTTPConnection):
        pass

    class Secure(Watched, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
