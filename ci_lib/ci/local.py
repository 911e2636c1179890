"""A laptop: the author is who git says, the approver is who they say they are, and the record says so."""

import getpass
import platform
import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci_lib.announcement import Announcement
from ci_lib.answer import Said
from ci_lib.approval import Approval, Assurance
from ci_lib.candidate import Code, Person
from ci_lib.errors import BadInput

TRAILER = re.compile(r"^co-authored-by:\s*(?P<who>.+>)\s*$", re.IGNORECASE | re.MULTILINE)
FORMAT = "--format=%an <%ae>%n%cn <%ce>%n%B%x00"
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
SECONDS = 30


@dataclass(frozen=True)
class Local:
    """No CI system: whoever sits at the keyboard."""

    project: Path
    env: Mapping[str, str]

    name = "local"
    assurance: Assurance = "self-declared"

    def pipeline(self) -> str:
        """Return ``local/<machine>``: a laptop has no pipelines."""
        return f"local/{platform.node() or 'unnamed'}"

    def job(self) -> str:
        """Return nothing: a laptop has no jobs."""
        return ""

    def makers(self) -> Sequence[Person]:
        """Return author, committer and co-authors of the last commit, and who is logged in."""
        return (*commit_authors(self.project), self.actor())

    def authors(self, since: str | None = None, until: str | None = None) -> Sequence[Person]:
        """Return the makers, and everybody who wrote commits since the champion's.

        Before the first release only the last commit counts: a laptop takes the approver's word anyway, and whoever
        tries ml-release in an old repository should not find all of its approvers barred.

        Raises:
            BadInput: the history does not reach back that far here.
        """
        if since is None or until is None or git(self.project, "rev-parse", "--git-dir") is None:
            return self.makers()
        return tuple(dict.fromkeys([*range_authors(self.project, since, until), *self.makers()]))

    def actor(self) -> Person:
        """Return who is logged in, or who ``ML_RELEASE_USER`` says."""
        return Person(id=self.env.get("ML_RELEASE_USER") or _login(), known_from="self-declared")

    def approver(self, claimed: str | None) -> Person:
        """Return the claimed name: a laptop has nobody to ask.

        Raises:
            BadInput: nobody was named.
        """
        if not claimed:
            message = "a laptop cannot know who approves"
            raise BadInput(message, "ml-release approve --as NAME")
        return Person(id=claimed, known_from="self-declared")

    def said(self) -> Said:
        """Return nothing: at a laptop everything is typed on the command line."""
        return Said()

    def announce(self, about: Announcement) -> Sequence[str]:
        """Do nothing: a laptop has no merge requests."""
        del about
        return ()

    def gates(self) -> Sequence[str]:
        """Return nothing: a laptop has no jobs."""
        return ()

    def confirm(self, approvals: Sequence[Approval], approvers: Collection[str]) -> None:
        """Do nothing: a laptop knows no more than the answers say."""


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def git(project: Path, *arguments: str) -> str | None:
    """Return what git prints, or None where there is no git, no repository or no commit."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def commit_authors(project: Path) -> tuple[Person, ...]:
    """Return author, committer and co-authors of the last commit, each once."""
    return _people(git(project, "log", "-1", FORMAT))


def range_authors(project: Path, since: str | None, until: str) -> tuple[Person, ...]:
    """Return author, committer and co-authors of every commit after one, up to another, each once.

    A commit's name is the digest of its whole history, so nothing can be left out of it; but a checkout can be shallow.

    Raises:
        BadInput: git does not have all of these commits here.
    """
    wanted = [commit for commit in (since, until) if commit]
    missing = next((each for each in wanted if not _has(project, each)), None)
    if missing or git(project, "rev-parse", "--is-shallow-repository") != "false":
        what = f"commit {missing[:12]} is not here" if missing else "this checkout is shallow"
        message = f"{what}, so nobody can tell who wrote what is released"
        raise BadInput(message, "git fetch --unshallow; in GitLab GIT_DEPTH: 0, in Jenkins no shallow clone")
    shown = git(project, "log", FORMAT, f"{since}..{until}" if since else until)
    if shown is None:
        message = f"git cannot list the commits up to {until[:12]}"
        raise BadInput(message, f"git log {until[:12]}")
    return _people(shown)


def range_merges(project: Path, since: str | None, until: str) -> tuple[str, ...]:
    """Return the merges after one commit up to another, the newest first; both must be here, see `range_authors`."""
    shown = git(project, "rev-list", "--merges", f"{since}..{until}" if since else until)
    return tuple((shown or "").split())


def _has(project: Path, commit: str) -> bool:
    return bool(COMMIT.fullmatch(commit)) and git(project, "cat-file", "-e", commit + "^{commit}") is not None


def _people(shown: str | None) -> tuple[Person, ...]:
    """Return who stands in the output of `git log`, each once."""
    people: list[str] = []
    for record in (shown or "").split("\0")[:-1]:
        author, committer, body = record.lstrip("\n").split("\n", 2)
        people += [author, committer, *TRAILER.findall(body)]
    return tuple(Person(id=who, known_from="git") for who in dict.fromkeys(people))


def code(project: Path) -> Code:
    """Return the commit that is checked out, and whether the files differ from it."""
    commit = git(project, "rev-parse", "HEAD")
    changed = git(project, "status", "--porcelain", "--untracked-files=no")
    return Code(
        commit=commit, dirty=commit is None or bool(changed), branch=git(project, "branch", "--show-current") or None
    )
