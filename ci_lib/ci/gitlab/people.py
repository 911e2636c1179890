"""Who wrote and who started what is released, and who is no person."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_lib.candidate import Person
from ci_lib.ci.gitlab.client import Client, Denied, Json, Reader
from ci_lib.ci.gitlab.jobs import Played, User, played, user
from ci_lib.ci.local import TRAILER, range_authors, range_merges
from ci_lib.errors import BadInput, Refused
from ci_lib.people import may_be_same
from ci_lib.vouching import GitLabServer

BOT = re.compile(r"(project|group)_\d+_bot.*|service_account.*|ghost\d*|.*[-_]bot", re.IGNORECASE)
"""User names of access tokens, service accounts and GitLab's own; older servers have no ``bot`` key."""

MERGES = 100
"""Of so many merges, the newest, the merge request is looked up."""


def is_bot(account: User) -> bool:
    """Say whether an account is no person's."""
    return account.bot or BOT.fullmatch(account.username) is not None


def names_of(account: User, more: Iterable[str] = ()) -> tuple[Person, ...]:
    """Return all that an account may be called in a commit."""
    names = [account.username, account.name, *account.mails, *more]
    return tuple(Person(id=name, known_from="gitlab") for name in dict.fromkeys(names) if name)


def written_by(commits: Sequence[Json]) -> tuple[Person, ...]:
    """Return author, committer and co-authors of commits as the API lists them, each once."""
    people: list[str] = []
    for commit in commits:
        people += [_identity(commit, "author"), _identity(commit, "committer")]
        people += TRAILER.findall(str(commit.get("message") or ""))
    return tuple(Person(id=who, known_from="git") for who in dict.fromkeys(people))


def _identity(commit: Mapping[str, Any], role: str) -> str:
    return f"{commit.get(role + '_name') or 'unknown'} <{commit.get(role + '_email') or 'unknown'}>"


class History:
    """The commits and merge requests that are released, as the server tells them, else as the checkout does."""

    def __init__(self, server: GitLabServer, reader: Reader, project: Path) -> None:
        self.server, self.reader, self.project = server, reader, project

    def people(self, since: str | None, until: str) -> tuple[Person, ...]:
        """Return who wrote the commits after one up to another, and the merge requests that brought them.

        Raises:
            Refused: neither the server nor the checkout tells.
        """
        try:
            commits = self._commits(since, until)
        except Refused as unread:
            return self._from_checkout(since, until, unread)
        if not any(commit.get("id") == until for commit in commits) and since != until:
            message = (
                f"GitLab: its list of commits from {(since or 'the first')[:12]} to {until[:12]} has not {until[:12]}"
            )
            raise Refused(message, "git log; was the branch pushed anew?")
        return (*written_by(commits), *self._requesters(commits, until))

    def _commits(self, since: str | None, until: str) -> list[Json]:
        path = f"/projects/{self.server.project}/repository/commits"
        asked = f"{since}..{until}" if since else until
        return self.reader.every(path, f"the commits {asked[:12]}…", ref_name=asked)

    def _from_checkout(self, since: str | None, until: str, unread: Refused) -> tuple[Person, ...]:
        """Return the commits' people by git; the merge requests' only where a token may read them: git has none."""
        try:
            written, merges = range_authors(self.project, since, until), range_merges(self.project, since, until)
        except BadInput as error:
            message = f"{unread.what}, and in the checkout {error.what}"
            raise Refused(message, unread.hint) from error
        try:
            return (*written, *self._openers(merges, until))
        except Refused:
            return written

    def _requesters(self, commits: Sequence[Json], until: str) -> tuple[Person, ...]:
        """Return who opened the merge requests of the commit and of the merges in the range."""
        return self._openers([str(each["id"]) for each in commits if len(each.get("parent_ids") or ()) > 1], until)

    def _openers(self, merges: Sequence[str], until: str) -> tuple[Person, ...]:
        people: list[Person] = []
        for sha in dict.fromkeys([until, *merges[:MERGES]]):
            path = f"/projects/{self.server.project}/repository/commits/{sha}/merge_requests"
            for request in self.reader.every(path, f"the merge requests of {sha[:12]}"):
                people += names_of(user(request.get("author")))
        return tuple(people)


def starters(here: Played, server: GitLabServer, reader: Reader) -> tuple[User, ...]:
    """Return who started the pipeline: its creator, else who started the first run of each job before the gate.

    A never-played job's user is the creator as well, but a retry of an earlier job may have changed it.

    Raises:
        Refused: no token may read the pipeline or its jobs.
    """
    for client in reader.clients:
        found = _creator(client, server, here)
        if found is not None:
            return (found,)
    jobs = pipeline_jobs(here.pipeline, server, reader)
    own = {here.name, server.reject, *server.gates}
    first = {job.name: job for job in sorted(jobs, key=lambda job: -job.id) if job.name not in own and job.finished}
    people = {job.user.id: job.user for job in first.values()}
    if not people:
        message = f"GitLab: nobody can tell who started pipeline {here.pipeline}"
        raise Refused(message, "give the job ML_RELEASE_GITLAB_TOKEN with the scope read_api")
    return tuple(people.values())


def _creator(client: Client, server: GitLabServer, here: Played) -> User | None:
    try:
        return user(client.get(f"/projects/{server.project}/pipelines/{here.pipeline}").get("user"))
    except Denied:
        return None


def pipeline_jobs(pipeline: int, server: GitLabServer, reader: Reader) -> tuple[Played, ...]:
    """Return every job of a pipeline, retried ones too.

    Raises:
        Refused: no token may read them.
    """
    path = f"/projects/{server.project}/pipelines/{pipeline}/jobs"
    found = reader.every(path, f"the jobs of pipeline {pipeline}", include_retried="true")
    return tuple(played(raw) for raw in found)


def known_as(account: User, mail: str, authors: Sequence[Person]) -> Person | None:
    """Return the author that an account may be, by user name, full name or one of its mail addresses."""
    names = names_of(account, [mail] if mail else [])
    return next((author for author in authors if any(may_be_same(name, author) for name in names)), None)
