"""The human gate: what a reviewer is asked, and what becomes of the answer. Page, terminal and CI all go through it."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from ci_lib import answers, checks, keys, nextstep, workspace
from ci_lib import chain as chains
from ci_lib.answer import check_accepted, check_settled
from ci_lib.approval import Approval, Waiver
from ci_lib.candidate import Person
from ci_lib.checks import Standing
from ci_lib.decision import decide
from ci_lib.errors import BadInput, Refused
from ci_lib.job import Job
from ci_lib.people import may_be_same
from ci_lib.release import Release
from ci_lib.signed import Signed, seal
from ci_lib.text import visible
from ci_lib.waivers import askable, failed

State = Literal["waiting", "approved", "rejected", "expired"]

SHORTEST_REASON = 3
"""Characters; a dot is no reason."""
LONGEST_REASON = 4_000
"""Characters; more than that belongs into the report or a ticket."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What a person answered."""

    decision: Literal["approved", "rejected"]
    approver: str | None
    """Who they say they are; a CI system finds out for itself."""
    reason: str
    accepted: tuple[str, ...] = ()
    """Names of the inconclusive findings they take responsibility for."""
    waivers: tuple[Waiver, ...] = ()
    """Failed or inconclusive findings that they let pass for a while."""
    conditions: tuple[str, ...] = ()
    """What they expect of those who release it."""


class Gate(Protocol):
    """What the signoff page and the `approve` command need of the gate."""

    def state(self) -> State:
        """Return how the gate stands now, from the files on disk: another terminal may have answered."""

    def standing(self) -> Standing:
        """Return whether the answers are enough, and whose is missing."""

    def approvals(self) -> tuple[Approval, ...]:
        """Return the valid answers so far, oldest first."""

    def record(self, vote: Vote) -> Approval:
        """Check one answer, write it, return it. A no is heard until it is released, after enough said yes as well.

        Raises:
            BadInput: a reason is missing, an inconclusive finding was not accepted or a failed one not waived by name.
            Refused: not an approver, an author, the gate is decided or expired, or the chain changed meanwhile.
        """


