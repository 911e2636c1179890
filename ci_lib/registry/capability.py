"""What an MLflow server cannot promise: found out in two calls, before a job of ours trusts it with production.

- GitLab's own model registry speaks MLflow's API (2.7.1) without aliases; its address gives it away
  (docs.gitlab.com, "MLflow client compatibility"; lib/api/ml/mlflow).
- MLflow 2 has no logged models, which is what a production copy is.
- Below 3.17.0 a server has holes that are public: anybody who reaches it reads its files (CVE-2026-116690), or has it
  call other servers (CVE-2026-115886).
- A server that answers without credentials obeys everybody who reaches it. On a loopback address that is the machine's
  own people; there, and for a database, nothing is asked.
"""

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from packaging.version import InvalidVersion, Version

from ci_lib.config import Risk
from ci_lib.errors import BadInput, Unavailable
from ci_lib.registry.address import is_remote
from ci_lib.registry.api import asked
from ci_lib.registry.trouble import CREDENTIALS

GITLAB = re.compile(r"/api/v4/projects/[^/]+/ml/mlflow/?$")
LOGGED_MODELS = Version("3")
SAFE = Version("3.17.0")
VERSION = "/version"
"""Plain text, although MLflow calls it ``text/html``; behind a login where there is one."""
PROBE = "/api/2.0/mlflow/registered-models/search?max_results=1"
"""The cheapest call that a server with a login does not answer to nobody: one row."""

OK, LOGIN, MOST, BUSY, BROKEN = 200, 401, 100, 429, 500


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said."""

    status: int
    text: str

    @property
    def is_api(self) -> bool:
        """Tell an answer of the API from a login page."""
        try:
            return self.status == OK and isinstance(json.loads(self.text), dict)
        except (ValueError, RecursionError):
            return False


class Ask(Protocol):
    """Sends one GET."""

    def __call__(self, address: str, path: str, *, login: bool) -> Answer:
        """Return the answer of a path below an address, asked with our credentials or as nobody."""


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """One thing that a server cannot promise."""

    what: str
    hint: str
    risk: Risk | None
    """What an environment may accept by name; None: without it nothing can be deployed."""


def weaknesses(address: str, ask: Ask) -> tuple[Weakness, ...]:
    """Return what the MLflow at an address cannot promise.

    Args:
        address: as `address.resolve` gives it. Databases and loopback addresses are not asked at all.
        ask: sends one request, and no second one.

    Raises:
        BadInput: the server wants other credentials.
        Unavailable: it does not answer.
    """
    if not is_remote(address):
        return ()
    if GITLAB.search(urlsplit(address).path):
        return (_gitlab(address),)
    if is_loopback(address):
        return ()
    anonymous = ask(address, PROBE, login=False)
    _refuse_trouble(address, anonymous)
    # A server that needs no credentials is sent none.
    version = _version(address, ask(address, VERSION, login=not anonymous.is_api))
    return tuple(each for each in (version, _open(address) if anonymous.is_api else None) if each)


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches the address."""
    host = (urlsplit(address).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(number, "ipv4_mapped", None)
    return (mapped or number).is_loopback


def _refuse_trouble(address: str, answer: Answer) -> None:
    if answer.status == BUSY or answer.status >= BROKEN:
        message = f"the registry at {address} did not answer: HTTP {answer.status}"
        raise Unavailable(message, "check that MLflow runs there, then run the command again")


def _version(address: str, answer: Answer) -> Weakness | None:
    """Return what is wrong with a server's version."""
    _refuse_trouble(address, answer)
    if answer.status == LOGIN:
        message = f"the registry at {address} does not let us: HTTP {answer.status}"
        raise BadInput(message, CREDENTIALS)
    try:
        version = Version(answer.text if answer.status == OK and len(answer.text) <= MOST else "")
    except InvalidVersion:
        what = f"the MLflow server at {address} does not say its version at {VERSION} (HTTP {answer.status})"
        return Weakness(what=f"{what}, so nobody knows its holes", hint="let it say its version", risk="old-server")
    upgrade = f"upgrade it to {SAFE} or newer"
    if version < LOGGED_MODELS:
        what = f"the MLflow server at {address} is {version}, and the models of a release need MLflow {LOGGED_MODELS}"
        return Weakness(what=what, hint=upgrade, risk=None)
    if version < SAFE:
        holes = "whoever reaches it can read its files (CVE-2026-116690) or have it call others (CVE-2026-115886)"
        return Weakness(what=f"the MLflow server at {address} is {version}: {holes}", hint=upgrade, risk="old-server")
    return None


def _open(address: str) -> Weakness:
    what = f"the MLflow server at {address} answers without credentials: whoever reaches it can move what is released"
    return Weakness(
        what=what, hint="put a login before it: mlflow server --app-name basic-auth", risk="unauthenticated"
    )


def _gitlab(address: str) -> Weakness:
    what = f"{address} is GitLab's own model registry, which has no aliases: there is nothing to deploy with"
    return Weakness(what=what, hint=f"name an MLflow server, {SAFE} or newer, in release.yml", risk=None)


def over_http(address: str, path: str, *, login: bool) -> Answer:
    """Ask a server; `Ask` as jobs use it."""
    said = asked(address, path, login=login)
    return Answer(status=LOGIN, text="") if said is None else Answer(status=said.status_code, text=said.text)
