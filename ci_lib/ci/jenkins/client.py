"""Jenkins' REST API, with one person's or one account's token.

Built on python-jenkins' `jenkins_request`. Its other calls have traps (read in 1.8.3): a 503 while Jenkins starts is
reported as "does not exist", parameters go into the address and so into logs, retries do not work, there is no
``tree=``, and nothing for `input`. What is sent again, how long is waited and what counts as an answer is
`ci_lib.http`'s.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ci_lib.ci.clients import open_jenkins
from ci_lib.errors import BadInput, ReleaseError, Unavailable
from ci_lib.http import Denied as NotLetError
from ci_lib.http import Service, Timing, Transport
from ci_lib.needs import INSTALL_JENKINS

if TYPE_CHECKING:
    import jenkins
    import requests

Json = dict[str, Any]

NOT_FOUND = 404
"""Jenkins' answer, too, where an account may not know that something is there (no Job/Read)."""
FILES = ("text/plain", "application/octet-stream", "application/json", "text/html")
"""Content types of logs and artifacts."""
LARGEST = 128 * 2**20
"""Bytes of a log or a file that are read at once."""
USER, TOKEN = "ML_RELEASE_JENKINS_USER", "ML_RELEASE_JENKINS_TOKEN"
TOKEN_HINT = f"bind {USER} and {TOKEN}: an account with Overall/Read and Job/Read, and its API token"


class Denied(ReleaseError):  # noqa: N818 -- never leaves the package as itself
    """401 or 403: this account may not."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class Missing(ReleaseError):  # noqa: N818 -- as above
    """404: there is no such thing, or not for this account."""


class Misused(ReleaseError):  # noqa: N818 -- as above
    """Another 4xx: Jenkins understood and will not; `said` is its ``X-Error``."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


@dataclass(frozen=True, kw_only=True)
class Text:
    """A piece of a growing log."""

    data: bytes
    following: int
    """Where the next piece begins."""
    more: bool
    """It is still growing."""


@dataclass(frozen=True)
class Client:
    """The API with one token. Paths begin below Jenkins' address, without a slash."""

    transport: Transport
    server: "jenkins.Jenkins"

    @property
    def url(self) -> str:
        """Whose."""
        return self.transport.service.url

    def get(self, path: str, tree: str = "") -> Json:
        """Return an object; only what `tree` names, where it names something."""
        answer = self._ask("GET", f"{path}api/json", params={"tree": tree} if tree else None)
        found = answer.json()
        if isinstance(found, dict):
            return found
        raise _not_json(self.url)

    def file(self, path: str) -> bytes:
        """Return a file."""
        with self.transport.expecting(kinds=FILES, largest=LARGEST):
            return bytes(self._ask("GET", path).content)

    def log(self, build: str, start: int) -> Text:
        """Return what a build's log has from an offset on (``logText/progressiveText``)."""
        with self.transport.expecting(kinds=FILES, largest=LARGEST):
            answer = self._ask("GET", f"{build}logText/progressiveText", params={"start": str(start)})
        data, size = bytes(answer.content), answer.headers.get("X-Text-Size", "")
        following = int(size) if size.isascii() and size.isdigit() else start + len(data)
        return Text(data=data, following=following, more=answer.headers.get("X-More-Data") == "true")

    def post(self, path: str, fields: Mapping[str, str], *, redirect: bool = False) -> str:
        """Send a form, never as a query, and return where the answer points to (``Location``), or nothing.

        Args:
            path: where to.
            fields: the form's.
            redirect: it is answered with one when it succeeded; for any other, one leads to a login page.

        Raises:
            Uncertain: it may have been done all the same.
        """
        with self.transport.expecting(redirect=redirect):
            answer = self._ask("POST", path, data=dict(fields))
        return str(answer.headers.get("Location") or "")

    def look_again(self) -> None:
        """Start the deadline anew: what is waited for takes as long as it takes."""
        self.transport.deadline.restart()

    def _ask(self, method: str, path: str, **more: Any) -> "requests.Response":  # noqa: ANN401 -- requests' own
        import requests  # noqa: PLC0415 -- 0.1 s, for who asks Jenkins only

        with _ours(self.url):
            request = requests.Request(method, f"{self.url}/{path}", **more)
            answer: requests.Response = self.server.jenkins_request(request, add_crumb=method == "POST")
            return answer


def open_transport(url: str, env: Mapping[str, str], sleep: Callable[[float], None], hint: str) -> Transport:
    """Return what all calls of one command go through.

    Raises:
        BadInput: what `env` says of proxies, certificates or the deadline cannot be used.
    """
    return Transport(Service(name="Jenkins", url=url, token=hint), env, timing=Timing(sleep=sleep))


def client(transport: Transport, user: str, token: str) -> Client:
    """Return the API with a user's token.

    Raises:
        BadInput: python-jenkins is not installed, or user or token cannot be sent.
    """
    for what, text in (("user", user), ("token", token)):
        if not (text.isprintable() and text.strip()) or (what == "user" and ":" in text):
            message = f"Jenkins: the {what} has characters that none has, e.g. a line break"
            raise BadInput(message, transport.service.token)
    try:
        server = open_jenkins(transport, user, token)
        server.crumb = None  # asked for before a form is sent: an API token needs none, but people have passwords too
        return Client(transport, server)
    except ModuleNotFoundError as error:
        message = "Jenkins: python-jenkins is not installed"
        raise BadInput(message, INSTALL_JENKINS) from error


def job_path(name: str) -> str:
    """Return the address of a job below Jenkins': ``folder/loans`` is ``job/folder/job/loans/``."""
    return "".join(f"job/{quote(part, safe='')}/" for part in name.split("/"))


def _not_json(url: str) -> Unavailable:
    message = f"Jenkins: {url} answered something else than its API does: a login page or proxy?"
    return Unavailable(message, f"curl -sSi {url}/api/json")


@contextmanager
def _ours(url: str) -> Iterator[None]:
    """Turn what python-jenkins raises into ours; the transport's own are ours already.

    Raises:
        Denied: 401, 403.
        Missing: 404.
        Misused: another 4xx.
        Unavailable: no answer, no JSON, a redirect or 5xx; see `ci_lib.http`.
    """
    import jenkins  # noqa: PLC0415 -- an extra
    import requests  # noqa: PLC0415 -- 0.1 s, for who asks Jenkins only

    try:
        yield
    except NotLetError as error:
        raise Denied(error.status, error.what) from error
    except jenkins.NotFoundException as error:
        message = "there is no such thing, or not for this account (404)"
        raise Missing(message) from error
    except requests.HTTPError as error:
        said = " ".join(error.response.headers.get("X-Error", "").split())[:300]
        status = error.response.status_code
        raise Misused(status, said or f"status {status}") from error
    except (jenkins.JenkinsException, requests.RequestException) as error:
        message = f"Jenkins: {url} cannot be asked ({type(error).__name__})"
        raise Unavailable(message, "is policy.approval.jenkins.url in release.yml right?") from error
