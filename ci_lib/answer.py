"""What a person answers, put together from the command line and from what was typed where the gate was played.

On GitLab words can be typed when a manual job is played; they reach the job as environment variables. So could those
of whoever started the pipeline, or of who played the same gate before: GitLab keeps a job's variables when it is run
again. Words from variables therefore count only with a code that names who says them and what about, and that nobody
knew when the pipeline was started: ``ben:`` and the first digits of the digest of everything that an approval names.
"""

import hmac
from argparse import Namespace
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ci_lib.approval import Subjects, Waiver, end_of
from ci_lib.errors import BadInput, Refused
from ci_lib.text import quoted

DIGITS = 12
"""Hex digits of the code. The pipeline's variables are fixed before there is a model, so nobody can search for them."""

Choice = Literal["approved", "rejected"]


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a person says."""

    decision: Choice | None = None
    reason: str = ""
    accepted: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    """Names of the findings that they waive; the next three are about these."""
    owner: str = ""
    until: date | None = None
    waive_reason: str = ""
    """Empty: the reason."""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Said(Words):
    """What was typed at the gate, unchecked."""

    code: str = ""
    otherwise: str = ""
    """The reason that is kept when none was given: which button was pressed."""
    only: Choice | None = None
    """All that the played job can say, by its name."""
    vouched: bool = False
    """The words came with the click: they were asked for after there was a candidate, and need no code."""

    @property
    def anything(self) -> bool:
        """Whether there are words that somebody must stand by."""
        asked = (self.accepted, self.waived, self.owner, self.until, self.waive_reason, self.conditions)
        return bool(self.reason or any(asked) or self.decision == "approved")


@dataclass(frozen=True, kw_only=True)
class Answer(Words):
    """What a person says, decided."""

    decision: Choice


def code(subjects: Subjects, approver: str) -> str:
    """Return what an approver types with their words, to stand by them."""
    return f"{approver}:{digits(subjects)}"


def digits(subjects: Subjects) -> str:
    """Return the second half of the code; the first is the approver's name."""
    return subjects.digest().removeprefix("sha256:")[:DIGITS]


def typed(args: Namespace) -> Words:
    """Return what stands on the command line of `ml-release approve`."""
    return Words(
        decision="rejected" if args.reject else None,
        reason=args.reason or "",
        accepted=tuple(args.accept),
        waived=tuple(args.waive),
        owner=args.owner,
        until=args.until,
        waive_reason=args.waive_reason,
        conditions=tuple(args.condition),
    )


def answer(line: Words, said: Said, *, approver: str, subjects: Subjects) -> Answer:
    """Return the answer.

    Args:
        line: on the command line; it goes before what was said.
        said: where the gate was played.
        approver: whose words they must be.
        subjects: what they must be about.

    Raises:
        BadInput: the two contradict each other.
        Refused: words from variables without the code of this approver and this candidate.
    """
    expected = code(subjects, approver)
    needed = said.anything and not (said.vouched and not said.code)
    if needed and not hmac.compare_digest(said.code.strip().encode(), expected.encode()):
        _refuse_words(said, approver)
    decision: Choice = "rejected" if "rejected" in {line.decision, said.decision} else "approved"
    if said.only is not None and decision != said.only:
        message = f"the job that was played can only say {said.only!r}, and it was told {decision!r}"
        raise BadInput(message, "play the other job of the gate")
    return Answer(
        decision=decision,
        reason=line.reason or said.reason or said.otherwise,
        accepted=_both(line.accepted, said.accepted),
        waived=_both(line.waived, said.waived),
        owner=line.owner or said.owner,
        until=line.until or said.until,
        waive_reason=line.waive_reason or said.waive_reason,
        conditions=_both(line.conditions, said.conditions),
    )


def waivers(words: Words) -> tuple[Waiver, ...]:
    """Return the waivers that words ask for.

    Raises:
        BadInput: one without a last day, or what belongs to a waiver without one.
    """
    about = {"owner": words.owner, "until": words.until, "waive-reason": words.waive_reason}
    given = [name for name, value in about.items() if value]
    if given and not words.waived:
        message = f"--{given[0]} is about a waiver, and none is named"
        raise BadInput(message, "name the finding: --waive FINDING")
    if not words.waived:
        return ()
    if words.until is None:
        message = f"the waiver of {words.waived[0]} has no last day"
        raise BadInput(message, "say when it ends: --until YYYY-MM-DD")
    reason, owner, ends = (words.waive_reason or words.reason).strip(), words.owner.strip(), end_of(words.until)
    return tuple(Waiver(finding=name, reason=reason, owner=owner, expires_at=ends) for name in words.waived)


def check_accepted(accepted: Sequence[str], open_ones: Sequence[str]) -> None:
    """Refuse the acceptance of what needs none.

    Raises:
        BadInput: a name is that of no inconclusive finding.
    """
    unknown = [name for name in accepted if name not in open_ones]
    if unknown:
        message = f"no inconclusive finding is called {', '.join(unknown)}"
        raise BadInput(message, f"the ones to accept are: {', '.join(open_ones) or 'none'}")


def check_settled(settled: Collection[str], open_ones: Sequence[str]) -> None:
    """Refuse a yes that leaves an inconclusive finding open.

    Args:
        settled: names that were accepted or waived.
        open_ones: the inconclusive findings.

    Raises:
        BadInput: one was not named.
    """
    left = [name for name in open_ones if name not in settled]
    if left:
        message = f"these findings are not settled, and an approver accepts each by name: {', '.join(left)}"
        raise BadInput(message, "add " + " ".join(f"--accept {quoted(name)}" for name in left))


def _both(typed: Sequence[str], said: Sequence[str]) -> tuple[str, ...]:
    return (*typed, *(text for text in said if text not in typed))


def _refuse_words(said: Said, approver: str) -> None:
    hint = f"play the gate with ML_RELEASE_CODE={approver}: and the digits that the merge request's note shows"
    if not said.code:
        message = (
            "the gate was played with words in variables and without ML_RELEASE_CODE: whoever started the pipeline, "
            "or played this gate before, may have put them there"
        )
        raise Refused(message, hint)
    whose, _, _ = said.code.partition(":")
    if whose.strip() != approver:
        message = f"ML_RELEASE_CODE is {whose!r}'s, and {approver!r} played the gate: these are not their words"
        raise Refused(message, hint)
    message = "ML_RELEASE_CODE is about another candidate, evidence, report or policy than the one at the gate"
    raise Refused(message, hint)