@dataclass(frozen=True)
class ChainGate:
    """The gate of one environment, for exactly the chain that lay there when it was opened."""

    job: Job
    chain: chains.Chain
    nonce: Callable[[], str] = lambda: secrets.token_hex(16)

    @property
    def folder(self) -> Path:
        """Where the answers are."""
        return self.job.here / "approvals"

    def state(self) -> State:
        """Return how the gate stands now; ``expired`` when the question changed, or is too old and not yet answered."""
        if self._changed():
            return "expired"
        state = self.standing().state
        return "expired" if state == "waiting" and self.job.clock() >= self._until() else state

    def standing(self) -> Standing:
        """Return whether the answers are enough, and whose is missing."""
        return checks.standing(self.approvals(), policy=self.job.config.policy.approval, decision=self.chain.decision)

    def approvals(self) -> tuple[Approval, ...]:
        """Return the valid answers so far, oldest first."""
        return answers.valid(self.job, self.chain)

    def record(self, vote: Vote) -> Approval:
        """Check one answer, write it, return it."""
        with workspace.deciding(self.job.here):  # a deploy that has begun to write is waited for
            return self._record(vote)

    def _record(self, vote: Vote) -> Approval:
        self._may_answer(vote)
        self._complete(vote)
        answer = self._answer(vote)
        self._terms(answer)
        signed = seal(answer, keys.from_environment(self.job.env))
        answers.check(self.job, self.chain, signed, known=answer.authors)
        again = any(may_be_same(answer.approver, other.approver) for other in self.approvals())
        if again and answer.decision == "approved":  # a no after a yes is heard
            message = f"{visible(answer.approver.id, None)} has answered already; another approver is needed"
            raise Refused(message, "ml-release status")
        self._clear_invalid()
        no = "" if answer.decision == "approved" else "-no"  # beside a yes of the same person: both were said
        signed.write(self.folder / f"{_slug(answer.approver)}{no}.json")
        return answer

    def _may_answer(self, vote: Vote) -> None:
        """Refuse an answer to a question that is no longer asked. A no stops whatever is not released yet."""
        if self._changed():
            message = "the candidate or its report changed while it was on the table: this answer is about the old one"
            raise Refused(message, "look at the new report, then answer again")
        if number := self._released():
            message = f"this candidate is release {number} of {self.job.environment} already"
            raise Refused(message, f'ml-release rollback --reason "…"{nextstep.where(self.job)} takes it back')
        state = self.state()
        if state == "rejected" or (state == "approved" and vote.decision == "approved"):
            by = ", ".join(dict.fromkeys(each.approver.id for each in self.approvals() if each.decision == state))
            by = visible(by, None)
            message = f"this candidate is {state} already, by {by}"
            raise Refused(message, "ml-release status")
        if state == "expired" and vote.decision == "approved":
            asked = f"{self.chain.candidate.trained_at:%Y-%m-%d %H:%M %Z}"
            message = f"the question is from {asked}, too old to be answered now"
            raise Refused(message, "train and validate again: ml-release run")

    def _released(self) -> int | None:
        """Return which release this chain became here, if the deploy job ran where this gate is."""
        try:
            release = Release.read(self.job.here / "release.json")
        except (BadInput, Refused):
            return None
        return release.number if release.evidence == self.chain.evidence.digest() else None

    def _until(self) -> datetime:
        """Return when the question itself runs out."""
        return self.chain.candidate.trained_at + self.job.config.policy.approval.valid_for

    def _clear_invalid(self) -> None:
        """Remove answers that do not hold (any more): deploy would refuse them, and with them the new one."""
        valid = self.approvals()
        for path in self.folder.glob("*.json"):
            if Signed.read(path).approval not in valid:
                path.unlink(missing_ok=True)

    def _changed(self) -> bool:
        try:
            now = chains.read(self.job.chain)
        except (BadInput, Refused):
            return True
        policy = self.job.config.policy.fingerprint()
        return now.subjects(policy) != self.chain.subjects(policy)

    def _complete(self, vote: Vote) -> None:
        """Refuse a vote with something left open."""
        if len(vote.reason.strip()) < SHORTEST_REASON:
            message = "a decision needs a reason: it is signed and kept"
            raise BadInput(message, 'say why in a few words; in a terminal: --reason "…"')
        if len(vote.reason) > LONGEST_REASON:
            message = f"the reason has {len(vote.reason):,} characters; {LONGEST_REASON:,} are kept"
            raise BadInput(message, "say it shorter, or where to read it")
        if any(not text.strip() or len(text) > LONGEST_REASON for text in vote.conditions):
            message = f"a condition is a text of at most {LONGEST_REASON:,} characters"
            raise BadInput(message, 'say what you expect: --condition "…"; or leave it out')
        if any(len(waiver.reason) + len(waiver.owner) > LONGEST_REASON for waiver in vote.waivers):
            message = f"a waiver's reason and owner have more than {LONGEST_REASON:,} characters"
            raise BadInput(message, "say it shorter, or where to read it")
        if vote.conditions and vote.decision == "rejected":
            message = "a rejection has no conditions"
            raise BadInput(message, "say it in the reason")
        check_accepted(vote.accepted, self.chain.decision.inconclusive)
        if vote.decision == "approved":
            self._settled(vote)

    def _settled(self, vote: Vote) -> None:
        """Refuse a yes that leaves a finding open: one that failed, or one that the approver did not accept."""
        waived = {waiver.finding for waiver in vote.waivers}
        unwaived = [name for name in self.standing().unwaived if name not in waived]
        if unwaived:
            message = f"these findings failed, and nobody has waived them by name: {', '.join(unwaived)}"
            raise BadInput(message, "add" + nextstep.waive(self.job, unwaived))
        check_settled({*vote.accepted, *waived}, self.chain.decision.inconclusive)

    def _terms(self, answer: Approval) -> None:
        """Refuse waivers that do not hold as what they are here: a slip of whoever typed them."""
        try:
            checks.check_waivers(answer, self.job.config.policy.approval, self.chain.decision, answer.issued_at)
        except Refused as error:
            raise BadInput(error.what, error.hint) from error

    def _answer(self, vote: Vote) -> Approval:
        job, now = self.job, self.job.clock()
        policy = job.config.policy
        return Approval(
            model=job.config.model,
            environment=job.environment,
            destination=job.config.destination(job.environment),
            subjects=self.chain.subjects(policy.fingerprint()),
            policy_source=job.policy_source,
            decision=vote.decision,
            reason=vote.reason.strip(),
            accepted=vote.accepted if vote.decision == "approved" else (),
            waivers=vote.waivers,
            conditions=tuple(text.strip() for text in vote.conditions),
            approver=job.ci.approver(vote.approver),
            assurance=job.ci.assurance,
            authors=answers.authors(self.job, self.chain),
            pipeline=job.ci.pipeline(),
            job=job.ci.job(),
            nonce=self.nonce(),
            issued_at=now,
            expires_at=now + policy.approval.valid_for,
        )


def open_gate(job: Job) -> ChainGate:
    """Open the gate of the job's environment, after checking that there is a question to answer.

    Raises:
        BadInput: a record is not there; the environment needs no approval.
        Refused: the records do not rest on each other, or a finding failed that nobody may waive.
    """
    if job.target.approval == "automatic":
        message = f"{job.environment} releases a pass by itself: nobody is asked"
        raise BadInput(message, f"ml-release deploy --environment {job.environment}")
    chain = chains.read(job.chain)
    checks.check_chain(chain, job.config, decide, source=job.policy_source, changes=job.policy_changes)
    if not askable(chain.decision, job.config.policy.approval):
        message = f"the verdict is fail ({', '.join(failed(chain.decision))}): it never reaches the gate"
        raise Refused(message, "read the report, change the model or the data, and run again: ml-release run")
    return ChainGate(job, chain)


def _slug(person: Person) -> str:
    """Return a file name for a person: letters and digits of the id, and enough of a digest to keep people apart."""
    plain = re.sub(r"[^a-z0-9]+", "-", person.id.casefold()).strip("-")[:40] or "person"
    return f"{plain}-{hashlib.sha256(person.id.encode()).hexdigest()[:8]}"
