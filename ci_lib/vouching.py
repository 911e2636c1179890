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
        parts = urlsplit(self.url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            message = "over http anybody on the way may answer in GitLab's name; write https"
            raise ValueError(message)
        if self.url.endswith("/"):
            message = "write the address without the slash at its end, as GitLab names itself in its tokens"
            raise ValueError(message)
        if len(set(self.gates)) != len(self.gates) or self.reject in self.gates:
            message = "each gate is a job of its own, and another one than the job that rejects"
            raise ValueError(message)
        return self
