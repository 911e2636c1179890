"""The signoff page of one gate: what it asks, of whom, and where it says that it is open."""

from typing import TYPE_CHECKING

from ci_lib import nextstep
from ci_lib.gate import ChainGate
from ci_lib.job import Job
from ci_lib.waivers import failed

if TYPE_CHECKING:
    from ci_lib.signoff import Question, Signoff


def page(job: Job, gate: ChainGate) -> "Signoff":
    """Return the page, to be entered with `with`."""
    from ci_lib.signoff import Signoff  # noqa: PLC0415 -- only for who looks at the page

    policy = job.config.policy.approval

    def announce(link: str) -> None:
        job.console.say(f"the gate is open for {', '.join(policy.people) or 'nobody: policy.approval names nobody'}")
        job.console.say(f"  look and decide:  {link}")
        job.console.say(f"  or in a terminal: {nextstep.approve(job, gate.chain.decision, gate.standing())}")

    return Signoff(gate, question(job, gate), announce=announce)


def question(job: Job, gate: ChainGate) -> "Question":
    """Return what the page asks."""
    from ci_lib.signoff import Question  # noqa: PLC0415 -- only for who looks at the page

    policy = job.config.policy.approval
    roles = {
        name: ", ".join(role for role, names in policy.members.items() if role and name in names)
        for name in policy.people
    }
    return Question(
        environment=job.environment,
        decision=gate.chain.decision,
        manifest=gate.chain.candidate.manifest.digest(),
        report=(job.chain / "report" / "index.html").read_bytes(),
        approvers=policy.people,
        roles=roles,
        required=sum(policy.needed.values()),
        waivable=failed(gate.chain.decision),
        last_day=nextstep.last_day(job),
    )
