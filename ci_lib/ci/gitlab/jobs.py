"""A job as GitLab's API describes it, read strictly: what is missing or odd is never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ci_lib.ci.gitlab.client import Json
from ci_lib.errors import Unavailable

NEVER_PLAYED = frozenset({"created", "manual", "skipped", "scheduled"})
"""States in which a job's user is still the pipeline's creator: playing sets the user (EnqueueJobService)."""


@dataclass(frozen=True, kw_only=True)
class User:
    """An account."""

    id: int
    username: str
    name: str
    bot: bool
    active: bool
    mails: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Played:
    """A job, and who started it."""

    id: int
    name: str
    status: str
    user: User
    pipeline: int
    project: int
    sha: str
    ref: str
    url: str
    pipeline_url: str
    started: bool
    allow_failure: bool
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def finished(self) -> bool:
        """Whether it ran to its end."""
        return self.started and self.status in {"success", "failed"}


def user(raw: object) -> User:
    """Read an account.

    Raises:
        Unavailable: it is not what GitLab's API gives.
    """
    found = raw if isinstance(raw, dict) else {}
    username = _text(found, "username", "a user")
    mails = [found.get(key) for key in ("public_email", "email", "commit_email")]
    return User(
        id=_number(found, "id", "a user"),
        username=username,
        name=str(found.get("name") or ""),
        bot=found.get("bot") is True,
        active=found.get("state", "active") == "active",
        mails=tuple(mail for mail in mails if isinstance(mail, str) and mail),
    )


def played(raw: Json) -> Played:
    """Read a job.

    Raises:
        Unavailable: it is not what GitLab's API gives.
    """
    pipeline = raw.get("pipeline")
    pipeline = pipeline if isinstance(pipeline, dict) else {}
    return Played(
        id=_number(raw, "id", "a job"),
        name=_text(raw, "name", "a job"),
        status=_text(raw, "status", "a job"),
        user=user(raw.get("user")),
        pipeline=_number(pipeline, "id", "a pipeline"),
        project=_number(pipeline, "project_id", "a pipeline"),
        sha=_text(pipeline, "sha", "a pipeline"),
        ref=str(pipeline.get("ref") or ""),
        url=_text(raw, "web_url", "a job"),
        pipeline_url=_text(pipeline, "web_url", "a pipeline"),
        started=raw.get("started_at") is not None,
        allow_failure=raw.get("allow_failure") is True,
        raw=raw,
    )


def _number(raw: Mapping[str, Any], key: str, what: str) -> int:
    value = raw.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _odd(key, what)


def _text(raw: Mapping[str, Any], key: str, what: str) -> str:
    value = raw.get(key)
    if isinstance(value, str) and value:
        return value
    raise _odd(key, what)


def _odd(key: str, what: str) -> Unavailable:
    message = f"GitLab: its answer describes {what} without {key}"
    return Unavailable(message, "is policy.approval.gitlab.url in release.yml a GitLab? ask /api/v4/version")
