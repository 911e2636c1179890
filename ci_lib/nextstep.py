"""What to type next at the gate: one place, so that run, approve, deploy and status say the same."""

from collections.abc import Sequence
from datetime import UTC, date

from ci_lib.checks import Standing
from ci_lib.decision import Decision
from ci_lib.job import Job
from ci_lib.text import quoted
from ci_lib.waivers import askable, failed


def where(job: Job) -> str:
    """Return ``--environment NAME`` with a space before it, or nothing for the environment that is the default."""
    names = job.config.environments
    default = "production" if "production" in names else next(iter(names))
    return "" if job.environment == default else f" --environment {job.environment}"


def approve(job: Job, decision: Decision, standing: Standing | None = None) -> str:
    """Return the command that approves, with every finding that must be accepted or waived by name.

    Args:
        job: whose environment is decided about.
        decision: the policy's.
        standing: how the gate stands: whose yes is missing, and what somebody has waived already.
    """
    unwaived = failed(decision) if standing is None else standing.unwaived
    named = accept(decision.inconclusive) + waive(job, unwaived)
    return f'ml-release approve --as {_approver(job, standing)} --reason "…"{named}{where(job)}'


def accept(findings: Sequence[str]) -> str:
    """Return the options that accept findings, each with a space before it."""
    return "".join(f" --accept {quoted(name)}" for name in findings)


def waive(job: Job, findings: Sequence[str]) -> str:
    """Return the options that waive findings for as long as the policy lets it; empty for none."""
    if not findings:
        return ""
    names = "".join(f" --waive {quoted(name)}" for name in findings)
    return f'{names} --owner "…" --until {last_day(job)}'


def last_day(job: Job) -> date:
    """Return the last day on which a waiver of today may end."""
    return (job.clock() + job.config.policy.approval.waiver_for).astimezone(UTC).date()


def reject(job: Job) -> str:
    """Return the command that rejects."""
    return f'ml-release approve --reject --as {_approver(job)} --reason "…"{where(job)}'


def _approver(job: Job, standing: Standing | None = None) -> str:
    could = (standing.who if standing else ()) or job.config.policy.approval.people
    name = next(iter(could), "NAME")
    return name if name.isalnum() else quoted(name)


def after(job: Job, decision: Decision, standing: Standing | None = None) -> str:
    """Return the next step for a candidate that was judged and, where somebody must be, asked about.

    Args:
        job: whose environment is decided about.
        decision: the policy's.
        standing: how the gate stands; None before anybody was asked.
    """
    automatic, state = job.target.approval == "automatic", standing.state if standing else "waiting"
    stopped = not askable(decision, job.config.policy.approval) or (automatic and decision.verdict == "fail")
    if stopped or state == "rejected":
        return "read the report, change the model or the data, then: ml-release run"
    if automatic and decision.verdict == "inconclusive":
        return (
            "settle the findings with more rows or another model, or let a person decide: "
            f"environments.{job.environment}.approval: required in release.yml"
        )
    if automatic or state == "approved":
        return f"ml-release deploy{where(job)}"
    return approve(job, decision, standing)
