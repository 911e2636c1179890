"""What counts as an answer: a whole body, not too large, JSON where it says success."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from requests import Response

from ci_lib.errors import BadInput, ReleaseError, Unavailable
from ci_lib.http.errors import Denied, Uncertain
from ci_lib.text import visible

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1). PUT and DELETE count as unsafe unless the caller says otherwise: after
somebody else's change they do not mean the same any more."""

READING = frozenset({"GET", "HEAD"})
"""Methods that ask for something."""

JSON = "application/json"

CHUNK = 65_536
"""Bytes read at a time, after decompression."""

LONGEST = 200
"""Characters of a server's own message that are repeated."""

NO_CONTENT, UNAUTHORIZED, FORBIDDEN, PROXY_AUTHENTICATION = 204, 401, 403, 407


@dataclass(frozen=True, kw_only=True)
class Service:
    """Whom a transport speaks to, and what to say when they do not let us."""

    name: str
    """``GitLab`` or ``Jenkins``, as messages call it."""
    url: str
    token: str
    """The sentence of which token with which scope is needed, and which variable holds it."""

    def __str__(self) -> str:
        """Name it with its address."""
        return f"{self.name} at {self.url}"


@dataclass(frozen=True, kw_only=True)
class Expect:
    """What the caller knows of the calls it is about to make."""

    idempotent: bool = False
    """Sending it twice is the same as once, whatever the method: it may be repeated after bytes have left."""
    kinds: tuple[str, ...] = (JSON,)
    """Content types of a success; ``text/plain`` for a log. Empty is a success too, but of a GET for JSON."""
    redirect: bool = False
    """A POST is answered with a redirect when it succeeded, as Jenkins' forms are; it is returned, never followed."""
    largest: int = 16 * 2**20
    """Bytes of a body, after decompression."""


class TooLargeError(Exception):
    """The body goes on and on."""


def read(response: Response, largest: int) -> None:
    """Read the whole body into the response, so that nothing that can break is left for later.

    Raises:
        TooLargeError: it has more bytes than that.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := response.raw.read(CHUNK, decode_content=True):
        size += len(chunk)
        if size > largest:
            response.close()
            raise TooLargeError
        parts.append(chunk)
    response._content = b"".join(parts)  # noqa: SLF001 -- what `Response.content` returns; there is no other way to set it
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 -- as above, and not in the stubs


def judge(response: Response, service: Service, expect: Expect, *, safe: bool) -> Response:
    """Return an answer that the caller can use: a success as expected, or an error that is the caller's (404, 409, …).

    Raises:
        Denied: 401 or 403.
        BadInput: a proxy asks for a password.
        Unavailable: something that is not the service answered; Uncertain where the request may have been done.
    """
    status = response.status_code
    if status in {UNAUTHORIZED, FORBIDDEN}:
        raise _denied(response, service)
    if status == PROXY_AUTHENTICATION:
        raise _proxy_password(service)
    if odd := _oddity(response, expect):
        kind = Unavailable if safe else Uncertain
        message = f"a login page or proxy answered instead of {service}: {odd}"
        raise kind(message, f"curl -i {service.url} from the same machine, then check address, token and HTTPS_PROXY")
    return response


def _oddity(response: Response, expect: Expect) -> str | None:
    """Return what is wrong with an answer that is no error; None when nothing is."""
    status = response.status_code
    if 300 <= status < 400:  # noqa: PLR2004 -- 3xx
        followed = response.request.method in SAFE and response.is_redirect
        return None if followed or expect.redirect else f"status {status}, to {response.headers.get('Location')}"
    if status >= 400:  # noqa: PLR2004 -- the caller's own errors
        return None
    method = response.request.method
    if status == NO_CONTENT or (not response.content and method not in READING):
        return None
    kind = _kind(response)
    if kind not in expect.kinds:
        return f"status {status} with {kind or 'no content type'}, not {' or '.join(expect.kinds)}"
    if kind == JSON and method != "HEAD":
        try:
            response.json()
        except (ValueError, RecursionError):
            return f"status {status} with JSON that cannot be read"
    return None


def _kind(response: Response) -> str:
    """Return the content type without its parameters; every kind of JSON is JSON (RFC 6839, 3.1)."""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return JSON if kind.startswith("application/") and kind.endswith("+json") else kind


def _proxy_password(service: Service) -> BadInput:
    message = f"the proxy on the way to {service} asks for a user name and password"
    return BadInput(message, "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, or NO_PROXY=HOST to go around it")


def _denied(response: Response, service: Service) -> ReleaseError:
    status = response.status_code
    said = _said(response)
    what = "does not know the token" if status == UNAUTHORIZED else "does not let this token do it"
    return Denied(f"{service} {what} ({status}{': ' if said else ''}{said})", service.token, status)


def _said(response: Response) -> str:
    """Return the server's own reason: a header of Jenkins', or GitLab's JSON with the scopes that would do."""
    if error := response.headers.get("X-Error") or response.headers.get("X-Required-Permission"):
        return visible(error, LONGEST)
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    return visible(_reason(body), LONGEST) if isinstance(body, Mapping) else ""


def _reason(body: Mapping[str, Any]) -> str:
    words = body.get("error_description") or body.get("message") or body.get("error") or ""
    scope = body.get("scope")
    return f"{words} (a token with one of the scopes: {scope})" if scope else str(words)


def gist(error: Exception, service: Service) -> tuple[str, ReleaseError | None]:
    """Return in a few words why there was no answer, and our error where trying again cannot help."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
        found = text.rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0]
        message = f"the certificate of {service} is not trusted: {visible(found, LONGEST)}"
        return message, BadInput(message, "SSL_CERT_FILE=PATH of the certificate authority's PEM file; ask who runs it")
    if "Tunnel connection failed: 407" in text:
        return "the proxy asks for a password", _proxy_password(service)
    known = next((words for pattern, words in WORDS if pattern in text), None)
    return known or f"the connection broke off ({type(error).__name__})", None


WORDS = (
    ("Tunnel connection failed", "the proxy does not let us through"),
    ("Unable to connect to proxy", "the proxy does not answer"),
    ("refused", "connection refused"),
    ("Failed to resolve", "no such host"),
    ("Name or service not known", "no such host"),
    ("unreachable", "no way to the host"),
    ("connect timeout", "no connection in time"),
    ("timed out", "no reply in time"),
    ("IncompleteRead", "the reply broke off"),
    ("certificate required", "it asks for a client certificate"),
    ("CERTIFICATE_REQUIRED", "it asks for a client certificate"),
    ("failed to decode", "the reply cannot be decompressed"),
    ("SSL", "TLS failed"),
)
"""Words in the long messages of requests and urllib3 -> ours."""
