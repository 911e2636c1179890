"""Where the policy that judged was read, and what a branch's own release.yml says otherwise. Part of the records."""

from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from ci_lib.record import Record

WORKING_TREE = "working tree"

Commit = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
"""A commit's id: SHA-1, or SHA-256 where the repository uses it (git hash-function-transition)."""

Counts = Literal["protected", "branch", "both"]


class Source(Record):
    """Where the policy was read: a ref of the repository, a file elsewhere, or release.yml as it lay there."""

    place: str = WORKING_TREE
    """``working tree``, a full ref (``refs/remotes/origin/main``), a commit's id, or the absolute path of a file."""
    path: str = ""
    """With a ref: the file's path in the repository."""
    commit: Commit | None = None
    """With a ref: the commit that it pointed to when it was read."""

    @model_validator(mode="after")
    def _a_commit_goes_with_a_ref(self) -> Self:
        """Refuse a commit that says where nothing was read: an automatic release has no approval that names it."""
        if self.commit is not None and (not self.path or self.place == WORKING_TREE or self.place.startswith("/")):
            message = "commit goes with a ref and the path of a file there"
            raise ValueError(message)
        return self

    @property
    def protected(self) -> bool:
        """Say whether the policy came from anywhere else than the branch that it judges."""
        return self.place != WORKING_TREE

    def same_place(self, other: Self) -> bool:
        """Say whether both were read at the same place, which may say something else by now.

        A ref may be at another commit. A file is laid down for each job wherever its CI system puts such files.
        """
        both_files = self.place.startswith("/") and other.place.startswith("/")
        return both_files or (self.place, self.path) == (other.place, other.path)

    def __str__(self) -> str:
        """Give the place for a person, with the first digits of the commit."""
        at = f"{self.place}:{self.path}" if self.path else self.place
        return f"{at} at {self.commit[:10]}" if self.commit else at


HERE = Source()
"""release.yml as it lies there: nothing keeps the author of a change from changing it too."""


class Change(Record):
    """One key that the branch's release.yml has otherwise than the protected one."""

    path: str
    """Dotted; rules by metric, keys by name: ``policy.rules[roc_auc]``."""
    protected: str
    """What the protected file says, as in release.yml; ``not set`` when it says nothing."""
    branch: str
    counts: Counts
    """Which of the two this candidate was measured and judged by."""
