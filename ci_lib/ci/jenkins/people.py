"""Who started a build, and what an account may be called in a commit."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from ci_lib.candidate import Person
from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.build import REMOTE, UPSTREAM, USER, Build, Cause
from ci_lib.ci.jenkins.client import TOKEN_HINT, Client, Denied, Json, Missing
from ci_lib.errors import Refused
from ci_lib.people import may_be_same

NOBODY = frozenset({"anonymous", "system", "unknown"})
"""Names that no account may have (hudson.model.User, ILLEGAL_PERSISTED_USERNAMES), without case."""
PLACE = re.compile(r"(job/[^/?#]+/)+")
UPWARDS = 10
"""So many builds that start each other are followed."""


def is_nobody(name: str) -> bool:
    """Say whether Jenkins' name for somebody is that of nobody in particular."""
    return name.strip().casefold() in NOBODY


def starters(build: Build, client: Client) -> tuple[str, ...]:
    """Return the accounts that started a build, or the build that started it; none where a change or the clock did.

    Raises:
        Refused: Jenkins does not say, or it was somebody who was not logged in.
    """
    return tuple(dict.fromkeys(_starters(build.started_by, f"build {build.number}", client, UPWARDS)))


def _starters(causes: Sequence[Cause], what: str, client: Client, left: int) -> Iterator[str]:
    if not causes or not left:
        message = f"Jenkins: nobody can tell how {what} was started"
        raise Refused(message, "start a new build by hand, or by a change")
    for cause in causes:
        if cause.upstream is not None or UPSTREAM.search(cause.kind):
            yield from _upstream(cause, client, left)
        elif cause.user is not None and not is_nobody(cause.user):
            yield cause.user
        elif cause.kind in {USER, REMOTE}:
            message = f"Jenkins: {what} was started by somebody who was not logged in"
            raise Refused(message, "start it again, logged in; take Job/Build from anonymous users")


def _upstream(cause: Cause, client: Client, left: int) -> Iterator[str]:
    place, number = cause.upstream or ("", 0)
    what = f"build {number} of {place or 'another job'}, which started this one,"
    try:
        raw: Json = client.get(f"{place}{number}/" if PLACE.fullmatch(place) else "nowhere/", builds.TREE)
    except (Denied, Missing) as error:
        message = f"Jenkins: {what} cannot be read, so nobody can tell who started it"
        raise Refused(message, "Job/Read there for the account; or start this job directly") from error
    yield from _starters(builds.of(raw, place).started_by, what, client, left - 1)


def names_of(account: str, client: Client) -> tuple[Person, ...]:
    """Return what an account may be called in a commit: its id and full name. Mail addresses only admins are shown.

    Raises:
        Refused: Jenkins does not say.
    """
    try:
        found = client.get(f"user/{quote(account, safe='')}/", "id,fullName")
    except (Denied, Missing) as error:
        message = f"Jenkins: nobody can tell what {account!r} is called"
        raise Refused(message, TOKEN_HINT) from error
    names = [account, str(found.get("fullName") or "")]
    return tuple(Person(id=name, known_from="jenkins") for name in dict.fromkeys(names) if name.strip())


def known_as(names: Sequence[Person], authors: Sequence[Person]) -> Person | None:
    """Return the author that one of these names may be."""
    return next((author for author in authors if any(may_be_same(name, author) for name in names)), None)
