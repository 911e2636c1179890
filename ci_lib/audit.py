"""Alias, ledger, records and bytes of one environment, held against each other."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ci_lib import anchor, champion
from ci_lib.entry import Entry
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.evidence import Evidence
from ci_lib.job import Job
from ci_lib.production import PUT_RIGHT, Production, open_production
from ci_lib.record import Record, digest
from ci_lib.release import Release
from ci_lib.signed import Signed
from ci_lib.signing import INTRUDER, KEEP, ROLE, Signing
from ci_lib.text import visible
from ci_lib.waivers import given

RENEW = (
    "ask the owner; release a candidate that passes, or validate this one again, report, approve with a new --waive, "
    "and deploy; or roll back"
)


class Problem(Record):
    """One thing that does not hold."""

    what: str
    hint: str
    """What to do about it."""


def main(job: Job) -> int:
    """Audit the job's environment: 0 when everything holds, 3 when something does not (or had to be put right)."""
    problems = audit(job)
    if job.args.json:
        shown = [problem.model_dump(mode="json") for problem in problems]
        job.console.say(json.dumps(shown, indent=2))
    else:
        for problem in problems:
            job.console.say(f"{visible(problem.what, None)}\n  next: {visible(problem.hint, None)}")
        if not problems:
            job.console.say(f"alias, ledger, records and bytes of {job.config.model} in {job.environment} agree")
            if unsigned(job):
                job.console.say(f"the ledger is unsigned: release.yml names no key of role {ROLE}")
    return Exit.REFUSED if problems else Exit.DONE


def audit(job: Job) -> tuple[Problem, ...]:
    """Return everything that does not hold; a wrong alias is put right, and reported.

    Raises:
        Unavailable: MLflow does not answer.
    """
    try:
        production = open_production(job)
        ledger = production.ledger
        signed = ledger.signed()
        # An alias that follows a ledger which was cut would put an old release into production.
        anchor.check_all(job.args.head, job.here, ledger, job.config.model, job.environment)
        off = production.reconcile()
    except Refused as error:  # without the ledger there is nothing to hold the rest against
        return (_problem(error),)
    entries = tuple(each.entry for each in signed)
    problems = [_moved(line, entries) for line in off]
    for entry in entries:
        problems += _records(production, entry)
    problems += _on_nobodys_word(job, production, entries)
    problems += _expired(job, production, entries)
    problems += _bytes(production, entries)
    problems += _unknown_keys(production.signing, signed)
    if not problems and signed:
        anchor.keep(signed[-1], job.here)
    return tuple(problems)


def unsigned(job: Job) -> bool:
    """Tell whether entries of the job's environment need no signature."""
    return not any(key.role == ROLE for key in job.config.policy.approval.keys)


def _unknown_keys(signing: Signing, signed: tuple[Entry, ...]) -> Iterator[Problem]:
    """Report signatures that nobody can check any more: taking the keys out of release.yml must not go unnoticed."""
    for key in signing.unknown(signed):
        numbers = [each.entry.number for each in signed if each.entry.key == key]
        what = (
            f"release {numbers[0]} is"
            if len(numbers) == 1
            else f"{len(numbers)} releases, the last of them {numbers[-1]}, are"
        )
        yield Problem(what=f"{what} signed with a key that release.yml does not name: {key}", hint=KEEP)


def _moved(line: str, entries: tuple[Release, ...]) -> Problem:
    """Word a wrong alias: one that could be put right asks who did it, another is put right by a rollback."""
    if line.endswith(PUT_RIGHT):
        return Problem(what=line, hint="find out who moved it, or which job was stopped half-way")
    back = f"the same bytes are registered again by: ml-release rollback --to {entries[-1].number} --reason …"
    return Problem(what=line, hint=back)


def _records(production: Production, entry: Release) -> Iterator[Problem]:
    """Hold the records that were kept with a deploy against what its entry names."""
    if entry.action == "rollback":
        return
    lost = "restore the ledger's MLflow artifacts from a backup"
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        kept = production.attached(entry, Path(scratch))
        if kept is None:
            yield Problem(what=f"the records of release {entry.number} are gone", hint=lost)
            return
        named = {"candidate.json": entry.candidate, "evidence.json": entry.evidence, "golden.json": entry.golden}
        with suppress(BadInput, Refused):  # said below: the evidence is not what the entry names
            named["dataset.json"] = Evidence.read(kept / "evidence.json").dataset
        for name, expected in named.items():
            if _digest(kept / name) != expected:
                yield Problem(what=f"{name} of release {entry.number} is missing or changed", hint=lost)
        yield from _approvals(kept, entry, lost)


def _approvals(kept: Path, entry: Release, lost: str) -> Iterator[Problem]:
    """Hold the approvals of a deploy against its entry, and what they were about against what was kept."""
    found = {_digest(path): path for path in (kept / "approvals").glob("*.json")}
    whose = f"of release {entry.number}"
    for expected in entry.approvals:
        if expected not in found:
            yield Problem(what=f"an approval {whose} is missing or changed", hint=lost)
            continue
        try:
            answer = Signed.read(found[expected]).approval
        except Refused as error:
            yield Problem(what=f"an approval {whose} is none: {error.what}", hint=INTRUDER)
            continue
        about = answer.subjects
        said = (answer.decision, answer.model, answer.environment, about.manifest, about.candidate, about.evidence)
        if said != ("approved", entry.model, entry.environment, entry.manifest, entry.candidate, entry.evidence):
            yield Problem(what=f"an approval {whose} is no approval of what was released", hint=INTRUDER)
        for name, seen in {"decision.json": about.decision, "index.html": about.report}.items():
            if _digest(kept / name) != seen:
                who = answer.approver.id
                yield Problem(what=f"{name} {whose} is missing, or not what {who} approved", hint=lost)


def _digest(path: Path) -> str | None:
    return digest(path.read_bytes()) if path.is_file() else None


def _on_nobodys_word(job: Job, production: Production, entries: tuple[Release, ...]) -> Iterator[Problem]:
    """Say when the champion was released by itself, and release.yml asks for a person's word now."""
    if job.target.approval == "automatic" or not entries:
        return
    source = champion.origin(production, entries[-1])
    if source.automatic:
        what = f"release {source.number} is in {job.environment} on nobody's approval, and release.yml asks for one"
        yield Problem(what=what, hint="find out who released it; then validate, approve and deploy again, or roll back")


def _expired(job: Job, production: Production, entries: tuple[Release, ...]) -> Iterator[Problem]:
    """Say which waivers of the champion have ended: what failed then is in production, and nobody lets it pass now."""
    if not entries:
        return
    head = entries[-1]
    with suppress(BadInput, Refused):  # said above: its approvals are missing or changed
        for waived in given(champion.approvals(production, head), job.clock()):
            if waived.expired:
                ended = f"{waived.expires_at:%Y-%m-%d}"
                what = (
                    f"the waiver of {waived.finding} in release {head.number} ended on {ended}; owner: {waived.owner}"
                )
                yield Problem(what=what, hint=RENEW)


def _bytes(production: Production, entries: tuple[Release, ...]) -> Iterator[Problem]:
    """Hold the champion's bytes, as a consumer gets them, against the ledger."""
    if not entries:
        return
    head = entries[-1]
    try:
        production.verify(production.where(head), head.manifest, f"release {head.number}")
    except (Refused, BadInput) as error:
        what = f"THE CHAMPION IS NOT WHAT WAS RELEASED: {error.what}"
        yield Problem(what=what, hint='ml-release rollback --reason "champion tampered with"')


def _problem(error: Refused) -> Problem:
    return Problem(what=error.what, hint=error.hint)
