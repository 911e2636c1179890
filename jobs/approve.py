"""Record a person's decision about exactly this candidate: approve it, or --reject it. Needs a --reason.

The decision names the model's bytes, the evidence, the findings, the report and the policy by digest, so it holds for
these and nothing else, and only until it expires. A failed finding that the policy lets be waived is waived by name,
with an owner and a last day. With --page the report and the form are shown in a browser.
"""

from ci_lib import answer, asking, nextstep, secrets
from ci_lib.errors import BadInput, Exit
from ci_lib.gate import ChainGate, Vote, open_gate
from ci_lib.job import Job
from ci_lib.text import visible


def main(job: Job) -> int:
    """Record one answer; 0 when the gate is open now, 12 when more approvals are needed, 13 for a rejection."""
    gate = open_gate(job)
    if job.args.page:
        return _on_the_page(job, gate)
    given = gate.record(_vote(job, gate))
    until = f", until {given.expires_at:%Y-%m-%d %H:%M %Z}" if given.decision == "approved" else ""
    job.console.say(f"{given.decision} by {visible(given.approver.id, None)} ({given.assurance}){until}")
    return _ending(job, gate)


def _ending(job: Job, gate: ChainGate) -> Exit:
    """Say how the gate stands and what comes next."""
    standing = gate.standing()
    if standing.state == "waiting":
        job.console.say(standing.sentence)
        if job.ci.job():
            # This gate has done its part, and the next person plays another one: a red job would stop the pipeline.
            job.console.say("  next: another approver plays another gate of this pipeline")
            return Exit.DONE
    if standing.state == "approved" and job.ci.job():
        job.console.say("  next: nothing to type: this pipeline goes on by itself")
    else:
        job.console.say(f"  next: {nextstep.after(job, gate.chain.decision, standing)}")
    return {"waiting": Exit.NO_APPROVAL, "rejected": Exit.REJECTED, "approved": Exit.DONE}[standing.state]


def _on_the_page(job: Job, gate: ChainGate) -> Exit:
    """Show the page until the gate is decided, there or in another terminal."""
    args = job.args
    if any((args.approver, args.reason, args.accept, args.waive, args.condition, args.reject)):
        message = "--page asks in the browser; the other options answer here"
        raise BadInput(message, "ml-release approve --page alone, or the answer without --page")
    with asking.page(job, gate) as page:
        state = page.wait()
        page.linger()
    job.console.say(f"{state}: {gate.standing().sentence}")
    if state == "expired":
        job.console.say("  next: ml-release run")
        return Exit.NO_APPROVAL
    return _ending(job, gate)


def _vote(job: Job, gate: ChainGate) -> Vote:
    """Return what was answered: on the command line, or where the gate was played."""
    approver = job.ci.approver(job.args.approver)
    subjects = gate.chain.subjects(job.config.policy.fingerprint())
    words = answer.answer(answer.typed(job.args), job.ci.said(), approver=approver.id, subjects=subjects)
    secrets.keep_out((words.reason, words.owner, words.waive_reason, *words.conditions), job.env)
    return Vote(
        decision=words.decision,
        approver=approver.id,
        reason=words.reason,
        accepted=words.accepted,
        waivers=answer.waivers(words),
        conditions=words.conditions,
    )
