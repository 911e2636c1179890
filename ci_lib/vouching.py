"""The CI server that a policy trusts to say who approves. Part of release.yml: needs no client of that server."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from ci_lib.record import Record

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

JobName = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f][^\x00-\x1f]{0,254}$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@?#\\]+(/[^\s@?#\\]*)?$", max_length=500)]


class GitLabServer(Record):
    """The GitLab whose users approve, and where in it.

    It stands in the policy, which approvals name by digest and which comes from the protected branch, because nothing
    in a job's environment can be relied on for it: whoever starts a pipeline may set variables, and these override the
    predefined ones such as ``CI_SERVER_URL`` (docs.gitlab.com/ci/variables, "CI/CD variable precedence").
    """

    url: Address
    """``https://gitlab.example.com``, as its own settings have it: ID tokens name it as their issuer."""
    project: Annotated[int, Field(ge=1)]
    """The project's number, below its name in GitLab: a path can be given to another project."""
    audience: Annotated[str, StringConstraints(pattern=r"^\S{1,200}$")] = "ml-release"
    """``aud`` of the ID token that the gate's job asks for."""
    gates: Annotated[tuple[JobName, ...], Field(min_length=1)] = ("approve",)
    """Names of the manual jobs that approve; one a person where several must."""
    reject: JobName = "reject"
    """Name of the manual job that rejects."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _check_address(self.url, "GitLab", "as GitLab names itself in its tokens")
        if len(set(self.gates)) != len(self.gates) or self.reject in self.gates:
            message = "each gate is a job of its own, and another one than the job that rejects"
            raise ValueError(message)
        return self


FullName = Annotated[str, StringConstraints(pattern=r"^[^/\x00-\x1f?#]+(/[^/\x00-\x1f?#]+)*$", max_length=500)]
InputId = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9\-._~!$()*+,:@=]+$", max_length=100)]


class JenkinsServer(Record):
    """The Jenkins whose users approve, and the one job of it whose builds release.

    In the policy for the same reason as `GitLabServer`: what a build finds in its environment (``BUILD_URL``,
    ``JOB_NAME``, …) is text that a script or a parameter can set.
    """

    url: Address
    """``https://jenkins.example.com``, with the context path where there is one."""
    job: FullName
    """The Pipeline job's full name: ``folder/loans``; of a multibranch project ``loans/main``."""
    input: InputId = "MlRelease"
    """Beginning of the ids of the gate's `input` steps. Jenkins makes an id's first letter a capital."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        _check_address(self.url, "Jenkins", "without /job/…")
        parts = self.job.split("/")
        if (parts[0] == "job" and len(parts) > 1) or {".", ".."} & set(parts):
            message = "write the job's full name, e.g. folder/loans, as its page shows it: not its address"
            raise ValueError(message)
        if self.input[0].islower() or self.input in {".", ".."}:
            message = "Jenkins makes the first letter of an id a capital: write it so"
            raise ValueError(message)
        return self


def _check_address(url: str, name: str, like: str) -> None:
    """Refuse an address that somebody else could answer at, or that would not compare.

    Raises:
        ValueError: it is http and not of this machine, or ends with a slash.
    """
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = f"over http anybody on the way may answer in {name}'s name; write https"
        raise ValueError(message)
    if url.endswith("/"):
        message = f"write the address without the slash at its end, {like}"
        raise ValueError(message)
