"""What may be sent again, when, and when to give up.

urllib3's own `Retry` is not used, because it cannot: it sees no reply whose body breaks off (requests reads bodies
after urllib3 has finished), knows requests only by their method and not whether bytes have left, has no deadline,
sleeps and rolls dice itself, waits up to six hours when a server says so, and raises on a Retry-After that is neither
number nor date (urllib3 2.8, `util/retry.py`).
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

NOT_PROCESSED = frozenset({408, 429})
"""The server says that it did not act (RFC 9110, 15.5.9; RFC 6585, 4): whatever was asked may be repeated."""

NEVER_BETTER = frozenset({501, 505})
"""Not implemented, HTTP version not supported: no later try helps."""

DIGITS = 12
"""A number of seconds with more digits is nonsense (and Python refuses to read one of 4,300)."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Time and chance, as arguments."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    """Seconds since 1970, for dates that a server names."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    """0 to 1."""
    request_id: Callable[[], str] = field(default=lambda: uuid.uuid4().hex)


class Deadline:
    """How long a command may spend on its services, all tries and waits together.

    Args:
        seconds: from the first request on.
        timing: the clock.
    """

    def __init__(self, seconds: float, timing: Timing) -> None:
        self.seconds = seconds
        self._monotonic = timing.monotonic
        self._ends: float | None = None

    def left(self) -> float:
        """Return the seconds that are left, 0 when it has passed; the first call starts the clock."""
        now = self._monotonic()
        if self._ends is None:
            self._ends = now + self.seconds
        return max(0.0, self._ends - now)

    def restart(self) -> None:
        """Start anew at the next request: for a command that follows a pipeline for hours, at each look."""
        self._ends = None


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often, and how long between.

    Waits are drawn evenly from 0 to a limit that doubles ("full jitter": M. Brooker, Exponential Backoff And Jitter,
    AWS Architecture Blog 2015), so that many jobs that failed together do not come back together.
    """

    attempts: int = 4
    """All tries, the first included."""
    first: float = 1.0
    """Seconds: the limit of the first wait."""
    longest: float = 20.0
    """Seconds: no drawn wait is longer."""
    obeyed: float = 60.0
    """Seconds: a server may ask for no more."""

    def wait(self, attempt: int, headers: Mapping[str, str], timing: Timing) -> float:
        """Return the seconds to wait after the given try (1 is the first)."""
        asked = asked_to_wait(headers, timing.now())
        if asked:
            return min(asked, self.obeyed)
        return timing.random() * min(self.longest, self.first * 2.0 ** (attempt - 1))


def asked_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a server asks for: Retry-After as number or date, else GitLab's RateLimit-Reset.

    None when it asks for nothing, or for something that cannot be read. A date that has passed is 0.
    """
    asked = headers.get("Retry-After", "").strip()
    if _is_number(asked):
        return float(asked)
    if asked:
        try:
            date = parsedate_to_datetime(asked)
        except ValueError:
            return None
        return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
    reset = headers.get("RateLimit-Reset", "").strip()
    return max(0.0, float(reset) - now) if _is_number(reset) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def may_repeat(*, safe: bool, left: bool, status: int | None = None) -> bool:
    """Tell whether a request that failed may be sent again.

    Args:
        safe: sending it twice is the same as once.
        left: bytes of it have left this machine.
        status: what the server answered; None when there was no whole answer.
    """
    if status in NOT_PROCESSED or not left:
        return True
    if not safe or status in NEVER_BETTER:
        return False
    return status is None or status >= 500  # noqa: PLR2004 -- 5xx
