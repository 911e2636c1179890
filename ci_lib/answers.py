"""The answers that lie in one environment's folder, held against the chain they must be about."""

from collections.abc import Mapping
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
    """Return everybody who wrote what is decided about: as the candidate says, and as the CI system does now."""
    return tuple(dict.fromkeys([*chain.candidate.authors, *job.ci.authors()]))


def check(
    job: Job, chain: Chain, signed: Signed, *, used: Mapping[str, str] | None = None, op: Digest | None = None
) -> None:
    """Refuse an answer that is none to exactly this question.

    Args:
        job: whose environment is decided about, and by which policy.
        chain: the records as they are now.
        signed: the answer.
        used: the ledger's notes; None at the gate, which asks no ledger.
        op: the operation that the answer may already have been used for.
    """
    policy = job.config.policy
    checks.check_approval(
        signed.approval,
        signed_by=signed.signers(policy.approval.keys, "approve"),
        policy=policy.approval,
        subjects=chain.subjects(policy.fingerprint()),
        authors=authors(job, chain),
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
        Refused: a file there is no answer in canonical form.
    """
    held = []
    for signed in chains.read_approvals(job.here / "approvals"):
        with suppress(Refused):
            check(job, chain, signed)
            held.append(signed.approval)
    return tuple(held)


def no_meanwhile(job: Job, chain: Chain) -> Approval | None:
    """Return a valid no that lies there now; what cannot be read by now is none."""
    for path in sorted((job.here / "approvals").glob("*.json")):
        with suppress(Refused):
            signed = Signed.read(path)
            if signed.approval.decision == "rejected":
                check(job, chain, signed)
                return signed.approval
    return None
