"""The ID token of a job: a signed statement of GitLab's about who started it.

RFC 7519 (JWT), RFC 8725 (best current practices): one algorithm, issuer and audience known beforehand, keys from the
server itself and never from the token's header, and every claim that is relied on must be there.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.needs import INSTALL_GITLAB
from ci_lib.vouching import GitLabServer

if TYPE_CHECKING:
    from jwt.types import Options

ALGORITHM = "RS256"
LEEWAY = timedelta(seconds=60)
"""So far two machines' clocks may differ."""
LONGEST = 16_000
"""Characters; GitLab's have about 1,800."""
HINT = "the gate's job needs id_tokens: ML_RELEASE_ID_TOKEN with the aud that release.yml names; then play it again"
REGISTERED = ("iss", "aud", "sub", "exp", "iat", "jti")
NEEDED = (*REGISTERED, "user_login", "user_id", "project_id", "pipeline_id", "job_id", "sha")
"""A token without one of these says too little."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What of a verified token is relied on."""

    jti: str
    user: str
    user_id: int
    email: str
    pipeline: int
    job: int
    sha: str
    ref_protected: bool


def verify(token: str, keys: Callable[[], Mapping[str, Any]], server: GitLabServer, now: datetime) -> Claims:
    """Verify a token and return its claims.

    Args:
        token: as the job got it.
        keys: fetches the server's JSON Web Key Set.
        server: what the policy says: issuer, audience, project.
        now: timezone-aware.

    Raises:
        BadInput: PyJWT is not installed.
        Refused: it is forged, expired, not yet valid, or meant for somebody or something else.
        Unavailable: the server has no keys to verify it with.
    """
    claims = _signed(token, keys, server)
    # (4) Its time is now.
    _times(claims, now)
    # (5) It is about this project.
    if _number(claims, "project_id") != server.project:
        message = (
            f"GitLab: the ID token is about project {claims['project_id']}, and release.yml names {server.project}"
        )
        raise Refused(message, HINT)
    return Claims(
        jti=_text(claims, "jti"),
        user=_text(claims, "user_login"),
        user_id=_number(claims, "user_id"),
        email=str(claims.get("user_email") or ""),
        pipeline=_number(claims, "pipeline_id"),
        job=_number(claims, "job_id"),
        sha=_text(claims, "sha"),
        ref_protected=str(claims.get("ref_protected")).lower() == "true",
    )


def _signed(token: str, keys: Callable[[], Mapping[str, Any]], server: GitLabServer) -> dict[str, Any]:
    try:
        import jwt  # noqa: PLC0415 -- an extra, and 0.1 s
    except ImportError as error:
        message = "GitLab: PyJWT is not installed, so nobody can verify the ID token"
        raise BadInput(message, INSTALL_GITLAB) from error
    # (1) It is a token, and names the one algorithm: never "none", never a public key used as a shared secret.
    header = _header(token)
    if header.get("alg") != ALGORITHM:
        message = f"GitLab: the ID token is signed with {header.get('alg')!r}; only {ALGORITHM} counts"
        raise Refused(message, HINT)
    # (2) A key of the server signed it,
    key = _key(keys(), header.get("kid"), server)
    # (3) for us: issuer and audience are the policy's, and the audience is nobody else besides.
    try:
        return dict(
            jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=server.url,
                audience=server.audience,
                options=_options(),
            )
        )
    except jwt.InvalidTokenError as error:
        raise Refused(_why(error, token, server), HINT) from error


def _options() -> "Options":
    """Return what PyJWT checks. Times are checked against our own clock; one audience: another could use it here."""
    return {"require": list(NEEDED), "strict_aud": True, "verify_exp": False, "verify_nbf": False, "verify_iat": False}


def _header(token: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415 -- an extra, and 0.1 s

    try:
        if len(token) > LONGEST:
            message = "too long"
            raise jwt.DecodeError(message)
        return dict(jwt.get_unverified_header(token))
    except jwt.InvalidTokenError as error:
        message = "GitLab: ML_RELEASE_ID_TOKEN is no ID token"
        raise Refused(message, HINT) from error


def _key(found: Mapping[str, Any], kid: object, server: GitLabServer) -> Any:  # noqa: ANN401 -- a public key
    import jwt  # noqa: PLC0415 -- an extra, and 0.1 s

    keys = found.get("keys")
    named = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    usable = [key for key in named if key.get("kty") == "RSA" and key.get("use", "sig") == "sig"]
    if not usable:
        message = f"GitLab: {server.url} shows no key to verify ID tokens with"
        raise Unavailable(message, f"curl -sS {server.url}/oauth/discovery/keys")
    match = [key for key in usable if isinstance(kid, str) and key.get("kid") == kid]
    if not match:
        message = f"GitLab: the ID token is signed with a key ({kid!r}) that {server.url} does not have"
        raise Refused(message, HINT)
    try:
        return jwt.PyJWK(match[0], algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError) as error:
        message = f"GitLab: the key {kid!r} of {server.url} cannot be read"
        raise Unavailable(message, f"curl -sS {server.url}/oauth/discovery/keys") from error


def _why(error: Exception, token: str, server: GitLabServer) -> str:
    import jwt  # noqa: PLC0415 -- an extra, and 0.1 s

    unverified = _unverified(token)
    if isinstance(error, jwt.InvalidIssuerError):
        return f"GitLab: the ID token was issued by {unverified.get('iss')!r}, not by {server.url}"
    if isinstance(error, jwt.InvalidAudienceError):
        return f"GitLab: the ID token is meant for {unverified.get('aud')!r}, not for {server.audience!r} alone"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"GitLab: the ID token does not say {error.claim}"
    if isinstance(error, jwt.InvalidSignatureError):
        return f"GitLab: the ID token is forged: its signature is not that of {server.url}"
    return f"GitLab: the ID token does not hold: {error}"


def _unverified(token: str) -> dict[str, Any]:
    """Return claims for a sentence about what is wrong with them; nothing else may use them."""
    import jwt  # noqa: PLC0415 -- an extra, and 0.1 s

    try:
        return dict(jwt.decode(token, options={"verify_signature": False}))
    except (jwt.InvalidTokenError, json.JSONDecodeError):
        return {}


def _times(claims: Mapping[str, Any], now: datetime) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if now >= expires + LEEWAY:
        message = f"GitLab: the ID token expired on {expires:%Y-%m-%d %H:%M:%S %Z}"
        raise Refused(message, HINT)
    starts = max(issued, _moment(claims, "nbf")) if "nbf" in claims else issued
    if starts > now + LEEWAY:
        message = f"GitLab: the ID token counts from {starts:%Y-%m-%d %H:%M:%S %Z}, which is still to come"
        raise Refused(message, "is this machine's clock right? date -u")


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(_number(claims, name), tz=UTC)
    except (OverflowError, ValueError, OSError) as error:
        message = f"GitLab: the ID token's {name} is no time"
        raise Refused(message, HINT) from error


def _number(claims: Mapping[str, Any], name: str) -> int:
    """Return a whole number; GitLab writes ids as text."""
    value = claims[name]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    message = f"GitLab: the ID token's {name} is no number"
    raise Refused(message, HINT)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if isinstance(value, str) and value.strip():
        return value
    message = f"GitLab: the ID token's {name} is empty"
    raise Refused(message, HINT)
