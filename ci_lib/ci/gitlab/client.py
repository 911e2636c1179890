"""GitLab's REST API, with one token or with whichever of several may read.

Built on python-gitlab's low-level calls. Its objects have traps: `job.play(job_variables_attributes=…)` sends the
values as a query and loses them (python-gitlab issues 2289, 3025), jobs listed by a pipeline have no `play`, and lists
end after 20 items unless asked otherwise. What is sent again, how long is waited and what counts as an answer is
`ci_lib.http`'s.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ci_lib.ci.clients import open_gitlab
from ci_lib.errors import BadInput, Refused, ReleaseError, Unavailable
from ci_lib.http import Denied as NotLetError
from ci_lib.http import Service, Timing, Transport
from ci_lib.needs import INSTALL_GITLAB

if TYPE_CHECKING:
    import gitlab

Json = dict[str, Any]
Found = TypeVar("Found")
Kind = Literal["job token", "read token", "reviewer's token", "note token"]

MOST = 10_000
"""So many items are read of one list: a server that never ends is not asked for ever."""
PAGE = 100
"""GitLab's largest page."""
NOT_FOUND = 404
"""GitLab's answer, too, where a token may not know that something is there."""
FILES = ("text/plain", "application/json", "text/html", "application/octet-stream", "application/zip")
"""Content types of logs and artifacts."""
LARGEST = 128 * 2**20
"""Bytes of a log or a file; GitLab itself ends logs at 100 MB."""

TOKEN_HINT = "give the job ML_RELEASE_GITLAB_TOKEN: a project access token, scope read_api, role Reporter"  # noqa: S105 -- a hint


class Denied(ReleaseError):  # noqa: N818 -- never leaves the package as itself
    """This token may not, or there is no such thing."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status
        self.said = said


class Misused(ReleaseError):  # noqa: N818 -- as above
    """GitLab understood and will not, e.g. because a job is not playable."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Client:
    """The API with one token."""

    transport: Transport
    kind: Kind
    gl: "gitlab.Gitlab"
    most: int = MOST

    @property
    def url(self) -> str:
        """Whose."""
        return self.transport.service.url

    def get(self, path: str, **query: Any) -> Json:  # noqa: ANN401 -- query parameters
        """Return one object."""
        with _ours(self.url):
            return _object(self.gl.http_get(path, query_data=query), self.url)

    def every(self, path: str, **query: Any) -> list[Json]:  # noqa: ANN401 -- query parameters
        """Return all items of a list, however many pages they take.

        Raises:
            BadInput: there are more than `most`.
        """
        with _ours(self.url):
            pages = self.gl.http_list(path, query_data={**query, "per_page": PAGE}, iterator=True)
            found = [_object(item, self.url) for item in islice(pages, self.most + 1)]
        if len(found) > self.most:
            message = f"GitLab: {path} has more than {self.most:,} items"
            raise BadInput(message, "for commits: set policy.approval.authors_since in release.yml")
        return found

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Send something new; the body goes as JSON, never as a query."""
        with _ours(self.url):
            return _object(self.gl.http_post(path, post_data=dict(body)), self.url)

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change something."""
        with _ours(self.url):
            return _object(self.gl.http_put(path, post_data=dict(body)), self.url)

    def look_again(self) -> None:
        """Start the deadline anew: what is waited for takes as long as it takes."""
        self.transport.deadline.restart()

    def text(self, path: str) -> bytes:
        """Return a file or a log."""
        with _ours(self.url), self.transport.expecting(kinds=FILES, largest=LARGEST):
            answer = self.gl.http_get(path, raw=True)
        return bytes(answer.content) if hasattr(answer, "content") else b""


def _archive(client: Client, project: int, job: int) -> bytes:
    """Return a job's artifacts. The project's address takes job tokens on Premium only, the runners' on every tier."""
    own = client.kind == "job token"
    return client.text(f"/jobs/{job}/artifacts" if own else f"/projects/{project}/jobs/{job}/artifacts")


def open_transport(url: str, env: Mapping[str, str], sleep: Callable[[float], None], hint: str) -> Transport:
    """Return what all calls of one command go through: one deadline, whichever token they carry.

    Raises:
        BadInput: what `env` says of proxies, certificates or the deadline cannot be used.
    """
    return Transport(Service(name="GitLab", url=url, token=hint), env, timing=Timing(sleep=sleep))


def client(transport: Transport, kind: Kind, token: str | None) -> Client:
    """Return the API with one token, or with none; a job's own token goes in a header of its own.

    Raises:
        BadInput: python-gitlab is not installed, or the token cannot be sent.
    """
    if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
        message = f"GitLab: the {kind} has characters that no token has, e.g. a line break"
        raise BadInput(message, "set the variable again, without what surrounds the token")
    try:
        gl = open_gitlab(transport, token, "job_token" if kind == "job token" else "private_token")
    except ModuleNotFoundError as error:
        message = "GitLab: python-gitlab is not installed"
        raise BadInput(message, INSTALL_GITLAB) from error
    return Client(transport, kind, gl)


@dataclass(frozen=True)
class Reader:
    """What any of several tokens may read."""

    url: str
    clients: Sequence[Client]

    def get(self, path: str, what: str) -> Json:
        """Return one object.

        Raises:
            Refused: no token may read it.
        """
        return self._first(what, lambda client: client.get(path))

    def every(self, path: str, what: str, **query: Any) -> list[Json]:  # noqa: ANN401 -- query parameters
        """Return all items of a list.

        Raises:
            Refused: no token may read it.
        """
        return self._first(what, lambda client: client.every(path, **query))

    def archive(self, project: int, job: int, what: str) -> bytes:
        """Return a job's artifacts, as an archive.

        Raises:
            Refused: no token may read it, or there is none.
        """
        return self._first(what, lambda client: _archive(client, project, job))

    def _first(self, what: str, ask: "Callable[[Client], Found]") -> "Found":
        tried = []
        for each in self.clients:
            try:
                return ask(each)
            except Denied as error:
                tried.append(f"the {each.kind}: {error.status}")
        message = f"GitLab: no token may read {what} ({', '.join(tried) or 'there is none'})"
        raise Refused(message, TOKEN_HINT)


def _object(answer: object, url: str) -> Json:
    if isinstance(answer, dict):
        return answer
    raise _not_json(url)


def _not_json(url: str) -> Unavailable:
    message = f"GitLab: {url} answered something else than its API does: a login page or proxy?"
    return Unavailable(message, f"curl -sSi {url}/api/v4/version")


@contextmanager
def _ours(url: str) -> Iterator[None]:
    """Turn what python-gitlab raises into ours; the transport's own are ours already.

    Raises:
        Denied: 401, 403, 404.
        Misused: another 4xx.
        Unavailable: no answer, no JSON, or a redirect; see `ci_lib.http`.
    """
    import gitlab  # noqa: PLC0415 -- an extra
    import requests  # noqa: PLC0415 -- 0.1 s, for who asks GitLab only

    try:
        yield
    except NotLetError as error:
        raise Denied(error.status, error.what) from error
    except (gitlab.exceptions.GitlabParsingError, gitlab.exceptions.RedirectError) as error:
        raise _not_json(url) from error
    except gitlab.exceptions.GitlabError as error:
        status, said = error.response_code or 0, " ".join(str(error.error_message).split())[:300]
        raise (Denied if status == NOT_FOUND else Misused)(status, said) from error
    except requests.RequestException as error:
        message = f"GitLab: {url} cannot be asked ({type(error).__name__})"
        raise Unavailable(message, "is policy.approval.gitlab.url in release.yml right?") from error
