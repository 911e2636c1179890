"""Ledger entries made by hand."""

import json
from typing import Any

from doubles.small_chain import MODEL, NOW

from ci_lib.candidate import Person
from ci_lib.record import digest
from ci_lib.release import Release

DORA = Person(id="dora", known_from="self-declared")


def entry(after: Release | None, content: str = "A", **changes: Any) -> Release:
    """Return the deploy of some bytes that follows an entry, with some fields replaced."""
    number = after.number + 1 if after else 1
    given: dict[str, Any] = {
        "number": number,
        "action": "deploy",
        "model": MODEL,
        "environment": "production",
        "manifest": digest(content.encode()),
        "model_version": str(number),
        "model_id": f"m-{number}",
        "candidate": digest(b"candidate"),
        "evidence": digest(b"evidence"),
        "golden": digest(b"golden"),
        "approvals": (digest(b"approval"),),
        "automatic": False,
        "restores": None,
        "replaces": after.number if after else None,
        "previous": after.digest() if after else None,
        "op": digest(f"op {number} {content}".encode()),
        "actor": DORA,
        "reason": "better",
        "pipeline": "p1",
        "at": NOW,
    }
    return Release(**given | changes)


def text(made: Release) -> str:
    """Return an unsigned entry as the ledger keeps it, whatever it says."""
    return json.dumps({"entry": made.model_dump(mode="json"), "signatures": []}, sort_keys=True, separators=(",", ":"))


def history(*steps: str | int) -> tuple[Release, ...]:
    """Return a ledger: a text deploys those bytes, a number rolls back to that release."""
    entries: list[Release] = []
    for step in steps:
        last = entries[-1] if entries else None
        if isinstance(step, str):
            entries.append(entry(last, step))
        else:
            target = entries[step - 1]
            back = {"action": "rollback", "manifest": target.manifest, "model_id": target.model_id, "restores": step}
            entries.append(entry(last, f"back to {step}", approvals=(), **back))
    return tuple(entries)
