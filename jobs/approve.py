"""Record a person's decision about exactly this candidate: approve it, or --reject it. Needs a --reason.

The decision names the model's bytes, the evidence, the findings, the report and the policy by digest, so it holds for
these and nothing else, and only until it expires.
"""

from ci_lib import nextstep
from ci_lib.errors import Exit
from ci_lib.gate import Vote, open_gate
from ci_lib.job import Job
from ci_lib.text import visible


def main(job: Job) -> int:
    """Record one answer; 0 when the gate is open now, 12 when more approvals are needed, 13 for a rejection."""
    gate = open_gate(job)
    vote = Vote(
        decision="rejected" if job.args.reject else "approved",
        approver=job.args.approver,
        reason=job.args.reason or "",
        accepted=tuple(job.args.accept),
    )
    answer = gate.record(vote)
    until = f", until {answer.expires_at:%Y-%m-%d %H:%M %Z}" if answer.decision == "approved" else ""
    job.console.say(f"{answer.decision} by {visible(answer.approver.id, None)} ({answer.assurance}){until}")
    state = gate.state()
    if state == "rejected":
        job.console.say(f"  next: {nextstep.after(job, gate.chain.decision, state)}")
        return Exit.REJECTED
    if state == "approved":
        job.console.say(f"  next: {nextstep.after(job, gate.chain.decision, state)}")
        return Exit.DONE
    have, need = len(gate.approvals()), job.config.policy.approval.required
    job.console.say(f"{have} of {need} approvals; another approver must answer too")
    return Exit.NO_APPROVAL
