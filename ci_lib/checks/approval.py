"""One answer held against the question that was asked: what it is about, when it was given, by whom, what it says."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ci_lib.approval import Approval, Assurance, Subjects
from ci_lib.candidate import Person
from ci_lib.checks.expect import expect
from ci_lib.checks.waivers import check_waivers
from ci_lib.config import ApprovalPolicy
from ci_lib.decision import Decision
from ci_lib.ledger import used_nonce
from ci_lib.people import fold, may_be_same
from ci_lib.record import Digest

SKEW = timedelta(minutes=5)
"""So far two machines' clocks may differ."""

LEVELS: tuple[Assurance, ...] = ("self-declared", "ci-verified")
"""From weak to strong."""

OTHER = "somebody else must answer"


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
        policy: who may answer, and how.
        subjects: what the chain is now.
        authors: everybody who wrote what is released.
        environment: where it goes.
        destination: `Config.destination` of that environment.
        model: release.yml's model.
        decision: the policy's, with the findings that an approver may have to accept.
        now: timezone-aware.
        used: the ledger's notes; those of `ledger.used_nonce` name the operation that an approval was used for.
        op: the operation that this approval may already have been used for; None at the gate.
        signed_by: names of the policy's keys that signed it, and counted when it was given.
    """
    who = f"the answer of {approval.approver.id!r}"
    _check_about(approval, who, subjects, environment, destination, model)
    _check_use(approval, who, used, op)
    _check_time(approval, who, policy, now)
    _check_person(approval, who, policy, authors)
    _check_signature(approval, who, policy, signed_by)
    _check_words(approval, who, decision)
    check_waivers(approval, policy, decision, now)


def _check_about(
    approval: Approval, who: str, subjects: Subjects, environment: str, destination: Digest, model: str
) -> None:
    # (18) It is about this model,
    expect(approval.model == model, f"{who} is about the model {approval.model!r}, not {model!r}")
    # (19) in this environment,
    expect(approval.environment == environment, f"{who} is for {approval.environment!r}, not for {environment!r}")
    # (20) going where release.yml sends it now,
    elsewhere = f"{who} is about another registry, registered model or alias than {environment} has in release.yml now"
    expect(approval.destination == destination, elsewhere)
    # (21) about exactly these bytes, this evidence, decision, report and policy.
    changed = [part for part in Subjects.model_fields if getattr(approval.subjects, part) != getattr(subjects, part)]
    expect(not changed, f"{who} is about something else: {', '.join(changed)} changed since")


def _check_use(approval: Approval, who: str, used: Mapping[str, str], op: Digest | None) -> None:
    # (22) It was not used for another release.
    expect(used.get(used_nonce(approval.nonce), op) == op, f"{who} was already used for another release")


def _check_time(approval: Approval, who: str, policy: ApprovalPolicy, now: datetime) -> None:
    issued, expires = approval.issued_at, approval.expires_at
    # (23) Its times mean the same everywhere:
    zoned = issued.tzinfo is not None and expires.tzinfo is not None
    expect(zoned, f"{who} has a time without a time zone")
    # (24) it was not given in the future,
    expect(issued <= now + SKEW, f"{who} is dated {_shown(issued)}, which is still to come")
    # (25) it lasts no longer than the policy lets it,
    expect(expires - issued <= policy.valid_for, f"{who} lasts longer than the policy's valid_for")
    # (26) and it has not expired.
    expect(now < expires, f"{who} expired on {_shown(expires)}")


def _check_person(approval: Approval, who: str, policy: ApprovalPolicy, authors: Sequence[Person]) -> None:
    approver = approval.approver.id
    named = {folded for name in policy.people if (folded := fold(name))}
    # (27) The policy names somebody,
    expect(bool(named), "nobody may answer: policy.approval names no approver", "name somebody in policy.approval")
    # (28) and the approver is one of them,
    asked = f"one of them must answer: {', '.join(policy.people)}"
    expect(fold(approver) in named, f"{approver!r} is not one of the policy's approvers", asked)
    # (29) is known well enough,
    known = LEVELS.index(approval.assurance) >= LEVELS.index(policy.assurance)
    expect(known, f"{who} is {approval.assurance}, and the policy asks for {policy.assurance}")
    if not policy.four_eyes:
        return
    # (30) and, if the policy wants four eyes, is no author, for which somebody must be known as one.
    expect(bool(authors), "nobody is known as the author, so nobody can be shown not to be")
    # (31) The approver is none of them.
    author = next((a.id for a in (*authors, *approval.authors) if may_be_same(approval.approver, a)), None)
    expect(author is None, f"{approver!r} is an author ({author}), and the policy wants four eyes", OTHER)


def _check_signature(approval: Approval, who: str, policy: ApprovalPolicy, signed_by: Sequence[str]) -> None:
    keys = [key for key in policy.keys if key.role == "approve"]
    # (32) A policy that asks for more than somebody's word has a key to verify it with.
    needs = policy.assurance != LEVELS[0]
    expect(bool(keys) or not needs, f"the policy asks for {policy.assurance} and names no key to verify it with")
    if not keys:
        return
    # (33) Where the policy has keys for it, one of them signed it,
    names = ", ".join(key.name for key in keys)
    expect(bool(signed_by), f"{who} is signed by none of the policy's keys that counted then ({names})")
    # (34) and it vouches for this approver: somebody's own key signs their own answers.
    signers = [key for key in keys if key.name in signed_by]
    vouched = any(key.person is None or fold(key.person) == fold(approval.approver.id) for key in signers)
    whose = ", ".join(f"{key.name!r}, the key of {key.person!r}" for key in signers)
    expect(vouched, f"{who} is signed with {whose}", "sign it with your own key: ML_RELEASE_SIGNING_KEY")


def _check_words(approval: Approval, who: str, decision: Decision) -> None:
    # (35) There is a reason.
    expect(bool(approval.reason.strip()), f"{who} gives no reason")
    # (36) What they accepted by name are findings that needed it.
    unknown = sorted(set(approval.accepted) - set(decision.inconclusive))
    expect(not unknown, f"{who} accepts what is no inconclusive finding of this decision: {', '.join(unknown)}")
    # (37) Conditions go with a yes,
    yes = approval.decision == "approved"
    expect(yes or not approval.conditions, f"{who} is a rejection with conditions", "say it in the reason")
    # (38) and each says something.
    expect(all(text.strip() for text in approval.conditions), f"{who} has a condition without words")


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M %Z}"
