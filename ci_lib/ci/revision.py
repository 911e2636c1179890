"""One file as it is at a protected ref of the project's repository.

Nothing that an author can put into a clone or a commit may decide what is read: the ref is looked up by its full name
(a tag called ``origin/main`` would win otherwise, as in CVE-2023-2576), it is a ref and no expression (``main~5``),
replacement objects are ignored, and the content comes from `git cat-file`, which runs no filter of ``.gitattributes``
and follows no symbolic link.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ci_lib.errors import BadInput
from ci_lib.source import Source

SECONDS = 60
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
BRANCHES = ("refs/remotes/", "refs/heads/")
"""Where a protected branch is in a clone; tags and merge requests are somebody's to move."""
FILES = frozenset({"100644", "100755"})
"""Git's modes of a plain file."""
KINDS = {"120000": "a symbolic link", "040000": "a directory", "160000": "a submodule"}

KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""What git needs of the environment; its own variables could name another repository or other objects."""
FORCED = {
    "LC_ALL": "C",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A file's content, and where it was read."""

    data: bytes
    source: Source


@dataclass(frozen=True)
class Repository:
    """The repository that a directory lies in."""

    directory: Path
    env: Mapping[str, str]
    """Of the process, for PATH and HOME."""

    def top(self) -> Path | None:
        """Return the top of the working tree; None where there is no repository, or no git."""
        done = self._git("rev-parse", "--show-toplevel")
        return Path(done.stdout.decode(errors="replace").rstrip("\n")) if done and not done.returncode else None

    def read(self, wanted: str, name: str) -> Revision:
        """Return a file as it is at a ref.

        Args:
            wanted: ``origin/main``, a full ``refs/heads/…`` or ``refs/remotes/…``, or a commit's whole id; with
                ``:PATH`` for another path than the file has here.
            name: the file's name in this directory.

        Raises:
            BadInput: there is no repository, no such ref (in this clone), or no plain file of that path at it.
        """
        prefix = self._prefix(wanted)
        ref, colon, path = wanted.partition(":")
        where = _plain(path) if colon else f"{prefix}{name}"
        place, commit = self._resolved(ref)
        return Revision(data=self._content(place, commit, where), source=Source(place=place, path=where, commit=commit))

    def _prefix(self, wanted: str) -> str:
        """Return this directory's path in the repository, with a slash at its end."""
        done = self._git("rev-parse", "--show-prefix")
        if done is None:
            message = f"the policy is to be read at {wanted}, and git is not there or does not answer"
            raise BadInput(message, "install git in this job's image")
        if done.returncode:
            message = f"the policy is to be read at {wanted}, and git finds no repository here: {_said(done)}"
            raise BadInput(message, f"check the repository out, or look with: git -C {self.directory} status")
        return done.stdout.decode(errors="replace").rstrip("\n")

    def _resolved(self, ref: str) -> tuple[str, str]:
        """Return the full name of a ref, or a commit's id, and the commit."""
        if COMMIT.fullmatch(ref):
            if self._ok("cat-file", "commit", ref) is None:
                message = f"the policy is to be read at commit {ref}, which is not in this clone"
                raise BadInput(message, f"git fetch origin {ref}")
            return ref, ref
        if ref.startswith("refs/") and not ref.startswith(BRANCHES):
            message = f"the policy is to be read at {ref}, which is no branch"
            raise BadInput(message, "name a protected branch: origin/main, or refs/remotes/origin/main")
        names = [ref] if ref.startswith("refs/") else [f"{start}{ref}" for start in BRANCHES]
        found = {name: commit for name in names if (commit := self._commit(name))}
        if len(found) > 1:
            message = f"{ref} is both {' and '.join(found)}"
            raise BadInput(message, f"write the one that is protected in full: {next(iter(found))}")
        if not found:
            raise self._unknown(ref)
        return next(iter(found.items()))

    def _commit(self, name: str) -> str | None:
        """Return the commit that exactly this ref points to."""
        found = self._ok("show-ref", "--verify", "--hash", "--", name)
        return found.decode().strip() if found else None

    def _unknown(self, ref: str) -> BadInput:
        short = ref.removeprefix("refs/remotes/").removeprefix("refs/heads/")
        remote, slash, branch = short.partition("/")
        remote, branch = (remote, branch) if slash else ("origin", short)
        what = f"the policy is to be read at {ref}, and this clone has no such branch"
        if self._commit(f"refs/tags/{short}"):
            what += " (only a tag of that name, which is never taken for one)"
        if self._ok("rev-parse", "--is-shallow-repository") == b"true\n":
            what += "; it is a shallow clone"
        again = "" if slash else f", and name it {remote}/{branch}"
        fetched = f"git fetch --depth 1 {remote} +refs/heads/{branch}:refs/remotes/{remote}/{branch}"
        return BadInput(what, f"{fetched}{again}")

    def _content(self, place: str, commit: str, path: str) -> bytes:
        listed = self._ok("ls-tree", "-z", "--full-tree", commit, "--", path)
        entries = [entry for entry in (listed or b"").decode(errors="replace").split("\0") if entry]
        at = f"at {place} ({commit[:10]})"
        if listed is None:
            message = f"git cannot read the tree {at}"
            raise BadInput(message, "fetch it again, or look with: git fsck")
        if not entries or not entries[0].endswith(f"\t{path}"):
            message = f"the policy is to be read {at}, where there is no {path}"
            hint = f"name where it lies there: ML_RELEASE_POLICY_FROM={place}:PATH; a first one is merged by itself"
            raise BadInput(message, hint)
        mode, _, blob = entries[0].partition("\t")[0].split(" ")
        if mode not in FILES:
            message = f"{path} is {KINDS.get(mode, 'no plain file')} {at}; a policy is read from a plain file only"
            raise BadInput(message, f"name the file itself: ML_RELEASE_POLICY_FROM={place}:PATH")
        data = self._ok("cat-file", "blob", blob)
        if data is None:
            message = f"{path} is {at}, and its content is not in this clone"
            raise BadInput(message, "fetch it whole: git fetch --refetch origin")
        return data

    def _ok(self, *arguments: str) -> bytes | None:
        done = self._git(*arguments)
        return None if done is None or done.returncode else done.stdout

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
        """Run git; None where there is none, or it does not end."""
        env = {name: self.env[name] for name in KEPT if name in self.env} | FORCED
        try:
            return subprocess.run(
                ["git", *arguments], cwd=self.directory, env=env, capture_output=True, timeout=SECONDS, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None


def _plain(path: str) -> str:
    """Return a path in the repository.

    Raises:
        BadInput: it is absolute, climbs, or is empty.
    """
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or str(pure) == ".":
        message = f"{path!r} is no path from the top of the repository"
        raise BadInput(message, "write ML_RELEASE_POLICY_FROM=origin/main:release.yml")
    return str(pure)


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "it does not say why"
