"""Approval: who said yes or no to exactly these bytes on exactly this evidence, when, why, until when."""

from datetime import datetime
from typing import Literal

from ci_lib.candidate import Person
from ci_lib.record import Digest, Record

Assurance = Literal["self-declared", "ci-verified"]


class Subjects(Record):
    """What exactly was approved or rejected, by digest."""

    manifest: Digest
    """The model's bytes."""
    candidate: Digest
    evidence: Digest
    decision: Digest
    report: Digest
    """SHA-256 of ``report/index.html``."""
    policy: Digest


class Approval(Record):
    """What `approve` writes: one file a person, ``<environment>/approvals/<slug>.json``."""

    kind: Literal["approval"] = "approval"
    version: Literal[1] = 1
    model: str
    environment: str
    destination: Digest
    """`Config.destination`: registry, registered model and alias of that environment when it was approved."""
    subjects: Subjects
    decision: Literal["approved", "rejected"]
    reason: str
    accepted: tuple[str, ...] = ()
    """Names of the inconclusive findings that the approver takes responsibility for."""
    approver: Person
    assurance: Assurance
    authors: tuple[Person, ...]
    pipeline: str
    """Which pipeline or session it was given in."""
    job: str = ""
    """Address of the CI job that was played to give it; empty on a laptop."""
    nonce: str
    """Used once: the ledger refuses it the second time."""
    issued_at: datetime
    expires_at: datetime
