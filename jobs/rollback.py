"""Put an earlier release back: the last good one, or --to N. Needs a --reason.

Nothing is trained, validated or loaded. The bytes are downloaded and held against the ledger before the alias moves.
"""

from ci_lib import anchor, secrets, servers
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.job import Job
from ci_lib.production import Production, is_copy, open_production
from ci_lib.record import Digest
from ci_lib.release import Release, choose, restorable, rollback_op
from ci_lib.segments import CARRIED


def main(job: Job) -> int:
    """Roll the job's environment back.

    Raises:
        BadInput: there is no reason, no such release, or nothing to go back to.
        Refused: the bytes of that release are not what was released, or another job changed production meanwhile.
        Unavailable: MLflow does not answer.
    """
    to, reason = job.args.to, (job.args.reason or "").strip()
    if not reason:
        message = "a rollback needs a reason: the ledger keeps it"
        raise BadInput(message, 'ml-release rollback --reason "what went wrong"')
    secrets.keep_out((reason,), job.env)
    for line in servers.fit(job, urgent=True):
        job.console.say(line)
    production = open_production(job)
    anchor.check_all((), job.here, production.ledger, job.config.model, job.environment)
    for line in production.reconcile():
        job.console.say(line)
    entries = _read(production, to)
    if done := _already(job, entries, to, reason):
        return _end(job, production, done, f"release {done.number} is this rollback already: nothing to do")
    target, head = choose(entries, to), entries[-1]
    if target.manifest == head.manifest and is_copy(production.seen(), head):
        same = "" if target == head else f", and has the bytes of release {target.number}"
        return _end(job, production, head, f"release {head.number} is in production already{same}: nothing to do")
    production.signing.key_for(job.clock(), head)  # refuses now what could not be signed at the end
    op = _op(job, to, reason, head.digest())
    with job.console.step(f"checking the bytes of release {target.number}"):
        version = _verified(production, target, entries, op)
    entry = production.ledger.append(op, lambda now: _entry(job, now, head, target, version, op, reason))
    production.project()
    what = f"{production.uri} is version {version}, the bytes of release {target.number}"
    return _end(job, production, entry, f"release {entry.number}: {what}")


LOOK_BACK = 20
"""A twentieth of a segment, 50 releases, after its own a retried rollback still knows itself, whatever the segment."""


def _read(production: Production, to: int | None) -> tuple[Release, ...]:
    """Return the releases that this rollback must know of, up to the newest: as few as it can be chosen from."""
    recent = production.ledger.recent()
    if not recent or production.run is None:
        return ()
    head = recent[-1].number
    since = max(min(head - production.run.size // LOOK_BACK, to or head), 1)
    if recent[0].number > since:
        recent = production.ledger.entries(since)
    return recent if to is not None or restorable(recent) else production.ledger.entries()


def _already(job: Job, entries: tuple[Release, ...], to: int | None, reason: str) -> Release | None:
    """Return the head if this very rollback made it: a job that is retried must not go back one release more.

    Raises:
        Refused: this rollback was done, and replaced since. A retried job must not take back what came after it.
    """
    mine = (entry for entry in reversed(entries) if entry.previous and entry.op == _op(job, to, reason, entry.previous))
    done = next(mine, None)
    if done is None or done == entries[-1]:
        return done
    message = f"this rollback was release {done.number}, and release {entries[-1].number} replaced it"
    raise Refused(message, "to roll back that one, too, say why: another --reason, or a new pipeline")


def _op(job: Job, to: int | None, reason: str, leaves: Digest) -> Digest:
    return rollback_op(
        environment=job.environment,
        model=job.config.model,
        to=to,
        leaves=leaves,
        reason=reason,
        pipeline=job.ci.pipeline(),
    )


def _verified(production: Production, target: Release, entries: tuple[Release, ...], op: Digest) -> str:
    """Return the version of the production model to point to, after checking its bytes.

    A version that somebody deleted is registered again from the production copy, which outlives it.

    Raises:
        Refused: the bytes are not those that were released.
    """
    try:
        production.verify(production.where(target), target.manifest, f"release {target.number}")
    except Refused as error:
        older = [entry.number for entry in restorable(entries) if entry.number < target.number]
        hint = f"ml-release rollback --to {older[0]} --reason …" if older else "ml-release history"
        raise Refused(error.what, hint) from error
    return production.version_of(target, op)


def _entry(
    job: Job, now: Release | None, head: Release, target: Release, version: str, op: Digest, reason: str
) -> Release:
    if now != head:
        message = f"another job made release {now.number if now else 0} meanwhile"
        raise Refused(message, "ml-release status, then decide again")
    return Release(
        **target.model_dump(include={*CARRIED, "model", "environment"}),
        number=head.number + 1,
        action="rollback",
        model_version=version,
        approvals=(),
        automatic=False,
        restores=target.number,
        replaces=head.number,
        previous=head.digest(),
        op=op,
        actor=job.ci.actor(),
        reason=reason,
        pipeline=job.ci.pipeline(),
        at=job.clock(),
    )


def _end(job: Job, production: Production, release: Release, sentence: str) -> int:
    release.write(job.here / "release.json")
    anchor.keep(production.ledger.signed_head(), job.here)
    job.console.say(sentence)
    return Exit.DONE
