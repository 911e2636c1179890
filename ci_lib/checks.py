"""What must hold before anything moves: flat, numbered lists, each check with its own sentence.

No earlier stage's green tick is trusted. `check_chain` reads the records against each other and judges the evidence
again, `check_approval` reads one approval against the chain, and `standing` says whether those approvals are enough.
All are pure; a check that does not hold raises Refused.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ci_lib.approval import Approval, Assurance, Subjects
from ci_lib.candidate import Person
from ci_lib.chain import Chain
from ci_lib.config import ApprovalPolicy, Config, Policy
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.errors import Refused
from ci_lib.evidence import Evidence
from ci_lib.labels import positive
from ci_lib.ledger import used_nonce
from ci_lib.protected import shown
from ci_lib.record import Digest
from ci_lib.release import Release
from ci_lib.source import HERE, Change, Source
from ci_lib.text import visible

Decide = Callable[[Policy, Dataset, Evidence], Decision]

SKEW = timedelta(minutes=5)
"""So far two machines' clocks may differ."""

LEVELS: tuple[Assurance, ...] = ("self-declared", "ci-verified")
"""From weak to strong."""

RUN, TRAIN, VALIDATE = "ml-release run", "ml-release train", "ml-release validate"

OTHER = "somebody else must answer"

MAIL = re.compile(r"^(?P<name>.*?)\s*<(?P<mail>[^<>]+)>\s*$")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the gate stands."""

    state: Literal["waiting", "approved", "rejected"]
    sentence: str


def check_chain(
    chain: Chain, config: Config, decide: Decide, *, source: Source = HERE, changes: Sequence[Change] = ()
) -> None:
    """Refuse records that do not rest on each other, or on release.yml as it is now, or a decision that is not its.

    Args:
        chain: the records.
        config: what this job goes by.
        decide: what judges the evidence again.
        source: where this job read the policy.
        changes: what the branch's own release.yml says otherwise now.
    """
    dataset, candidate, evidence, decision = chain.dataset, chain.candidate, chain.evidence, chain.decision
    policy, model = config.policy, config.model
    # (1) All four are about the model of release.yml.
    for record in (dataset, candidate, evidence, decision):
        _expect(
            record.model == model, f"{record.kind}.json is about {record.model!r}, release.yml about {model!r}", RUN
        )
    # (2) The candidate was trained on this dataset.
    _expect(candidate.dataset == dataset.digest(), "candidate.json was trained on another dataset", TRAIN)
    # (3) The evidence was measured on this dataset,
    _expect(evidence.dataset == dataset.digest(), "evidence.json was measured on another dataset", VALIDATE)
    # (4) about this candidate,
    _expect(evidence.candidate == candidate.digest(), "evidence.json is about another candidate", VALIDATE)
    # (5) and with these bytes.
    same = evidence.manifest == candidate.manifest.digest()
    _expect(same, "evidence.json was measured with other model files than candidate.json lists", VALIDATE)
    # (6) The decision rests on this dataset and this evidence,
    same = (decision.dataset, decision.evidence) == (dataset.digest(), evidence.digest())
    _expect(same, "decision.json is about other evidence than evidence.json", VALIDATE)
    # (7) under the policy that this job reads, at the same place, as it is now,
    _check_policy(decision, policy, source)
    # (8) and that policy makes the same decision of the evidence again, with the same changes to show.
    other = "release.yml here, or the protected one, changed since validation, and decision.json shows other changes"
    _expect(tuple(changes) == decision.policy_changes, other, VALIDATE)
    same = shown(decide(policy, dataset, evidence), decision.policy_source, changes) == decision
    _expect(same, "the policy makes another decision of evidence.json than decision.json says", VALIDATE)
    # (9) What was measured is what release.yml asks about now: target, groups, task, positive label and threshold.
    _check_question(config, dataset, evidence)


def _check_policy(decision: Decision, policy: Policy, source: Source) -> None:
    """Refuse a decision of another policy; the commit may be another one, as long as the policy says the same."""
    then = decision.policy_source
    elsewhere = f"decision.json was made by the policy of {then}, and this job reads that of {source}"
    hint = f"set ML_RELEASE_POLICY_FROM alike in all jobs, then {VALIDATE}"
    _expect(then.same_place(source), elsewhere, hint)
    since = f" (then {then.commit[:10]}, now {source.commit[:10]})" if then.commit and source.commit else ""
    file = f"{source.place}{since}" if source.protected else "release.yml"
    _expect(
        decision.policy == policy.fingerprint(),
        f"decision.json was made under another policy than {file} has now",
        VALIDATE,
    )


def _check_question(config: Config, dataset: Dataset, evidence: Evidence) -> None:
    """Refuse evidence about another question than release.yml asks now; the policy's digest does not cover these."""
    data, binary = config.data, config.task == "binary"
    _same("data.target", data.target, dataset.target, RUN)
    _same("data.sensitive", sorted(data.sensitive), sorted(dataset.sensitive), RUN)
    _same("task", config.task, evidence.task, RUN)
    _same("data.positive", positive(dataset.labels, data.positive) if binary else None, dataset.positive, RUN)
    _same("threshold", config.threshold if binary else None, evidence.threshold, VALIDATE)


