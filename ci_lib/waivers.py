"""What a policy lets be waived, and what was waived: a finding that is let pass for a while, on somebody's word."""

from collections.abc import Sequence
from datetime import datetime

from ci_lib.approval import Approval, Waiver
from ci_lib.config import ApprovalPolicy
from ci_lib.decision import Decision
from ci_lib.text import visible


class Waived(Waiver):
    """A waiver, by whom it was given, and whether it has ended."""

    by: str
    expired: bool

    def __str__(self) -> str:
        """Give the waiver as one line."""
        day = f"{self.expires_at:%Y-%m-%d}"
        until = f"EXPIRED on {day}" if self.expired else f"until {day}"
        return visible(f"{self.finding} {until}, owner {self.owner}, by {self.by}: {self.reason}")


def failed(decision: Decision) -> tuple[str, ...]:
    """Return the names of the findings that failed."""
    return tuple(finding.name for finding in decision.findings if finding.outcome == "fail")


def open_findings(decision: Decision) -> tuple[str, ...]:
    """Return the names of the findings that did not pass."""
    return tuple(finding.name for finding in decision.findings if finding.outcome != "pass")


def metric_of(finding: str) -> str:
    """Return the metric that a finding is named after: ``impact_ratio`` of ``impact_ratio:sex=f``."""
    return finding.partition(":")[0].partition("#")[0]


def may_be_waived(finding: str, policy: ApprovalPolicy) -> bool:
    """Say whether the policy lets a finding be waived, by its own name or by its metric's."""
    return finding in policy.waivable or metric_of(finding) in policy.waivable


def askable(decision: Decision, policy: ApprovalPolicy) -> bool:
    """Say whether a decision may come before a person: it did not fail, or each failed finding may be waived."""
    return decision.verdict != "fail" or _only_waivable(failed(decision), policy)


def _only_waivable(names: Sequence[str], policy: ApprovalPolicy) -> bool:
    return bool(names) and all(may_be_waived(name, policy) for name in names)


def given(approvals: Sequence[Approval], now: datetime) -> tuple[Waived, ...]:
    """Return the waivers of some approvals, with who gave them and whether they have ended."""
    return tuple(
        Waived(**waiver.model_dump(), by=answer.approver.id, expired=waiver.expires_at < now)
        for answer in approvals
        for waiver in answer.waivers
    )


def conditions(approvals: Sequence[Approval]) -> tuple[str, ...]:
    """Return the conditions of some approvals, each on one line with who made it."""
    return tuple(visible(f"{answer.approver.id}: {text}") for answer in approvals for text in answer.conditions)
