"""What is in production, since when and on whose approval; and what waits at the gate."""

import json
from collections.abc import Sequence
from datetime import datetime

from ci_lib import chain as chains
from ci_lib import champion, checks, nextstep
from ci_lib.approval import Approval
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.findings import Outcome
from ci_lib.job import Job
from ci_lib.production import Production, is_copy, open_production
from ci_lib.record import Digest, Record, short
from ci_lib.release import Release
from ci_lib.text import visible
from ci_lib.waivers import Waived, askable, conditions, given


class InProduction(Record):
    """The champion, as the ledger has it."""

    release: int
    action: str
    uri: str
    version: str
    manifest: Digest
    since: datetime
    by: str
    """Who ran the job."""
    approved_by: tuple[str, ...]
    """Empty where nobody signed."""
    words: str
    """On whose approval, as a sentence."""
    alias_agrees: bool
    """The alias points to it."""
    ledger: str
    """Who signed its entry, as a sentence."""
    waivers: tuple[Waived, ...] = ()
    """Findings that did not pass and were let pass for a while."""
    conditions: tuple[str, ...] = ()
    """What its approvers expect, each with who."""


class Waiting(Record):
    """What is in the chain directory and not released."""

    manifest: Digest
    verdict: Outcome
    approvals: tuple[str, ...]
    """Who said what, unchecked: deploy checks."""
    words: str
    next: str = ""
    """What to type next."""


class Status(Record):
    """How one environment stands."""

    model: str
    environment: str
    champion: InProduction | None
    waiting: Waiting | None
    gates: tuple[str, ...] = ()
    """In a pipeline: how the gate's jobs stand."""


def main(job: Job) -> int:
    """Print how the job's environment stands."""
    production = open_production(job)
    status = Status(
        model=job.config.model,
        environment=job.environment,
        champion=in_production(production, job.clock()),
        waiting=waiting(job, production.ledger.recent()),
        gates=tuple(job.ci.gates()),
    )
    if job.args.json:
        job.console.say(json.dumps(status.model_dump(mode="json"), indent=2))
    else:
        for line in lines(status):
            job.console.say(line)
    return Exit.DONE


def in_production(production: Production, now: datetime) -> InProduction | None:
    """Return the champion as it stands at a time, or None before the first release."""
    entry = production.ledger.signed_head()
    if entry is None:
        return None
    head = entry.entry
    answers = _approvals(production, head)
    people = None if answers is None else tuple(answer.approver.id for answer in answers)
    return InProduction(
        release=head.number,
        action=head.action,
        uri=production.uri,
        version=head.model_version,
        manifest=head.manifest,
        since=head.at,
        by=head.actor.id,
        approved_by=people or (),
        words=_on_whose_word(head, people),
        alias_agrees=is_copy(production.seen(), head),
        ledger=production.signing.words(entry),
        waivers=given(answers or (), now),
        conditions=conditions(answers or ()),
    )


def _approvals(production: Production, release: Release) -> tuple[Approval, ...] | None:
    """Return the approvals that a release rests on; None when those that were kept do not hold."""
    try:
        return champion.approvals(production, release)
    except Refused:
        return None


def _on_whose_word(release: Release, people: tuple[str, ...] | None) -> str:
    if people is None:
        words = "its approvals are missing or changed: ml-release audit"
    elif people:
        words = "approved by " + ", ".join(people)
    else:
        words = "approved by nobody: the environment says approval: automatic"
    if release.action == "rollback":
        return f"rolled back by {release.actor.id} to release {release.restores} ({release.reason}), {words}"
    return words


def waiting(job: Job, entries: Sequence[Release]) -> Waiting | None:
    """Return the candidate in the chain directory, unless it was released already or there is none."""
    try:
        chain = chains.read(job.chain)
    except BadInput:
        return None
    manifest = chain.candidate.manifest.digest()
    if any(entry.evidence == chain.evidence.digest() for entry in entries):
        return None
    answers = [signed.approval for signed in chains.read_approvals(job.here / "approvals")]
    verdict, policy = chain.decision.verdict, job.config.policy.approval
    standing = checks.standing(answers, policy=policy, decision=chain.decision)
    automatic = job.target.approval == "automatic"
    if not askable(chain.decision, policy) or (automatic and verdict == "fail"):
        words = "it goes no further"
    elif automatic:
        passed = "a pass needs no approval here"
        words = passed if verdict == "pass" else f"{job.environment} releases only a pass by itself"
    else:
        words = standing.sentence
    return Waiting(
        manifest=manifest,
        verdict=verdict,
        approvals=tuple(f"{answer.approver.id}: {answer.decision}" for answer in answers),
        words=words,
        next=nextstep.after(job, chain.decision, standing),
    )


def lines(status: Status) -> tuple[str, ...]:
    """Return the status as plain lines."""
    shown = [f"{status.model} in {status.environment}"]
    now = status.champion
    if now is None:
        shown.append("  champion  none: nothing has been released yet")
    else:
        shown += [
            f"  champion  release {now.release}: {now.uri}, version {now.version}, bytes {short(now.manifest)}",
            f"  since     {when(now.since)}, {now.action} by {now.by}",
            f"  because   {now.words}",
            f"  ledger    {now.ledger}",
            *terms(now.waivers, now.conditions),
        ]
        if not now.alias_agrees:
            shown.append("  WARNING   the alias points somewhere else: ml-release audit")
    rest = status.waiting
    what = f"bytes {short(rest.manifest)}, verdict {rest.verdict}: {rest.words}" if rest else "nothing"
    shown.append(f"  waiting   {what}")
    if rest:
        shown.append(f"  next      {rest.next}")
    shown += [f"  gate      {line}" for line in status.gates]
    return tuple(visible(line, None) for line in shown)  # a name or a reason may have line breaks in it


def terms(waivers: Sequence[Waived], conditions: Sequence[str]) -> tuple[str, ...]:
    """Return what was let pass and what is expected, as lines that stand below a release."""
    return (*(f"  waived    {waived}" for waived in waivers), *(f"  expected  {text}" for text in conditions))


def when(moment: datetime) -> str:
    """Return a time to the minute, with its zone."""
    return f"{moment:%Y-%m-%d %H:%M %Z}"
