"""What a job asks of the system it runs in. The local adapter comes first; it is also the fake of the tests."""

from collections.abc import Collection, Sequence
from typing import Protocol

from ci_lib.announcement import Announcement
from ci_lib.answer import Said
from ci_lib.approval import Approval, Assurance
from ci_lib.candidate import Person


class CI(Protocol):
    """A CI system, or a laptop."""

    @property
    def name(self) -> str:
        """Return ``local``, ``gitlab`` or ``jenkins``."""

    @property
    def assurance(self) -> Assurance:
        """Return how well this system knows who approves."""

    def pipeline(self) -> str:
        """Return an identity of this pipeline or session, stable over its jobs; its address where it has one."""

    def job(self) -> str:
        """Return the address of this job; empty on a laptop."""

    def makers(self) -> Sequence[Person]:
        """Return who makes a candidate here and now: who runs this job, and who wrote the commit.

        It costs little and is not proven: training runs the authors' own code. `authors` is what the gate relies on.
        """

    def authors(self, since: str | None = None, until: str | None = None) -> Sequence[Person]:
        """Return everybody who wrote what is released: commit authors, committers, co-authors, who started it.

        Args:
            since: the champion's commit; None: nothing was released yet, or nobody knows what from.
            until: the commit that the candidate was trained from; None: it was trained without one.

        Raises:
            BadInput: the history does not reach back that far here.
            Refused: the system does not say, or this pipeline is about another commit.
        """

    def actor(self) -> Person:
        """Return who runs this job."""

    def approver(self, claimed: str | None) -> Person:
        """Return who decides at the gate.

        Args:
            claimed: who the caller says they are; only a laptop takes their word.

        Raises:
            BadInput: nobody was named where a name is needed.
            Refused: the system does not confirm it.
        """

    def said(self) -> Said:
        """Return what was typed where the gate was played, beside the command line."""

    def announce(self, about: Announcement) -> Sequence[str]:
        """Show a judged candidate where people look, and return what was done, a line each; never fails for that."""

    def gates(self) -> Sequence[str]:
        """Return how the gate's jobs of this pipeline stand, a line each; none on a laptop."""

    def confirm(self, approvals: Sequence[Approval], approvers: Collection[str]) -> None:
        """Hold signed answers against what the system knows now, right before a release.

        Args:
            approvals: the answers.
            approvers: the policy's, any of whom may have rejected since.

        Raises:
            Refused: one was given elsewhere, its gate was played again, or somebody rejected.
        """
