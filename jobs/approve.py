"""Record a person's decision about exactly this candidate: approve it, or --reject it. Needs a --reason.

The decision names the model's bytes, the evidence, the findings, the report and the policy by digest, so it holds for
these and nothing else, and only until it expires. A failed finding that the policy lets be waived is waived by name,
with an owner and a last day. With --page the report and the form are shown in a browser.
"""

from datetime import date

from ci_lib import asking, nextstep
from ci_lib.approval import Waiver, end_of
from ci_lib.errors import BadInput, Exit
from ci_lib.gate import ChainGate, Vote, open_gate
from ci_lib.job import Job
from ci_lib.text import visible


def main(job: Job) -> int:
    """Record one answer; 0 when the gate is open now, 12 when more approvals are needed, 13 for a rejection."""
    gate = open_gate(job)
    if job.args.page:
        return _on_the_page(job, gate)
    answer = gate.record(_vote(job))
    until = f", until {answer.expires_at:%Y-%m-%d %H:%M %Z}" if answer.decision == "approved" else ""
    job.console.say(f"{answer.decision} by {visible(answer.approver.id, None)} ({answer.assurance}){until}")
    return _ending(job, gate)


def _ending(job: Job, gate: ChainGate) -> Exit:
    """Say how the gate stands and what comes next."""
    standing = gate.standing()
    if standing.state == "waiting":
        job.console.say(standing.sentence)
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


def _vote(job: Job) -> Vote:
    args = job.args
    given = [name for name in ("owner", "until", "waive_reason") if getattr(args, name)]
    if given and not args.waive:
        message = f"--{given[0].replace('_', '-')} is about a waiver, and none is named"
        raise BadInput(message, "name the finding: --waive FINDING")
    return Vote(
        decision="rejected" if args.reject else "approved",
        approver=args.approver,
        reason=args.reason or "",
        accepted=tuple(args.accept),
        waivers=tuple(_waiver(name, args.owner, args.until, args.waive_reason or args.reason) for name in args.waive),
        conditions=tuple(args.condition),
    )


def _waiver(finding: str, owner: str, until: date | None, reason: str) -> Waiver:
    if until is None:
        message = f"the waiver of {finding} has no last day"
        raise BadInput(message, "say when it ends: --until YYYY-MM-DD")
    return Waiver(finding=finding, reason=reason.strip(), owner=owner.strip(), expires_at=end_of(until))
