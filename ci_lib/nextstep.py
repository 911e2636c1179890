"""What to type next at the gate: one place, so that run, approve, deploy and status say the same."""

from typing import Literal

from ci_lib.decision import Decision
from ci_lib.job import Job
from ci_lib.text import quoted


def where(job: Job) -> str:
    """Return ``--environment NAME`` with a space before it, or nothing for the environment that is the default."""
    names = job.config.environments
    default = "production" if "production" in names else next(iter(names))
    return "" if job.environment == default else f" --environment {job.environment}"


def approve(job: Job, decision: Decision) -> str:
    """Return the command that approves, with every finding that must be accepted by name."""
    accepted = "".join(f" --accept {quoted(name)}" for name in decision.inconclusive)
    return f'ml-release approve --as {_approver(job)} --reason "…"{accepted}{where(job)}'


def reject(job: Job) -> str:
    """Return the command that rejects."""
    return f'ml-release approve --reject --as {_approver(job)} --reason "…"{where(job)}'


def _approver(job: Job) -> str:
    name = next(iter(job.config.policy.approval.approvers), "NAME")
    return name if name.isalnum() else quoted(name)


def after(job: Job, decision: Decision, state: Literal["waiting", "approved", "rejected"]) -> str:
    """Return the next step for a candidate that was judged and, where somebody must be, asked about."""
    if decision.verdict == "fail" or state == "rejected":
        return "read the report, change the model or the data, then: ml-release run"
    if job.target.approval == "automatic" and decision.verdict == "inconclusive":
        return (
            "settle the findings with more rows or another model, or let a person decide: "
            f"environments.{job.environment}.approval: required in release.yml"
        )
    if job.target.approval == "automatic" or state == "approved":
        return f"ml-release deploy{where(job)}"
    return approve(job, decision)
