"""A `requests.Session` for one service, to be handed to python-gitlab, python-jenkins and our own calls."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response

from ci_lib.errors import BadInput, Unavailable
from ci_lib.http import trust
from ci_lib.http.answer import SAFE, Expect, Service
from ci_lib.http.exchange import Exchange
from ci_lib.http.retry import Deadline, Policy, Timing
from ci_lib.http.wire import Wire

DEADLINE = "ML_RELEASE_HTTP_DEADLINE"
SECONDS = 180
"""Default of a command's deadline: four tries of 30 s each and what a server may ask to wait once."""

CONNECT, READ = 5.0, 30.0
"""Seconds for a connection to come up, and without a byte of a reply."""

REDIRECTS = 5

PORTS = {"http": 80, "https": 443}


def deadline(env: Mapping[str, str], timing: Timing) -> Deadline:
    """Return the deadline of one command: ``ML_RELEASE_HTTP_DEADLINE`` seconds.

    Raises:
        BadInput: it is no number above 0.
    """
    text = env.get(DEADLINE) or str(SECONDS)
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        message = f"{DEADLINE}={text!r} is no whole number of seconds above 0"
        raise BadInput(message, f"{DEADLINE}={SECONDS}")
    return Deadline(int(text[:9]), timing)


class Transport(requests.Session):
    """A session that waits, repeats, follows and believes no more than it should.

    It speaks to one origin only (scheme, host and port): a redirect or a ``next`` link that leads elsewhere would
    carry the token there. Timeouts that callers pass are ignored; so are proxies, certificates and ``verify``, which
    come from the environment, and ``verify=False`` is refused. Not for several threads at once.

    Args:
        service: whom it speaks to.
        env: proxies, certificate authorities, client certificate, deadline.
        timing: clock, sleep and chance.
        within: the command's deadline, where several transports share one.
        policy: how often, how long between.
        connect: seconds.
        read: seconds.

    Raises:
        BadInput: the address is none, or holds a user name or password; or what `env` names cannot be used.
    """

    def __init__(
        self,
        service: Service,
        env: Mapping[str, str],
        *,
        timing: Timing | None = None,
        within: Deadline | None = None,
        policy: Policy | None = None,
        connect: float = CONNECT,
        read: float = READ,
    ) -> None:
        super().__init__()
        timing = timing or Timing()
        self.service = service
        self.origin = origin(service.url, service.name)
        self.deadline = within or deadline(env, timing)
        self.trust_env = False
        self.max_redirects = REDIRECTS
        self._timing = timing
        self._expect = Expect()
        self._settings = {
            "verify": trust.bundle(env) or True,
            "cert": trust.client_certificate(env),
            "proxies": trust.proxies(env, service.url),
        }
        wire = Wire(self.deadline, connect, read)
        self.adapters.clear()
        exchange = Exchange(wire, service, policy or Policy(), timing, lambda: self._expect)
        for scheme in PORTS:
            self.mount(f"{scheme}://", exchange)

    @contextmanager
    def expecting(self, **changes: Any) -> Iterator[None]:  # noqa: ANN401 -- the fields of Expect
        """Say something of the calls inside, see `Expect`: for clients that have no way to pass it on."""
        before = self._expect
        self._expect = replace(before, **changes)
        try:
            yield
        finally:
            self._expect = before

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # noqa: ANN401 -- requests' own
        """Send, and return an answer; see `Exchange.send` for what is raised.

        Raises:
            BadInput: the caller wants certificates unchecked.
            Unavailable: an address on another origin, or redirects without end.
        """
        self._refuse_elsewhere(str(request.url))
        if kwargs.get("verify") is False:
            message = f"{self.service} is asked with verify=False, which would let anybody answer in its place"
            raise BadInput(message, "SSL_CERT_FILE=PATH of its certificate authority's PEM file")
        request.headers.setdefault("X-Request-Id", self._timing.request_id())
        try:
            return super().send(request, **{**kwargs, **self._settings})
        except requests.TooManyRedirects as error:
            message = f"{self.service} redirects more than {REDIRECTS} times"
            raise Unavailable(message, f"curl -iL {self.service.url}") from error

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return where to go on: after GET and HEAD only, and on the same origin only."""
        target = super().get_redirect_target(resp)
        if target is None or resp.request.method not in SAFE:
            return None
        self._refuse_elsewhere(target, resp.url)
        return target

    def _refuse_elsewhere(self, target: str, base: str = "") -> None:
        try:
            found = origin(urljoin(base, target), self.service.name)
        except (BadInput, ValueError):
            found = ("", "an address that is none", 0)
        if found != self.origin:
            where = "{}://{}:{}".format(*found) if found[0] else found[1]
            message = f"{self.service} sends us to another server, {where}: the token stays here"
            raise Unavailable(message, f"use the address that {self.service.name} gives, https where it says https")


def origin(url: str, name: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address (RFC 6454, 4).

    Raises:
        BadInput: it is no http or https address, or holds a user name or password.
    """
    try:
        parts = urlsplit(url)
        found = parts.scheme, (parts.hostname or "").rstrip("."), parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        message = f"the address of {name} cannot be read as a URL"
        raise BadInput(message, "write https://HOST") from error
    if "@" in parts.netloc:
        message = f"the address of {name} holds a user name or password, which ends up in logs"
        raise BadInput(message, "take it out of the address, and set the token in its own variable")
    if found[0] not in PORTS or not found[1]:
        message = f"{url!r} is no address of {name}"
        raise BadInput(message, "write https://HOST")
    return found
