"""Every way to end that is not success, with the exit code CI sees.

The table is the same for every command (README, "Exit codes"), so that a CI system can colour its jobs::

    0  done, or verdict pass            10  verdict fail
    1  a bug of ours                    11  verdict inconclusive
    2  bad input                        12  no approval yet
    3  the chain does not hold          13  rejected by a person
    4  a service did not answer

Interrupted by Ctrl-C it is 130, by SIGTERM 143: 128 and the signal's number, as shells have it.
A verdict is not an error: jobs return 10 to 13, they do not raise them.
"""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    BUG = 1
    BAD_INPUT = 2
    REFUSED = 3
    UNAVAILABLE = 4
    FAIL = 10
    INCONCLUSIVE = 11
    NO_APPROVAL = 12
    REJECTED = 13


class ReleaseError(Exception):
    """Base of all errors that `cli.main` turns into one line and an exit code.

    Args:
        what: what is wrong, and where.
        hint: what to type next.
    """

    exit_code = Exit.BUG

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        """Give the sentence and, on a line of its own, the next step."""
        return f"{self.what}\n  next: {self.hint}" if self.hint else self.what


class BadInput(ReleaseError):  # noqa: N818 -- the table's word; "Error" adds nothing
    """Usage, release.yml, data, or the user's own code."""

    exit_code = Exit.BAD_INPUT


class Refused(ReleaseError):  # noqa: N818
    """The chain does not hold: somebody or something changed what was signed."""

    exit_code = Exit.REFUSED


class Unavailable(ReleaseError):  # noqa: N818
    """A service (MLflow, GitLab, Jenkins) did not answer, or not in time."""

    exit_code = Exit.UNAVAILABLE
