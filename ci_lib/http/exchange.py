"""One request until it has an answer, or there is no sense in trying on."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response
from urllib3.exceptions import HTTPError

from ci_lib.errors import ReleaseError, Unavailable
from ci_lib.http import answer
from ci_lib.http.answer import SAFE, Expect, Service
from ci_lib.http.errors import Uncertain
from ci_lib.http.retry import NOT_PROCESSED, Policy, Timing, may_repeat
from ci_lib.http.wire import Adapter, Wire

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Broken:
    """A try without an answer."""

    reason: str
    cause: Exception | None = None
    final: ReleaseError | None = None
    """Our error, where another try cannot help."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Exchange(Adapter):
    """Sends, reads the whole answer, and repeats what may be repeated.

    Args:
        wire: deadline and timeouts.
        service: for messages.
        policy: how often, how long between.
        timing: clock, sleep and chance.
        expect: what the caller says of the calls of this moment.
    """

    def __init__(
        self, wire: Wire, service: Service, policy: Policy, timing: Timing, expect: Callable[[], Expect]
    ) -> None:
        super().__init__(wire)
        self._wire = wire
        self._service = service
        self._policy = policy
        self._timing = timing
        self._expect = expect

    def send(self, request: PreparedRequest, *_: Any, **more: Any) -> Response:  # noqa: ANN401 -- requests' own
        """Return an answer.

        Raises:
            Unavailable: there was none; Uncertain where the request may have been done all the same.
            BadInput: the certificate is not trusted, or the service does not let us (Denied).
        """
        expect = self._expect()
        safe = expect.idempotent or request.method in SAFE
        if not safe:
            self.close()  # a kept connection may be dead, and then nobody knows whether the request arrived
        tried = 0
        while True:
            tried += 1
            got = self._once(request, expect, more)
            if isinstance(got, Response):
                return answer.judge(got, self._service, expect, safe=safe)
            again = self._may_repeat(request, got, safe=safe)
            wait = self._policy.wait(tried, got.headers, self._timing)
            late = wait >= self._wire.deadline.left()
            if late or not again or tried == self._policy.attempts:
                raise self._error(request, got, tried, safe=safe, late=late) from got.cause
            self._log(request, got.reason, tried, wait)
            self._timing.sleep(wait)

    def _once(self, request: PreparedRequest, expect: Expect, more: Mapping[str, Any]) -> Response | _Broken:
        """Send once and read the whole answer."""
        self._wire.left = False
        if not self._wire.deadline.left():
            return _Broken(reason="no time is left")
        given = {**more, "stream": True, "timeout": self._wire.timeouts()}
        try:
            response = super().send(request, **given)
            answer.read(response, expect.largest)
        except answer.TooLargeError as error:
            reason = f"its reply is larger than {expect.largest:,} bytes"
            return _Broken(reason=reason, cause=error, final=self._unavailable(reason))
        except (RequestException, HTTPError, OSError) as error:
            reason, final = answer.gist(error, self._service)
            reason = reason if self._wire.deadline.left() else "no whole answer in time"
            return _Broken(reason=reason, cause=error, final=final)
        status = response.status_code
        if status in NOT_PROCESSED or status >= 500:  # noqa: PLR2004 -- 5xx
            return _Broken(reason=f"status {status}", status=status, headers=response.headers)
        return response

    def _may_repeat(self, request: PreparedRequest, got: _Broken, *, safe: bool) -> bool:
        whole = request.body is None or isinstance(request.body, bytes | str)  # a stream has been read
        return whole and got.final is None and may_repeat(safe=safe, left=self._wire.left, status=got.status)

    def _error(self, request: PreparedRequest, got: _Broken, tried: int, *, safe: bool, late: bool) -> ReleaseError:
        if not safe and self._wire.left and got.status not in NOT_PROCESSED:
            message = (
                f"{self._service} did not confirm {request.method} {_path(request)}: {got.reason}. It may have been "
                "done, so it was not sent again"
            )
            return Uncertain(message, f"look in {self._service.name} whether it was done, then the same command again")
        if got.final:
            return got.final
        times = "asked once" if tried == 1 else f"asked {tried} times"
        return self._unavailable(f"{got.reason} ({times}{'; no time is left to wait longer' if late else ''})")

    def _unavailable(self, reason: str) -> Unavailable:
        hint = "check the address and that it runs, then the same command again"
        return Unavailable(f"{self._service} did not answer: {reason}", hint)

    def _log(self, request: PreparedRequest, reason: str, tried: int, wait: float) -> None:
        LOG.warning(
            "%s: %s %s: %s; try %d of %d in %.1f s (X-Request-Id %s)",
            self._service.name, request.method, _path(request), reason, tried + 1, self._policy.attempts, wait,
            request.headers.get("X-Request-Id"),
        )  # fmt: skip


def _path(request: PreparedRequest) -> str:
    """Return the path without the query, which may hold a token."""
    return urlsplit(str(request.url)).path
