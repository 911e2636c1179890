"""The human gate: what a reviewer is asked, and what becomes of the answer. Page, terminal and CI all go through it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ci_lib.approval import Approval

State = Literal["waiting", "approved", "rejected", "expired"]


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What a person answered."""

    decision: Literal["approved", "rejected"]
    approver: str | None
    """Who they say they are; a CI system finds out for itself."""
    reason: str
    accepted: tuple[str, ...] = ()
    """Names of the inconclusive findings they take responsibility for."""


class Gate(Protocol):
    """What the signoff page and the `approve` command need of the gate."""

    def state(self) -> State:
        """Return how the gate stands now, from the files on disk: another terminal may have answered."""

    def approvals(self) -> tuple[Approval, ...]:
        """Return the valid answers so far, oldest first."""

    def record(self, vote: Vote) -> Approval:
        """Check one answer, write it, return it.

        Raises:
            BadInput: a reason is missing, or an inconclusive finding was not accepted by name.
            Refused: not an approver, an author, the gate is decided or expired, or the chain changed meanwhile.
        """
