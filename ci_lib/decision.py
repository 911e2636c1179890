"""Decision: what the policy makes of the evidence. One finding a rule and group, and a verdict."""

from typing import Literal

from ci_lib.measurement import Measurement
from ci_lib.record import Digest, Record

Outcome = Literal["pass", "fail", "inconclusive"]


class Finding(Record):
    """One rule's outcome for one scope."""

    name: str
    """Unique in the decision; what an approver types to accept it, e.g. ``impact_ratio:black=1``."""
    rule: str
    """As written in release.yml."""
    section: str
    """``performance``, ``comparison``, ``fairness``, ``data``, ``operations``, …"""
    outcome: Outcome
    sentence: str
    """What was found and why it gives this outcome, for a person."""
    measurement: Measurement | None
    """None: nothing was measured that the rule could judge."""
    limit: tuple[float | None, float | None]
    """The good side: from, to; None is open."""
    rows_needed: int | None = None
    """For an inconclusive finding: about how many rows would settle it, the estimate staying where it is."""


class Decision(Record):
    """What `validate` concluded."""

    kind: Literal["decision"] = "decision"
    version: Literal[1] = 1
    model: str
    dataset: Digest
    evidence: Digest
    policy: Digest
    verdict: Outcome
    findings: tuple[Finding, ...]
