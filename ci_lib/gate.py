"""The human gate: what a reviewer is asked, and what becomes of the answer. Page, terminal and CI all go through it."""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from ci_lib import chain as chains
from ci_lib import checks, keys
from ci_lib.approval import Approval
from ci_lib.candidate import Person
from ci_lib.decision import decide
from ci_lib.errors import BadInput, Refused
from ci_lib.job import Job
from ci_lib.signed import Signed, seal
from ci_lib.text import quoted

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


class Gate(Protocol):
    """What the signoff page and the `approve` command need of the gate."""

    def state(self) -> State:
        """Return how the gate stands now, from the files on disk: another terminal may have answered."""

    def approvals(self) -> tuple[Approval, ...]:
        """Return the valid answers so far, oldest first."""

    def record(self, vote: Vote) -> Approval:
        """Check one answer, write it, return it.

        Raises:
            BadInput: a reason is missing, or an inconclusive finding was not accepted by name.
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
        """Return how the gate stands now; ``expired`` when the question changed, or is older than an answer may be."""
        if self._changed() or self.job.clock() >= self._until():
            return "expired"
        required = self.job.config.policy.approval.required
        return checks.standing(self.approvals(), required=required, decision=self.chain.decision).state

    def approvals(self) -> tuple[Approval, ...]:
        """Return the valid answers so far, oldest first."""
        valid = []
        for signed in chains.read_approvals(self.folder):
            try:
                self._check(signed)
            except Refused:
                continue
            valid.append(signed.approval)
        return tuple(valid)

    def record(self, vote: Vote) -> Approval:
        """Check one answer, write it, return it."""
        if self._changed():
            message = "the candidate or its report changed while it was on the table: this answer is about the old one"
            raise Refused(message, "look at the new report, then answer again")
        if self.job.clock() >= self._until():
            message = (
                f"the question is from {self.chain.candidate.trained_at:%Y-%m-%d %H:%M %Z}, too old to be answered now"
            )
            raise Refused(message, "train and validate again: ml-release run")
        if (state := self.state()) in {"approved", "rejected"}:
            by = ", ".join(answer.approver.id for answer in self.approvals())
            message = f"this candidate is {state} already, by {by}"
            raise Refused(message, "ml-release status")
        self._complete(vote)
        answer = self._answer(vote)
        signed = seal(answer, keys.from_environment(self.job.env))
        self._check(signed)
        again = any(checks.may_be_same(answer.approver, other.approver) for other in self.approvals())
        if again and answer.decision == "approved":  # a no after a yes, while others are still asked, is heard
            message = f"{answer.approver.id} has answered already; another approver is needed"
            raise Refused(message, "ml-release status")
        self._clear_invalid()
        signed.write(self.folder / f"{_slug(answer.approver)}.json")
        return answer

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
        open_ones = self.chain.decision.inconclusive
        unknown = [name for name in vote.accepted if name not in open_ones]
        if unknown:
            message = f"no inconclusive finding is called {', '.join(unknown)}"
            raise BadInput(message, f"the ones to accept are: {', '.join(open_ones) or 'none'}")
        unnamed = [name for name in open_ones if name not in vote.accepted]
        if vote.decision == "approved" and unnamed:
            message = f"these findings are not settled, and an approver accepts each by name: {', '.join(unnamed)}"
            raise BadInput(message, "add " + " ".join(f"--accept {quoted(name)}" for name in unnamed))

    def _answer(self, vote: Vote) -> Approval:
        job, now = self.job, self.job.clock()
        policy = job.config.policy
        return Approval(
            model=job.config.model,
            environment=job.environment,
            destination=job.config.destination(job.environment),
            subjects=self.chain.subjects(policy.fingerprint()),
            decision=vote.decision,
            reason=vote.reason.strip(),
            accepted=vote.accepted if vote.decision == "approved" else (),
            approver=job.ci.approver(vote.approver),
            assurance=job.ci.assurance,
            authors=self._authors(),
            pipeline=job.ci.pipeline(),
            job=job.ci.job(),
            nonce=self.nonce(),
            issued_at=now,
            expires_at=now + policy.approval.valid_for,
        )

    def _authors(self) -> tuple[Person, ...]:
        known = self.job.ci.authors(self.chain.since(self.job.config), self.chain.candidate.code.commit)
        return tuple(dict.fromkeys([*self.chain.candidate.authors, *known]))

    def _check(self, signed: Signed) -> None:
        policy = self.job.config.policy.approval
        checks.check_approval(
            signed.approval,
            signed_by=signed.signers(policy.keys, "approve"),
            policy=policy,
            subjects=self.chain.subjects(self.job.config.policy.fingerprint()),
            authors=self._authors(),
            environment=self.job.environment,
            destination=self.job.config.destination(self.job.environment),
            model=self.job.config.model,
            decision=self.chain.decision,
            now=self.job.clock(),
            used={},
        )


def open_gate(job: Job) -> ChainGate:
    """Open the gate of the job's environment, after checking that there is a question to answer.

    Raises:
        BadInput: a record is not there; the environment needs no approval.
        Refused: the records do not rest on each other, or the verdict is fail: no one can approve that.
    """
    if job.target.approval == "automatic":
        message = f"{job.environment} releases a pass by itself: nobody is asked"
        raise BadInput(message, f"ml-release deploy --environment {job.environment}")
    chain = chains.read(job.chain)
    checks.check_chain(chain, job.config, decide)
    if chain.decision.verdict == "fail":
        failed = ", ".join(finding.name for finding in chain.decision.findings if finding.outcome == "fail")
        message = f"the verdict is fail ({failed}): it never reaches the gate"
        raise Refused(message, "read the report, change the model or the data, and run again: ml-release run")
    return ChainGate(job, chain)


def _slug(person: Person) -> str:
    """Return a file name for a person: letters and digits of the id, and enough of a digest to keep people apart."""
    plain = re.sub(r"[^a-z0-9]+", "-", person.id.casefold()).strip("-")[:40] or "person"
    return f"{plain}-{hashlib.sha256(person.id.encode()).hexdigest()[:8]}"
