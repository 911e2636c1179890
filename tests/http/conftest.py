"""A transport with a clock that stands still, against a server that fails."""

from collections.abc import Callable, Mapping

import pytest
from doubles.faults import Clock

from ci_lib.http import Policy, Service, Timing, Transport

Open = Callable[..., Transport]

NEEDED = "GITLAB_TOKEN holds a token with the scope api"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timing(clock: Clock) -> Timing:
    ids = iter(f"id-{number}" for number in range(1, 100))
    return Timing(
        monotonic=lambda: clock.at,
        now=lambda: clock.date,
        sleep=clock.sleep,
        random=lambda: clock.dice,
        request_id=lambda: next(ids),
    )


@pytest.fixture
def connect(timing: Timing) -> Open:
    """Return what opens a transport; no wait of it is real but that for a silent server, which is short."""

    def open_one(
        address: str, env: Mapping[str, str] | None = None, *, name: str = "GitLab", read: float = 10.0
    ) -> Transport:
        service = Service(name=name, url=address, token=NEEDED)
        return Transport(service, env or {}, timing=timing, policy=Policy(), read=read)

    return open_one
