"""The ledger, as a table or as records."""

import json
from collections.abc import Sequence

from ci_lib import champion
from ci_lib.errors import Exit, Refused, Unavailable
from ci_lib.job import Job
from ci_lib.production import Production, open_production
from ci_lib.record import short
from ci_lib.release import Release
from ci_lib.status import terms, when
from ci_lib.text import visible
from ci_lib.waivers import conditions, given

HEAD = ("release", "when", "what", "bytes", "version", "by", "approvals", "why")


def main(job: Job) -> int:
    """Print every release of the job's environment, the newest first, and what the champion's approvers let pass."""
    production = open_production(job)
    entries = production.ledger.entries()
    if job.args.json:
        records = [entry.model_dump(mode="json") for entry in entries]
        job.console.say(json.dumps(records, indent=2))
        return Exit.DONE
    if not entries:
        job.console.say(f"nothing has been released to {job.environment} yet")
    else:
        for line in (*table(entries), *_terms(job, production, entries[-1])):
            job.console.say(line)
    return Exit.DONE


def _terms(job: Job, production: Production, head: Release) -> tuple[str, ...]:
    """Return what the champion's approvers let pass and expect, or that it is not known: the table needs none of it."""
    try:
        answers = champion.approvals(production, head)
    except (Refused, Unavailable) as error:
        return (f"  waivers and conditions are not known: {error.what}",)
    return terms(given(answers, job.clock()), conditions(answers))


def table(entries: Sequence[Release]) -> tuple[str, ...]:
    """Return the releases as aligned columns, the newest first."""
    rows = [HEAD, *(_row(entry) for entry in reversed(entries))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return tuple("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _row(entry: Release) -> tuple[str, ...]:
    what = "deploy" if entry.action == "deploy" else f"rollback to {entry.restores}"
    signed = "automatic" if entry.automatic else str(len(entry.approvals)) if entry.action == "deploy" else "-"
    why = " ".join(visible(entry.reason, None).split())
    who = visible(entry.actor.id, None)
    return (str(entry.number), when(entry.at), what, short(entry.manifest), entry.model_version, who, signed, why)
