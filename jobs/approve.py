"""Record a person's decision about exactly this candidate: approve it, or --reject it. Needs a --reason.

The decision names the model's bytes, the evidence, the findings, the report and the policy by digest, so it holds for
these and nothing else, and only until it expires.
"""

from ci_lib import nextstep
from ci_lib.answer import answer as put_together
from ci_lib.errors import Exit
from ci_lib.gate import ChainGate, Vote, open_gate
from ci_lib.job import Job


def main(job: Job) -> int:
    """Record one answer; 0 when the gate is open now, 12 when more approvals are needed, 13 for a rejection."""
    gate = open_gate(job)
    answer = gate.record(_vote(job, gate))
    until = f", until {answer.expires_at:%Y-%m-%d %H:%M %Z}" if answer.decision == "approved" else ""
    job.console.say(f"{answer.decision} by {answer.approver.id} ({answer.assurance}){until}")
    state = gate.state()
    if state == "rejected":
        job.console.say(f"  next: {nextstep.after(job, gate.chain.decision, state)}")
        return Exit.REJECTED
    if state == "approved":
        job.console.say(f"  next: {nextstep.after(job, gate.chain.decision, state)}")
        return Exit.DONE
    have, need = len(gate.approvals()), job.config.policy.approval.required
    job.console.say(f"{have} of {need} approvals; another approver must answer too")
    # In CI this gate has done its part, and the next person plays another one: a red job would stop the pipeline.
    return Exit.DONE if job.ci.job() else Exit.NO_APPROVAL


def _vote(job: Job, gate: ChainGate) -> Vote:
    """Return what was answered: on the command line, or where the gate was played."""
    args, approver = job.args, job.ci.approver(job.args.approver)
    answered = put_together(
        reject=args.reject,
        reason=args.reason or "",
        accepted=args.accept,
        said=job.ci.said(),
        approver=approver.id,
        subjects=gate.chain.subjects(job.config.policy.fingerprint()),
    )
    return Vote(decision=answered.decision, approver=approver.id, reason=answered.reason, accepted=answered.accepted)
