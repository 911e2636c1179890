"""Release: one entry of the ledger. Who put which bytes into production, replacing what, on which approval."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AwareDatetime, StringConstraints

from ci_lib.candidate import Person
from ci_lib.errors import BadInput
from ci_lib.record import Digest, Record, canonical, digest

LONGEST_REASON = 2_000
"""Characters of a deploy's reason in the ledger."""


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
    at: AwareDatetime
    """Never before that of the entry before: a machine whose clock is behind takes that one's."""
    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Id of the key that signs this entry (`keys.key_id`). Part of what is signed and hashed, so that a signature that
    is taken off shows, whatever release.yml says by then. None: unsigned."""


def deploy_op(*, environment: str, model: str, manifest: Digest, evidence: Digest, nonces: Sequence[str]) -> Digest:
    """Return the identity of a deploy: the same bytes on the same approvals are the same operation.

    Without approvals (``approval: automatic``) the evidence stands in for them. It names the candidate and the champion
    that it was compared with, so validating again after a rollback makes a new operation.
    """
    rests_on = sorted(nonces) or [evidence]
    return _op("deploy", environment, model, manifest, *rests_on)


def rollback_op(*, environment: str, model: str, to: int | None, leaves: Digest, reason: str, pipeline: str) -> Digest:
    """Return the identity of a rollback.

    Args:
        environment: where.
        model: of what.
        to: the release that was asked for; None: the last good one.
        leaves: digest of the ledger's entry that is left.
        reason: why.
        pipeline: which pipeline or session asks, so that its retried job is known from a new wish to go back further.
    """
    return _op("rollback", environment, model, "last good" if to is None else str(to), leaves, reason, pipeline)


def _op(*parts: str) -> Digest:
    return digest(canonical(list(parts)))


def shortened(reason: str) -> str:
    """Return a reason that fits into an entry: the ledger keeps few characters, the approvals have all of it.

    It is measured as JSON writes it, where a letter outside ASCII takes six characters.
    """
    if len(json.dumps(reason)) <= LONGEST_REASON:
        return reason
    while len(json.dumps(reason)) > LONGEST_REASON:
        reason = reason[: len(reason) * 9 // 10]
    return reason + " …"


def restorable(entries: Sequence[Release]) -> tuple[Release, ...]:
    """Return the releases that a rollback may choose by itself, the best first.

    They have other bytes than the head, and no rollback has left these bytes since: neither directly nor by leaving a
    rollback that had brought them back. The same bytes released twice are as bad as once, until somebody releases them
    again. What has left a release is always newer, so the newest entries of a ledger are enough to tell which of these
    are among the restorable ones of all.
    """
    if not entries:
        return ()
    left, head = _left(entries), entries[-1]
    return tuple(
        entry
        for entry in reversed(entries[:-1])
        if entry.manifest != head.manifest and entry.number > left.get(entry.manifest, 0)
    )


def stands(entries: Sequence[Release], manifest: Digest) -> bool | None:
    """Say whether bytes were released and no rollback has left them since; None: they never were."""
    numbers = [entry.number for entry in entries if entry.manifest == manifest]
    return numbers[-1] > _left(entries).get(manifest, 0) if numbers else None


def _left(entries: Sequence[Release]) -> dict[Digest, int]:
    """Return the newest rollback that left each of these bytes."""
    return {before.manifest: entry.number for before, entry in pairwise(entries) if entry.action == "rollback"}


def choose(entries: Sequence[Release], to: int | None) -> Release:
    """Return the release that a rollback goes back to.

    Args:
        entries: the newest releases, oldest first, down to the one asked for.
        to: its number; None: the last good one.

    Raises:
        BadInput: nothing was released, there is no release `to`, or nothing to go back to.
    """
    if not entries:
        message = "nothing has been released yet, so there is nothing to roll back"
        raise BadInput(message, "ml-release status")
    if to is not None:
        found = next((entry for entry in entries if entry.number == to), None)
        if found is None:
            message = f"there is no release {to}; the ledger has 1 to {entries[-1].number}"
            raise BadInput(message, "ml-release history")
        return found
    candidates = restorable(entries)
    if not candidates:
        number = entries[-1].number
        message = f"there is no good release to go back to before release {number}"
        message += ": each was left by a rollback, or has the same bytes" if number > 1 else ": it is the first"
        hint = "ml-release history, then name one yourself: ml-release rollback --to N --reason …"
        raise BadInput(message, hint if number > 1 else "ml-release run trains another candidate")
    return candidates[0]
