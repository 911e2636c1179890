"""What a job asks of the system it runs in. The local adapter comes first; it is also the fake of the tests."""

from collections.abc import Sequence
from typing import Protocol

from ci_lib.approval import Assurance
from ci_lib.candidate import Person


class CI(Protocol):
    """A CI system, or a laptop."""

    @property
    def name(self) -> str:
        """Return ``local``, ``gitlab`` or ``jenkins``."""

    @property
    def assurance(self) -> Assurance:
        """Return how well this system knows who approves."""

    def policy_from(self) -> str | None:
        """Return where the policy that judges is read when the job does not say: the protected default branch.

        In the form of ``ML_RELEASE_POLICY_FROM``. None: this system protects no branch, or nobody can tell.

        Raises:
            Unavailable: the system, asked for it, does not answer.
        """

    def pipeline(self) -> str:
        """Return an identity of this pipeline or session, stable over its jobs."""

    def authors(self) -> Sequence[Person]:
        """Return everybody who wrote what is released: commit authors, committers, co-authors, who started it."""

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
