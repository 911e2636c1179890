"""Approval: who said yes or no to exactly these bytes on exactly this evidence, when, why, until when."""

from datetime import UTC, date, datetime, time
from typing import Literal

from ci_lib.candidate import Person
from ci_lib.record import Digest, Record
from ci_lib.source import Source

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


class Waiver(Record):
    """A finding that is let pass by name, for a while, on somebody's responsibility."""

    finding: str
    reason: str
    owner: str
    """Who sees to it that the cause is gone by then."""
    expires_at: datetime


class Approval(Record):
    """What `approve` writes: one file a person, ``<environment>/approvals/<slug>.json``."""

    kind: Literal["approval"] = "approval"
    version: Literal[1] = 1
    model: str
    environment: str
    destination: Digest
    """`Config.destination`: registry, registered model and alias of that environment when it was approved."""
    subjects: Subjects
    policy_source: Source = Source()
    """Where the job that asked read the policy whose digest is among the subjects."""
    decision: Literal["approved", "rejected"]
    reason: str
    accepted: tuple[str, ...] = ()
    """Names of the inconclusive findings that the approver takes responsibility for."""
    waivers: tuple[Waiver, ...] = ()
    """Failed or inconclusive findings that the approver lets pass for a while."""
    conditions: tuple[str, ...] = ()
    """What the approver expects of those who release it; nothing checks that they do."""
    approver: Person
    assurance: Assurance
    authors: tuple[Person, ...]
    pipeline: str
    """Which pipeline or session it was given in."""
    nonce: str
    """Used once: the ledger refuses it the second time."""
    issued_at: datetime
    expires_at: datetime


def end_of(day: date) -> datetime:
    """Return the last second of a day (UTC): what lasts until a day lasts through it."""
    return datetime.combine(day, time(23, 59, 59), UTC)
