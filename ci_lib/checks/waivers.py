"""The waivers of one answer: which findings it lets pass, on whose responsibility, for how long."""

from collections import Counter
from datetime import UTC, datetime

from ci_lib.approval import Approval, Waiver, end_of
from ci_lib.checks.expect import expect
from ci_lib.config import ApprovalPolicy
from ci_lib.decision import Decision
from ci_lib.waivers import may_be_waived, open_findings


def check_waivers(approval: Approval, policy: ApprovalPolicy, decision: Decision, now: datetime) -> None:
    """Refuse waivers that the policy does not allow, that are about nothing, or that ran out.

    Args:
        approval: the answer that they are part of.
        policy: what may be waived, and for how long.
        decision: the policy's, with the findings.
        now: timezone-aware.
    """
    who = f"the answer of {approval.approver.id!r}"
    # (39) Waivers go with a yes,
    yes = approval.decision == "approved"
    expect(yes or not approval.waivers, f"{who} is a rejection that waives something", "reject, or waive; not both")
    # (40) one for each finding.
    twice = [name for name, times in Counter(waiver.finding for waiver in approval.waivers).items() if times > 1]
    expect(not twice, f"{who} waives {', '.join(twice)} more than once", "name each finding once")
    for waiver in approval.waivers:
        _check_finding(waiver, policy, decision)
        _check_terms(waiver, policy, approval.issued_at, now)


def _check_finding(waiver: Waiver, policy: ApprovalPolicy, decision: Decision) -> None:
    name = waiver.finding
    left = [each for each in open_findings(decision) if may_be_waived(each, policy)]
    these = f"what can be waived here: {', '.join(left) or 'nothing'}"
    # (41) It is about a finding of this decision,
    expect(name in {finding.name for finding in decision.findings}, f"no finding is called {name!r}", these)
    # (42) which did not pass,
    expect(name in open_findings(decision), f"{name} passed: there is nothing to waive", these)
    # (43) and which the policy lets be waived.
    where = "those who own the policy name it under policy.approval.waivable; that is another policy: validate again"
    expect(may_be_waived(name, policy), f"the policy does not let {name} be waived", where)


def _check_terms(waiver: Waiver, policy: ApprovalPolicy, issued: datetime, now: datetime) -> None:
    what = f"the waiver of {waiver.finding}"
    # (44) Somebody sees to it that the cause goes away,
    expect(_says_something(waiver.owner), f"{what} has no owner", "name who sees to it: --owner WHO")
    # (45) and it is said why it may stay until then.
    expect(_says_something(waiver.reason), f"{what} has no reason", 'say why: --reason "…", or --waive-reason "…"')
    # (46) Its end means the same everywhere,
    expect(waiver.expires_at.tzinfo is not None, f"{what} ends at a time without a time zone")
    # (47) comes no later than the policy lets it,
    latest = end_of((issued + policy.waiver_for).astimezone(UTC).date())
    expect(waiver.expires_at <= latest, f"{what} lasts longer than the policy lets it", f"--until {latest:%Y-%m-%d}")
    # (48) and has not come yet.
    until = f"{waiver.expires_at:%Y-%m-%d %H:%M %Z}"
    expect(now <= waiver.expires_at, f"{what} ended on {until}", "validate and report again, then decide again")


def _says_something(text: str) -> bool:
    """Say whether there is a letter or digit in it: the ``…`` of a pasted command names nobody."""
    return any(sign.isalnum() for sign in text)
