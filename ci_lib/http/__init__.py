"""One transport for python-gitlab, python-jenkins and our own calls.

`Transport` is a `requests.Session` for one service: it can be handed to both clients, and all of their traffic goes
through its `send`. Alone they wait for ever, repeat what must not be repeated, or take a login page for success
(measured in tests/http/test_clients.py).

`retry` says what may be sent again and when, `answer` what counts as an answer, `wire` holds the sockets to the
deadline, `trust` reads proxies and certificates from the environment, `errors` has the two errors that a caller may
want to tell apart. MLflow has a client of its own, held to the same by settings (`registry.api`).
"""

from ci_lib.http.answer import Expect, Service
from ci_lib.http.errors import Denied, Uncertain
from ci_lib.http.retry import Deadline, Policy, Timing
from ci_lib.http.transport import Transport

__all__ = ["Deadline", "Denied", "Expect", "Policy", "Service", "Timing", "Transport", "Uncertain"]