def _same(key: str, now: object, then: object, hint: str) -> None:
    _expect(now == then, f"{key} was {then!r} when the evidence was measured, and is {now!r} in release.yml now", hint)


def check_champion(evidence: Evidence, environment: str, environments: Sequence[str], head: Release | None) -> None:
    """Refuse evidence that was compared with another champion than the one in production now.

    Into production, and into the last environment, goes only what was compared with the champion there. On its way a
    candidate is promoted on that same evidence, so an earlier environment asks only that its own champion, if that is
    the one compared with, is still there. Evidence without a champion says that there was none where it counts.

    Args:
        evidence: what was measured.
        environment: where the release goes.
        environments: all of release.yml, in order.
        head: the newest release there.
    """
    compared = evidence.champion
    counts = environment in {"production", environments[-1]}
    if not counts and environment != (compared.environment if compared else None):
        return
    # (10) The champion is still the one that the candidate was compared with.
    there = compared.environment if compared else environment
    elsewhere = f"the candidate was compared with the champion of {there}, and this release goes to {environment}"
    _expect(there == environment, elsewhere, f"{VALIDATE} --environment {environment}")
    then = (compared.release, compared.manifest) if compared else None
    now = (head.number, head.manifest) if head else None
    words = " and is ".join(f"release {champion[0]}" if champion else "none" for champion in (then, now))
    _expect(then == now, f"the champion changed since validation: it was {words} now", VALIDATE)


def check_approval(
    approval: Approval,
    *,
    policy: ApprovalPolicy,
    subjects: Subjects,
    authors: Sequence[Person],
    environment: str,
    destination: Digest,
    model: str,
    decision: Decision,
    now: datetime,
    used: Mapping[str, str],
    op: Digest | None = None,
    signed_by: Sequence[str] = (),
) -> None:
    """Refuse an approval or rejection that is not a valid answer to exactly this question.

    Args:
        approval: the answer.
        policy: who may answer.
        subjects: what is asked about, by digest.
        authors: everybody who wrote what is released.
        environment: where it goes.
        destination: what release.yml says of that environment, `Config.destination`.
        model: release.yml's model.
        decision: the policy's, with the findings that an approver may have to accept.
        now: timezone-aware.
        used: the ledger's notes; those of `ledger.used_nonce` name the operation that an approval was used for.
        op: the operation that this approval may already have been used for; None at the gate.
        signed_by: names of the policy's keys that signed it, and counted when it was given.
    """
    who = f"the answer of {approval.approver.id!r}"
    # (11) It is about this model,
    _expect(approval.model == model, f"{who} is about the model {approval.model!r}, not {model!r}")
    # (12) in this environment,
    _expect(approval.environment == environment, f"{who} is for {approval.environment!r}, not for {environment!r}")
    # (13) going where release.yml sends it now,
    elsewhere = f"{who} is about another registry, registered model or alias than {environment} has in release.yml now"
    _expect(approval.destination == destination, elsewhere)
    # (14) about exactly these bytes, this evidence, decision, report and policy.
    changed = [part for part in Subjects.model_fields if getattr(approval.subjects, part) != getattr(subjects, part)]
    _expect(not changed, f"{who} is about something else: {', '.join(changed)} changed since")
    # (15) Its times mean the same everywhere:
    zoned = approval.issued_at.tzinfo is not None and approval.expires_at.tzinfo is not None
    _expect(zoned, f"{who} has a time without a time zone")
    # (16) it was not given in the future,
    issued, expires = approval.issued_at, approval.expires_at
    _expect(issued <= now + SKEW, f"{who} is dated {_shown(issued)}, which is still to come")
    # (17) it lasts no longer than the policy lets it,
    _expect(expires - issued <= policy.valid_for, f"{who} lasts longer than the policy's valid_for")
    # (18) and it has not expired.
    _expect(now < expires, f"{who} expired on {_shown(expires)}")
    # (19) It was not used for another release.
    _expect(used.get(used_nonce(approval.nonce), op) == op, f"{who} was already used for another release")
    # (20) The approver is one of the policy's (which must name somebody),
    named = {_fold(name) for name in policy.approvers}
    asked = f"one of them must answer: {', '.join(policy.approvers)}" if named else "name somebody in policy.approval"
    _expect(
        _fold(approval.approver.id) in named, f"{approval.approver.id!r} is not one of the policy's approvers", asked
    )
    # (21) is known well enough,
    known = LEVELS.index(approval.assurance) >= LEVELS.index(policy.assurance)
    _expect(known, f"{who} is {approval.assurance}, and the policy asks for {policy.assurance}")
    # (22) and is no author, if the policy wants four eyes.
    _expect(bool(authors) or not policy.four_eyes, "nobody is known as the author, so nobody can be shown not to be")
    author = _author(approval, authors) if policy.four_eyes else None
    _expect(author is None, f"{approval.approver.id!r} is an author ({author}), and the policy wants four eyes", OTHER)
    # (23) What they accepted by name are findings that needed it.
    unknown = sorted(set(approval.accepted) - set(inconclusive(decision)))
    _expect(not unknown, f"{who} accepts what is no inconclusive finding of this decision: {', '.join(unknown)}")
    # (24) There is a reason.
    _expect(bool(approval.reason.strip()), f"{who} gives no reason")
    # (23) One of the policy's keys signed it, where the policy has keys;
    gate = [key.name for key in policy.keys if key.role == "approve"]
    if gate:
        names = ", ".join(gate)
        _expect(bool(signed_by), f"{who} is signed by none of the policy's keys that counted then ({names})")
    # (24) and a policy that asks for more than somebody's word has some.
    needs = policy.assurance != LEVELS[0]
    _expect(bool(gate) or not needs, f"the policy asks for {policy.assurance} and names no key to verify it with")


