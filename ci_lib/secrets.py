"""Secrets taken out of whatever is shown: messages, log lines, tracebacks.

Two kinds are known. *By value*: variables of the environment whose names say so, and passwords inside addresses. They
are found as they are and as libraries repeat them: percent-encoded, Base64 at each of its three alignments (so
``user:secret`` of an Authorization header needs no guess of the user), escaped by ``repr``, JSON or HTML, each line of
a PEM file, and a beginning that somebody cut off with ``…``. *By form*: the userinfo of any address, headers and query
parameters that carry tokens, GitLab's token prefixes, JSON Web Tokens.

What is shown goes through `guard`, a stream that redacts each write; `cli.start` puts it before everything else.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, TextIO, cast
from urllib.parse import quote, quote_plus, unquote

from ci_lib.errors import BadInput
from ci_lib.text import printable

REDACTED = "[redacted]"

SHORTEST = 6
"""Characters. A shorter value would be found in ordinary words; GitLab masks from 8."""

CUT = 8
"""Characters of a secret that are enough to recognise a cut-off one by."""

NAMES = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY|_PAT$|_AUTH$|AUTHORIZATION|"
    r"COOKIE|JWT|EXTRA_HEADERS",
    re.IGNORECASE,
)
"""Variables that hold a secret. python-jenkins logs ``JENKINS_API_EXTRA_HEADERS``."""

NOT_SECRET = re.compile(r"_(FILE|PATH|DIR|SOCK|URL|URI|ID|NAME|TYPE|TTL|LENGTH)$|^MLFLOW_TRACKING_AUTH$", re.IGNORECASE)
"""Names whose values say where a secret is, or what about it; ``MLFLOW_TRACKING_AUTH`` names a plugin."""

USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s\"'<>]*@")
"""Up to the last @: a password with ``/``, ``?`` or ``@`` in it, not escaped, goes as well."""

HINTS = ("auth", "token", "cookie", "crumb", "pass", "pwd", "secret", "key", "sig", "gl", "eyj")
"""One of these is in whatever a form matches; most lines have none, and cost nothing."""


@cache
def forms() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what a secret looks like from outside, and what to put in its place.

    Token prefixes: https://docs.gitlab.com/security/tokens/#token-prefixes; ``eyJ`` is Base64 of ``{"``.
    """
    sign = r"b?[\"']?\s*[:=,]\s*b?[\"']?"  # between name and value: as headers, dict, tuple or bytes
    value = r"[^\s\"',;}]+"
    return (
        (re.compile(rf"(?i)\b((?:proxy-)?authorization{sign})(?:\w+\s+)?{value}"), rf"\1{REDACTED}"),
        (re.compile(rf"(?i)\b((?:private|job|deploy)-token{sign}|jenkins-crumb{sign}){value}"), rf"\1{REDACTED}"),
        (re.compile(rf"(?i)\b((?:set-)?cookie{sign}){value}(?:;\s*{value})*"), rf"\1{REDACTED}"),
        (
            re.compile(r"(?i)([?&](?:\w*token|password|passwd|pwd|secret|api_?key|sig|signature)=)[^&\s\"'#]+"),
            rf"\1{REDACTED}",
        ),
        (re.compile(r"\bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{10,}"), REDACTED),
        (re.compile(r"\beyJ[\w-]{5,}\.eyJ[\w-]{5,}\.[\w-]+"), REDACTED),
        (
            re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
            REDACTED,
        ),
    )


def known(env: Mapping[str, str]) -> Callable[[str], str]:
    """Return what takes this environment's secrets, and all that look like one, out of a text."""

    @cache
    def pattern() -> re.Pattern[str] | None:
        return _pattern(set(values(env)))

    def redact(text: str) -> str:
        found = pattern()
        text = text if found is None else found.sub(REDACTED, text)
        return _by_form(text)

    return redact


