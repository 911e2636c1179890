"""Whether the answers so far are enough, and whose is still missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ci_lib.approval import Approval
from ci_lib.candidate import Person
from ci_lib.config import ApprovalPolicy
from ci_lib.decision import Decision
from ci_lib.people import distinct, fold
from ci_lib.places import fill, would_do
from ci_lib.text import visible
from ci_lib.waivers import failed


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the gate stands."""

    state: Literal["waiting", "approved", "rejected"]
    sentence: str
    """On one line: `_said` makes it."""
    missing: tuple[str, ...] = ()
    """Whose yes is still needed, e.g. ``risk: 1 of ben, dora``."""
    who: tuple[str, ...] = ()
    """Everybody who could give it, or settle what is open."""
    unwaived: tuple[str, ...] = ()
    """Failed findings that nobody has waived by name."""


def standing(approvals: Sequence[Approval], *, policy: ApprovalPolicy, decision: Decision) -> Standing:
    """Say whether valid answers are enough.

    They are when nobody rejected, people of their own fill every place that the policy has, and somebody waived each
    failed finding by name, and accepted or waived each inconclusive one.

    Args:
        approvals: answers that `check_approval` let pass.
        policy: who must approve.
        decision: the policy's.
    """
    for answer in approvals:
        if answer.decision == "rejected":
            return Standing(
                state="rejected", sentence=_said(f"{answer.approver.id} rejected it: {visible(answer.reason)}")
            )
    waived = {waiver.finding for answer in approvals for waiver in answer.waivers}
    unwaived = tuple(name for name in failed(decision) if name not in waived)
    have, missing, who = _places(approvals, policy)
    places = sum(policy.needed.values())
    if have < places or not have:
        words = f"{have} of {places} approvals"
        words += f"; still needed: {'; '.join(missing)}" if have and missing else ""
        return Standing(state="waiting", sentence=_said(words), missing=missing, who=who, unwaived=unwaived)
    if unwaived:
        words = f"nobody has waived {', '.join(unwaived)} by name"
        return Standing(state="waiting", sentence=_said(words), who=who, unwaived=unwaived)
    settled = waived | {name for answer in approvals for name in answer.accepted}
    unsettled = [name for name in decision.inconclusive if name not in settled]
    if unsettled:
        words = f"nobody has accepted {', '.join(unsettled)} by name"
        return Standing(state="waiting", sentence=_said(words), who=who)
    people = ", ".join(answer.approver.id for answer in approvals)
    return Standing(state="approved", sentence=_said(f"approved by {people}"))


def _said(words: str) -> str:
    """Return words on one line: a person's name with a line break would write a line that reads as one of ours."""
    return visible(words, None)


def _places(approvals: Sequence[Approval], policy: ApprovalPolicy) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """Return how many places are filled, whose yes is missing for the others, and everybody who could give it."""
    needed, members = policy.needed, policy.members
    places = [role for role, number in needed.items() for _ in range(number)]
    answered = distinct(answer.approver for answer in approvals)
    people = [_roles(group, policy) for group in answered]
    filled = fill(places, people)
    said = {fold(person.id) for group in answered for person in group}
    missing, could = [], []
    for role, number in needed.items():
        free = number - sum(places[place] == role for place in filled)
        if not free:
            continue
        roles = would_do(role, places, people)
        names = [n for other in members if other in roles for n in members[other] if fold(n) not in said]
        could += names
        of = ", ".join(dict.fromkeys(names)) or "nobody"
        missing.append(f"{role}: {free} of {of}" if role else f"{free} of {of}")
    if not missing:  # something else is left open, which anybody else may settle
        could = [name for name in policy.people if fold(name) not in said]
    return len(filled), tuple(missing), tuple(dict.fromkeys(could))


def _roles(group: Sequence[Person], policy: ApprovalPolicy) -> set[str]:
    """Return the roles of one person."""
    called = {fold(person.id) for person in group}
    return {role for role, names in policy.members.items() if called & {fold(name) for name in names}}
