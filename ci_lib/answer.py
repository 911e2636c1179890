"""What a person answers, put together from the command line and from what was typed where the gate was played.

On GitLab words can be typed when a manual job is played; they reach the job as environment variables. So could those
of whoever started the pipeline, or of who played the same gate before: GitLab keeps a job's variables when it is run
again. Words from variables therefore count only with a code that names who says them and what about, and that nobody
knew when the pipeline was started: ``ben:`` and the first digits of the digest of everything that an approval names.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ci_lib.approval import Subjects
from ci_lib.errors import BadInput, Refused

DIGITS = 12
"""Hex digits of the code. The pipeline's variables are fixed before there is a model, so nobody can search for them."""

Choice = Literal["approved", "rejected"]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was typed at the gate, unchecked."""

    decision: Choice | None = None
    reason: str = ""
    accepted: tuple[str, ...] = ()
    code: str = ""
    otherwise: str = ""
    """The reason that is kept when none was given: which button was pressed."""
    only: Choice | None = None
    """All that the played job can say, by its name."""

    @property
    def anything(self) -> bool:
        """Whether there are words that somebody must stand by."""
        return bool(self.reason or self.accepted or self.decision == "approved")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person says, and how."""

    decision: Choice
    reason: str
    accepted: tuple[str, ...]


def code(subjects: Subjects, approver: str) -> str:
    """Return what an approver types with their words, to stand by them."""
    return f"{approver}:{digits(subjects)}"


def digits(subjects: Subjects) -> str:
    """Return the second half of the code; the first is the approver's name."""
    return subjects.digest().removeprefix("sha256:")[:DIGITS]


def answer(
    *, reject: bool, reason: str, accepted: Sequence[str], said: Said, approver: str, subjects: Subjects
) -> Answer:
    """Return the answer; the command line goes before what was typed at the gate.

    Raises:
        BadInput: the two contradict each other.
        Refused: words from variables without the code of this approver and this candidate.
    """
    expected = code(subjects, approver)
    if said.anything and not hmac.compare_digest(said.code.strip().encode(), expected.encode()):
        _refuse_words(said, approver)
    decision: Choice = "rejected" if reject or said.decision == "rejected" else "approved"
    if said.only is not None and decision != said.only:
        message = f"the job that was played can only say {said.only!r}, and it was told {decision!r}"
        raise BadInput(message, "play the other job of the gate")
    return Answer(
        decision=decision,
        reason=reason or said.reason or said.otherwise,
        accepted=(*accepted, *(name for name in said.accepted if name not in accepted)),
    )


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