def keep_out(texts: Iterable[str], env: Mapping[str, str]) -> None:
    """See to it that no secret of this environment is written down for good in what somebody says.

    GitLab's runner replaces ``$NAME`` in the value of a variable, so who writes about a token may write the token.

    Raises:
        BadInput: one is in there.
    """
    found = _pattern(set(values(env)))
    if found is not None and any(found.search(text) for text in texts):
        message = "what is said holds a secret of this job, and it would be kept for good"
        raise BadInput(message, "say it without; in a CI/CD variable of GitLab's, $$NAME stands for $NAME itself")


def values(env: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets that an environment holds."""
    for name, value in env.items():
        if NAMES.search(name) and not NOT_SECRET.search(name):
            yield from _pieces(value)
        if "://" in value and "@" in value:
            userinfo = value.partition("://")[2].rpartition("@")[0]
            yield from (unquote(part) for part in (userinfo, userinfo.partition(":")[2]) if len(part) >= SHORTEST)


def _pieces(value: str) -> Iterator[str]:
    """Yield a value, and each line of it or value of a header line that could be shown alone."""
    if len(value.strip()) >= SHORTEST:
        yield value.strip()
    for line in value.splitlines():
        for piece in (line.strip(), line.partition(":")[2].strip()):
            if len(piece) >= CUT and not piece.startswith("-----"):
                yield piece


def _by_form(text: str) -> str:
    if "@" in text:
        text = USERINFO.sub(rf"\g<scheme>{REDACTED}@", text)
    lower = text.lower()
    if any(hint in lower for hint in HINTS):
        for form, put in forms():
            text = form.sub(put, text)
    return text


def _pattern(secrets: set[str]) -> re.Pattern[str] | None:
    """Return one expression for all secrets in all their spellings, the longest first."""
    plain = {spelling for secret in secrets for spelling in _spellings(secret)}
    encoded = {spelling for secret in secrets for spelling in _base64(secret.encode())}
    cut = {secret[:CUT] for secret in secrets if len(secret) > CUT}
    parts = [re.escape(spelling) for spelling in sorted(plain, key=len, reverse=True)]
    if encoded:
        either = "|".join(map(re.escape, sorted(encoded, key=len, reverse=True)))
        parts.append(rf"[\w+/-]{{0,4}}(?:{either})[\w+/=-]{{0,4}}")  # with the signs that hold a part of it
    parts += [rf"{re.escape(start)}[^\s…]* ?…" for start in sorted(cut)]
    return re.compile("|".join(parts)) if parts else None


def _spellings(secret: str) -> Iterator[str]:
    import json  # noqa: PLC0415 -- `ml-release --help` on a laptop, where there are no secrets, does not pay for it

    yield secret
    yield printable(secret)  # what the console makes of hidden characters comes before us
    for coded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield coded
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), coded)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    escaped = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for double, single in (("&quot;", "&#x27;"), ("&#34;", "&#39;")):  # html.escape, markupsafe
        yield escaped.replace('"', double).replace("'", single)


def _base64(secret: bytes) -> Iterator[str]:
    """Yield what stands for the secret inside a longer Base64 text, for each place where it may begin."""
    for before, foreign in ((0, 0), (1, 2), (2, 3)):
        text = b2a_base64(bytes(before) + secret, newline=False).decode().rstrip("=")
        if (before + len(secret)) % 3:
            text = text[:-1]  # this sign depends on what follows
        if len(text) - foreign >= SHORTEST:
            yield text[foreign:]
            yield text[foreign:].replace("+", "-").replace("/", "_")


class _Guarded:
    """A stream that redacts what is written; everything else is the stream's."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str]) -> None:
        self._stream = stream
        self._redact = redact

    def write(self, text: str) -> int:
        self._stream.write(self._redact(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the stream has
        return getattr(self._stream, name)


def guard(stream: TextIO, redact: Callable[[str], str]) -> TextIO:
    """Return the stream with all that is written to it redacted."""
    return cast("TextIO", _Guarded(stream, redact))
