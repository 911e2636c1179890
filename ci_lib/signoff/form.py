"""What the reviewer is asked, and the answer as the browser sends it."""

from dataclasses import dataclass
from urllib.parse import parse_qs

from ci_lib.decision import Decision
from ci_lib.errors import BadInput
from ci_lib.gate import Vote
from ci_lib.record import Digest

FIELDS = 1_000
"""More fields than that is no form of ours."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the reviewer is asked to decide."""

    environment: str
    decision: Decision
    manifest: Digest
    """The model's bytes."""
    report: bytes
    """``report/index.html``."""
    approvers: tuple[str, ...] = ()
    """Who may sign; empty: the policy names nobody."""
    required: int = 1

    @property
    def unsettled(self) -> tuple[str, ...]:
        """Names of the findings that an approver must accept, in the decision's order."""
        return tuple(finding.name for finding in self.decision.findings if finding.outcome == "inconclusive")


@dataclass(frozen=True, kw_only=True)
class Form:
    """The fields of the form, as filled in."""

    number: str
    """Identity of this form: a double click sends the same one twice."""
    csrf: str = ""
    decision: str = ""
    approver: str = ""
    reason: str = ""
    accepted: tuple[str, ...] = ()

    def vote(self) -> Vote:
        """Return the answer that the gate judges.

        Raises:
            BadInput: neither Approve nor Reject was pressed.
        """
        if self.decision not in {"approve", "reject"}:
            message = "the form came without a decision"
            raise BadInput(message, "press Approve or Reject")
        approve = self.decision == "approve"
        return Vote(
            decision="approved" if approve else "rejected",
            approver=self.approver or None,
            reason=self.reason,
            accepted=self.accepted if approve else (),
        )


def read(body: bytes, question: Question) -> Form:
    """Read a form; findings are sent by place, so that no name has to survive the browser.

    Raises:
        BadInput: the body is no form.
    """
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=FIELDS
        )
    except ValueError as error:
        message = "the browser sent something that is no form"
        raise BadInput(message, "reload the page and try again") from error

    def one(name: str) -> str:
        return fields.get(name, [""])[0].replace("\r\n", "\n").strip()

    ticked = set(fields.get("accept", ()))
    return Form(
        number=one("number"),
        csrf=one("csrf"),
        decision=one("decision"),
        approver=one("approver"),
        reason=one("reason"),
        accepted=tuple(name for place, name in enumerate(question.unsettled) if str(place) in ticked),
    )
