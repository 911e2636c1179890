"""The answers that lie in one environment's folder, held against the chain they must be about."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ci_lib import chain as chains
from ci_lib import checks
from ci_lib.approval import Approval
from ci_lib.candidate import Person
from ci_lib.chain import Chain
from ci_lib.errors import Refused
from ci_lib.job import Job
from ci_lib.record import Digest
from ci_lib.signed import Signed


def authors(job: Job, chain: Chain) -> tuple[Person, ...]:
    """Return everybody who wrote what is decided about: as the candidate says, and as the CI system does now.

    Raises:
        BadInput: the history does not reach back to the champion's commit here.
        Refused: the CI system does not say.
    """
    since, until = chain.since(job.config), chain.candidate.code.commit
    return tuple(dict.fromkeys([*chain.candidate.authors, *job.ci.authors(since, until)]))


def check(
    job: Job,
    chain: Chain,
    signed: Signed,
    *,
    known: Sequence[Person],
    used: Mapping[str, str] | None = None,
    op: Digest | None = None,
) -> None:
    """Refuse an answer that is none to exactly this question.

    Args:
        job: whose environment is decided about, and by which policy.
        chain: the records as they are now.
        signed: the answer.
        known: the `authors`. They are asked for beforehand: no answer is invalid because a server is silent.
        used: the ledger's notes; None at the gate, which asks no ledger.
        op: the operation that the answer may already have been used for.
    """
    policy = job.config.policy
    checks.check_approval(
        signed.approval,
        signed_by=signed.signers(policy.approval.keys, "approve"),
        policy=policy.approval,
        subjects=chain.subjects(policy.fingerprint()),
        authors=known,
        environment=job.environment,
        destination=job.config.destination(job.environment),
        model=job.config.model,
        decision=chain.decision,
        now=job.clock(),
        used=used or {},
        op=op,
    )


def valid(job: Job, chain: Chain) -> tuple[Approval, ...]:
    """Return the answers that hold, oldest first.

    Raises:
        BadInput, Refused: a file there is no answer in canonical form, or nobody can tell who the authors are.
    """
    held = []
    found = chains.read_approvals(job.here / "approvals")
    known = authors(job, chain) if found else ()
    for signed in found:
        with suppress(Refused):
            check(job, chain, signed, known=known)
            held.append(signed.approval)
    return tuple(held)


def no_meanwhile(job: Job, chain: Chain) -> Approval | None:
    """Return a valid no that lies there now; what cannot be read by now is none."""
    found: list[Signed] = []
    for path in sorted((job.here / "approvals").glob("*.json")):
        with suppress(Refused):
            found.append(Signed.read(path))
    said_no = [signed for signed in found if signed.approval.decision == "rejected"]
    known = authors(job, chain) if said_no else ()
    for signed in said_no:
        with suppress(Refused):
            check(job, chain, signed, known=known)
            return signed.approval
    return None
