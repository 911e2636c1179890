"""What the reviewer is asked, and the answer as the browser sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import parse_qs

from ci_lib.approval import Waiver, end_of
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
    roles: Mapping[str, str] = field(default_factory=dict)
    """Approver -> roles, where the policy has roles."""
    required: int = 1
    waivable: tuple[str, ...] = ()
    """Failed findings: to approve, each must be waived."""
    last_day: date | None = None
    """The last day on which a waiver may end."""

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
    waived: Mapping[str, "Terms"] = field(default_factory=dict)
    """Finding that is ticked -> the terms of its waiver."""
    terms: Mapping[str, "Terms"] = field(default_factory=dict)
    """The same of every waivable finding, ticked or not: a form that is shown again keeps what was typed."""
    conditions: str = ""
    """One a line."""

    def vote(self) -> Vote:
        """Return the answer that the gate judges.

        Raises:
            BadInput: neither Approve nor Reject was pressed, or a waiver has no last day.
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
            waivers=tuple(self._waiver(name, terms) for name, terms in self.waived.items()) if approve else (),
            conditions=tuple(line.strip() for line in self.conditions.splitlines() if line.strip()),
        )

    def _waiver(self, finding: str, terms: "Terms") -> Waiver:
        try:
            until = date.fromisoformat(terms.until)
        except ValueError as error:
            message = f"the waiver of {finding} has no last day"
            raise BadInput(message, "fill in until when, e.g. 2027-01-31") from error
        return Waiver(finding=finding, reason=self.reason, owner=terms.owner, expires_at=end_of(until))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Who sees to what is waived, and until when; as typed."""

    owner: str = ""
    until: str = ""


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

    def ticked(name: str, findings: tuple[str, ...]) -> tuple[str, ...]:
        places = set(fields.get(name, ()))
        return tuple(finding for place, finding in enumerate(findings) if str(place) in places)

    terms = {
        finding: Terms(owner=one(f"owner-{place}"), until=one(f"until-{place}"))
        for place, finding in enumerate(question.waivable)
    }
    return Form(
        number=one("number"),
        csrf=one("csrf"),
        decision=one("decision"),
        approver=one("approver"),
        reason=one("reason"),
        accepted=ticked("accept", question.unsettled),
        waived={finding: terms[finding] for finding in ticked("waive", question.waivable)},
        terms=terms,
        conditions=one("conditions"),
    )
