"""A web server on the loopback that gives prepared answers and remembers what it was asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Said = tuple[int, str]
"""Status and body."""


@dataclass
class Listening:
    """Path -> answer; ``path login`` is the answer to who sends credentials. Everything else is not found."""

    answers: Mapping[str, Said]
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and `Authorization` of each request, in order."""


@contextmanager
def listening(answers: Mapping[str, Said]) -> Iterator[Listening]:
    """Serve until the block ends."""
    state = Listening(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = self.headers.get("Authorization")
            state.asked.append((self.path, login))
            path = self.path.partition("?")[0]
            status, body = state.answers.get(f"{path} login" if login else path) or state.answers.get(path, (404, ""))
            self.send_response(status)
            if status in {301, 302}:
                self.send_header("Location", body)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        state.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
