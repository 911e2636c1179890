"""Check the whole chain, copy the approved bytes into production, append to the ledger, move the alias.

The model is never loaded: the digests say that these are the bytes that were validated. Running it again finishes what
an interrupted run began, and says so when there is nothing left to do.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ci_lib import anchor, champion, checks, nextstep, servers, waivers, workspace
from ci_lib import chain as chains
from ci_lib.answers import authors, check, no_meanwhile
from ci_lib.approval import Approval
from ci_lib.chain import Chain
from ci_lib.checks import Decide
from ci_lib.decision import decide
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.job import Job
from ci_lib.ledger import made_by
from ci_lib.manifest import difference
from ci_lib.production import Copy, Production, is_copy, looked_twice, open_production
from ci_lib.record import Digest, digest, short
from ci_lib.release import Release, deploy_op, shortened
from ci_lib.signed import Signed
from ci_lib.waivers import askable


def main(job: Job, *, decide: Decide = decide) -> int:
    """Release the candidate of this chain to the job's environment.

    Args:
        job: the stage.
        decide: what judges the evidence again.

    Raises:
        BadInput: a record is not there.
        Refused: a check does not hold, or the MLflow server cannot keep the promise.
        Unavailable: MLflow does not answer.
    """
    for line in servers.fit(job):
        job.console.say(line)
    production = open_production(job)
    anchor.check_all((), job.here, production.ledger, job.config.model, job.environment)
    for line in production.reconcile():
        job.console.say(line)
    chain = chains.read(job.chain)
    answers = chains.read_approvals(job.here / "approvals") if job.target.approval == "required" else ()
    # A no is part of no operation: it stops one that has not begun, and does not make another of one that is done.
    approvals = tuple(signed for signed in answers if signed.approval.decision == "approved")
    op = deploy_op(
        environment=job.environment,
        model=job.config.model,
        manifest=chain.candidate.manifest.digest(),
        evidence=chain.evidence.digest(),
        nonces=[signed.approval.nonce for signed in approvals],
    )
    entries = production.ledger.recent()
    head = entries[-1] if entries else None
    if done := _already(op, entries):
        if len(answers) > len(approvals):
            job.console.say('somebody said no after it was released; to take it back: ml-release rollback --reason "…"')
        if not is_copy(production.seen(), done):
            production.project()  # refuses: that version is gone, so it is not in production, whatever was done once
        what = f"release {done.number} is this candidate on these approvals already: nothing to do"
        return _end(job, production, done, what)
    checks.check_chain(chain, job.config, decide, source=job.policy_source, changes=job.policy_changes)
    if stop := _gate(job, production, chain, answers, op):
        return stop
    checks.check_champion(chain.evidence, job.environment, list(job.config.environments), head)
    checks.check_since(chain.evidence, head, partial(champion.trained_from, production))
    _promoted(job, chain)
    production.signing.key_for(job.clock(), head)  # refuses now what could not be signed at the end
    kept = _kept(job, chain, approvals)
    production = production.started()
    aim = production.ledger.claim([signed.approval.nonce for signed in approvals], op)
    if aim.made:
        return _made_by_another(job, production, aim.made, head)
    production.attach(op, kept, aim.segment)
    # The copy last: between the check of its bytes and the entry nothing else happens that takes time.
    copy = _copy(job, production, chain, op)
    with workspace.deciding(job.here):
        return _append(job, production, chain, approvals, copy, op)


def _append(
    job: Job, production: Production, chain: Chain, approvals: tuple[Signed, ...], copy: Copy, op: Digest
) -> int:
    """Append to the ledger and move the alias, unless somebody said no while the bytes were copied."""
    if approvals and (no := no_meanwhile(job, chain)):
        return _stopped(job, chain, no)
    if approvals:  # the CI system, too, may have heard a no, or seen a gate played again, in the meantime
        job.ci.confirm([signed.approval for signed in approvals], job.config.policy.approval.people)
    entry = production.ledger.append(op, lambda head: _entry(job, chain, approvals, copy, op, head))
    production.project()
    what = f"{production.uri} is version {entry.model_version}, bytes {short(entry.manifest)}"
    return _end(job, production, entry, f"release {entry.number}: {what}")


def _stopped(job: Job, chain: Chain, no: Approval) -> Exit:
    """Say that somebody said no while the bytes were copied: nothing moved yet."""
    standing = checks.standing([no], policy=job.config.policy.approval, decision=chain.decision)
    job.console.say(standing.sentence)
    job.console.say(f"  next: {nextstep.after(job, chain.decision, standing)}")
    return Exit.REJECTED


def _already(op: Digest, entries: tuple[Release, ...]) -> Release | None:
    """Return the release that this operation made, if it is in production.

    Raises:
        Refused: it was replaced since. Its approvals were for one release, not for every time somebody runs the job.
    """
    done = made_by(op, entries)
    if done is None or done == entries[-1]:
        return done
    raise _replaced(done, entries[-1])


def _made_by_another(job: Job, production: Production, made: Release, head: Release | None) -> int:
    """Finish what another run of this job appended.

    Raises:
        Refused: long ago, and it was replaced since.
    """
    if head and made.number <= head.number:
        raise _replaced(made, head)
    production.project()
    return _end(job, production, made, f"another run of this job has made release {made.number} meanwhile")


def _replaced(done: Release, head: Release) -> Refused:
    later = f"release {head.number} replaced it"
    message = f"this candidate was release {done.number} on the same approvals, and {later}"
    return Refused(message, f"ml-release rollback --to {done.number} --reason …, or validate and approve it again")


def _gate(job: Job, production: Production, chain: Chain, answers: tuple[Signed, ...], op: Digest) -> Exit | None:
    """Return the exit code that ends this job, or None when the gate is open."""
    policy, decision = job.config.policy.approval, chain.decision
    automatic = job.target.approval == "automatic"
    if not askable(decision, policy) or (automatic and decision.verdict == "fail"):
        job.console.say("the verdict is fail: nothing is released")
        job.console.say(f"  next: {nextstep.after(job, decision)}")
        return Exit.FAIL
    if automatic:
        if decision.verdict == "pass":
            return None
        job.console.say(f"the verdict is {decision.verdict}, and {job.environment} releases only a pass by itself")
        job.console.say(f"  next: {nextstep.after(job, decision)}")
        return Exit.INCONCLUSIVE
    used, known = production.ledger.notes(), authors(job, chain) if answers else ()
    for signed in answers:
        check(job, chain, signed, known=known, used=used, op=op)
    given = [signed.approval for signed in answers]
    standing = checks.standing(given, policy=policy, decision=decision)
    if standing.state == "approved":
        job.ci.confirm(given, policy.people)
    job.console.say(standing.sentence)
    if standing.state != "approved":
        job.console.say(f"  next: {nextstep.after(job, decision, standing)}")
    else:
        _say_terms(job, given)
    return {"waiting": Exit.NO_APPROVAL, "rejected": Exit.REJECTED, "approved": None}[standing.state]


def _promoted(job: Job, chain: Chain) -> None:
    """Refuse a candidate that the environment before this one has not, or no longer."""
    names = list(job.config.environments)
    if (place := names.index(job.environment)) > 0:
        before = replace(job, environment=names[place - 1])
        releases = open_production(before).ledger.recent()
        checks.check_promotion(chain.candidate.manifest.digest(), before.environment, releases)


def _say_terms(job: Job, given: Sequence[Approval]) -> None:
    """Say what was let pass, and what the approvers expect."""
    for waived in waivers.given(given, job.clock()):
        job.console.say(f"  waived: {waived}")
    for condition in waivers.conditions(given):
        job.console.say(f"  on condition, {condition}")


def _kept(job: Job, chain: Chain, approvals: tuple[Signed, ...]) -> dict[str, bytes]:
    """Return what is kept beside the ledger, exactly as it was checked: somebody may be writing the files by now."""
    records = (chain.dataset, chain.candidate, chain.evidence, chain.decision)
    path = job.chain / chains.REPORT
    report = path.read_bytes() if path.is_file() else b""
    if digest(report) != chain.report:
        message = f"{path} changed while it was being released"
        raise Refused(message, "is another run at work here? run the job again")
    return {
        **{f"{record.kind}.json": record.to_bytes() for record in records},
        "index.html": report,
        "golden.json": chain.evidence.golden.to_bytes(),
        **{f"approvals/{number}.json": each.envelope.to_bytes() for number, each in enumerate(approvals, start=1)},
    }


def _copy(job: Job, production: Production, chain: Chain, op: Digest) -> Copy:
    """Bring the candidate's bytes into production's registry, verified on both sides."""
    candidate = chain.candidate
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch, job.console.step("copying the model"):
        registry = job.open_registry(job.registry_uri())
        try:
            model, found = looked_twice(registry, candidate.model_uri, Path(scratch), candidate.manifest.digest())
        except Refused as error:
            message = f"the candidate's model {candidate.model_uri} is gone: {error.what}"
            raise Refused(message, "ml-release run") from error
        except BadInput as error:
            raise Refused(error.what, "ml-release train") from error
        if found != candidate.manifest:
            how = difference(candidate.manifest, found)
            message = f"{candidate.model_uri} is no longer what was validated and approved: {how}"
            raise Refused(message, "find out who changed it, then train again")
        return production.copy(op, model, candidate.manifest)


def _entry(
    job: Job, chain: Chain, approvals: tuple[Signed, ...], copy: Copy, op: Digest, head: Release | None
) -> Release:
    checks.check_champion(chain.evidence, job.environment, list(job.config.environments), head)
    return Release(
        number=head.number + 1 if head else 1,
        action="deploy",
        model=job.config.model,
        environment=job.environment,
        manifest=chain.candidate.manifest.digest(),
        model_version=copy.version,
        model_id=copy.model_id,
        candidate=chain.candidate.digest(),
        evidence=chain.evidence.digest(),
        golden=chain.evidence.golden.digest(),
        approvals=tuple(signed.digest() for signed in approvals),
        automatic=job.target.approval == "automatic",
        restores=None,
        replaces=head.number if head else None,
        previous=head.digest() if head else None,
        op=op,
        actor=job.ci.actor(),
        reason=shortened("; ".join(signed.approval.reason for signed in approvals)) or "approval: automatic",
        pipeline=job.ci.pipeline(),
        at=job.clock(),
    )


def _end(job: Job, production: Production, release: Release, sentence: str) -> int:
    release.write(job.here / "release.json")
    anchor.keep(production.ledger.signed_head(), job.here)
    job.console.say(sentence)
    return Exit.DONE
