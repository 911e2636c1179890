"""A laptop: the author is who git says, the approver is who they say they are, and the record says so."""

import getpass
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci_lib.approval import Assurance
from ci_lib.candidate import Code, Person
from ci_lib.errors import BadInput

TRAILER = re.compile(r"^co-authored-by:\s*(?P<who>.+>)\s*$", re.IGNORECASE | re.MULTILINE)
SECONDS = 30


@dataclass(frozen=True)
class Local:
    """No CI system: whoever sits at the keyboard."""

    project: Path
    env: Mapping[str, str]

    name = "local"
    assurance: Assurance = "self-declared"

    def policy_from(self) -> str | None:
        """Return None: nothing protects a branch of a laptop's clone."""
        return None

    def pipeline(self) -> str:
        """Return ``local/<machine>``: a laptop has no pipelines."""
        return f"local/{platform.node() or 'unnamed'}"

    def authors(self) -> Sequence[Person]:
        """Return author, committer and co-authors of the last commit, and who is logged in."""
        return (*commit_authors(self.project), self.actor())

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
    shown = git(project, "log", "-1", "--format=%an <%ae>%n%cn <%ce>%n%B")
    if not shown:
        return ()
    author, committer, *body = shown.splitlines()
    people = [author, committer, *TRAILER.findall("\n".join(body))]
    return tuple(Person(id=who, known_from="git") for who in dict.fromkeys(people))


def code(project: Path) -> Code:
    """Return the commit that is checked out, and whether the files differ from it."""
    commit = git(project, "rev-parse", "HEAD")
    changed = git(project, "status", "--porcelain", "--untracked-files=no")
    return Code(
        commit=commit, dirty=commit is None or bool(changed), branch=git(project, "branch", "--show-current") or None
    )
