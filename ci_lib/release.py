"""Release: one entry of the ledger. Who put which bytes into production, replacing what, on which approval."""

from datetime import datetime
from typing import Literal

from ci_lib.candidate import Person
from ci_lib.record import Digest, Record


class Release(Record):
    """One entry of the ledger; `number` counts from 1."""

    kind: Literal["release"] = "release"
    version: Literal[1] = 1
    number: int
    action: Literal["deploy", "rollback"]
    model: str
    environment: str
    manifest: Digest
    """The bytes now in production."""
    model_version: str
    """Version of the production model in MLflow: where they were seen."""
    model_id: str
    """``m-…``: MLflow's identity of the production copy."""
    candidate: Digest
    evidence: Digest
    golden: Digest
    """SHA-256 of the golden predictions kept as an artifact of the ledger, so that any later check can repeat them."""
    approvals: tuple[Digest, ...]
    """Empty only where the environment says ``approval: automatic``, or for a rollback."""
    automatic: bool
    """True where no person signed, because the environment says so."""
    restores: int | None
    """For a rollback: the number of the release whose bytes are back."""
    replaces: int | None
    """Number of the release that was in production before."""
    previous: Digest | None
    """Digest of the entry before: the hash chain."""
    op: Digest
    """Identity of the operation: a re-run of the same job finds its own entry."""
    actor: Person
    reason: str
    pipeline: str
    at: datetime