def standing(approvals: Sequence[Approval], *, required: int, decision: Decision) -> Standing:
    """Say whether valid answers are enough.

    They are when nobody rejected, enough different people approved, and somebody accepted each inconclusive finding.

    Args:
        approvals: answers that `check_approval` let pass.
        required: how many different people must approve.
        decision: the policy's.
    """
    for answer in approvals:
        if answer.decision == "rejected":
            return Standing(
                state="rejected", sentence=visible(f"{answer.approver.id} rejected it: {answer.reason}", None)
            )
    count = distinct(answer.approver for answer in approvals)
    if count < max(required, 1):
        return Standing(state="waiting", sentence=f"{count} of {max(required, 1)} approvals")
    accepted = {name for answer in approvals for name in answer.accepted}
    unsettled = [name for name in inconclusive(decision) if name not in accepted]
    if unsettled:
        return Standing(state="waiting", sentence=visible(f"nobody has accepted {', '.join(unsettled)} by name", None))
    people = ", ".join(answer.approver.id for answer in approvals)
    return Standing(state="approved", sentence=visible(f"approved by {people}", None))


def inconclusive(decision: Decision) -> tuple[str, ...]:
    """Return the names of the findings that somebody must accept."""
    return tuple(finding.name for finding in decision.findings if finding.outcome == "inconclusive")


def distinct(people: Iterable[Person]) -> int:
    """Count people, taking two that may be the same for one."""
    groups: list[list[Person]] = []
    for person in people:
        known = [group for group in groups if any(may_be_same(person, other) for other in group)]
        groups = [*(group for group in groups if group not in known), [person, *(p for group in known for p in group)]]
    return len(groups)


def may_be_same(one: Person, other: Person) -> bool:
    """Say whether two share an id, a name or a mail address, or one is called as the other's mail address begins."""
    first, second = identities(one), identities(other)
    return bool(first & second or _mailboxes(first) & second or first & _mailboxes(second))


def _mailboxes(names: set[str]) -> set[str]:
    """Return what stands before the @ of mail addresses, and its parts: ``1234+ana@users.noreply.example`` is ana's."""
    local = {name.partition("@")[0] for name in names if "@" in name and "<" not in name}
    return {part for name in local for part in (name, *name.split("+")) if part}


def identities(person: Person) -> set[str]:
    """Return what a person may be known by: the id, and name and mail address of a ``Name <mail>`` form, all folded."""
    known = {person.id}
    if found := MAIL.match(person.id):
        known |= {found["name"], found["mail"]}
    return {folded for name in known if (folded := _fold(name))}


def _author(approval: Approval, authors: Sequence[Person]) -> str | None:
    """Return the author that the approver also is."""
    everybody = [*authors, *approval.authors]
    return next((author.id for author in everybody if may_be_same(approval.approver, author)), None)


def _fold(name: str) -> str:
    """Return a name without what the eye does not see: case, width, spacing, invisible characters."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen.casefold()).split())


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M %Z}"


def _expect(holds: bool, otherwise: str, hint: str = "ask again: ml-release approve") -> None:  # noqa: FBT001 -- reads as a sentence
    """Refuse with a sentence unless something holds."""
    if not holds:
        raise Refused(otherwise, hint)
