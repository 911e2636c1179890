"""A gate in memory: what the signoff page and the `approve` command talk to in tests."""

from datetime import timedelta

from doubles.records import MODEL, NOW, sha

from ci_lib.approval import Approval, Subjects
from ci_lib.candidate import Person
from ci_lib.checks import Standing
from ci_lib.errors import BadInput, Refused, ReleaseError
from ci_lib.gate import State, Vote

SUBJECTS = Subjects(
    manifest=sha("manifest"),
    candidate=sha("candidate"),
    evidence=sha("evidence"),
    decision=sha("decision"),
    report=sha("report"),
    policy=sha("policy"),
)


class MemoryGate:
    """Keeps answers in a list. `broken` is raised by every call, to play a chain that changed."""

    def __init__(
        self,
        *,
        unsettled: tuple[str, ...] = (),
        failed: tuple[str, ...] = (),
        required: int = 1,
        authors: tuple[str, ...] = ("ana",),
    ) -> None:
        self.unsettled = unsettled
        self.failed = failed
        self.released = False
        self.required = required
        self.authors = authors
        self.given: list[Approval] = []
        self.expired = False
        self.broken: BaseException | None = None

    def state(self) -> State:
        if self.broken:
            raise self.broken
        if any(approval.decision == "rejected" for approval in self.given):
            return "rejected"
        if len(self.given) >= self.required:
            return "approved"
        return "expired" if self.expired else "waiting"

    def standing(self) -> Standing:
        state = self.state()
        said = {approval.approver.id for approval in self.given}
        who = tuple(name for name in ("ben", "chen", "dora") if name not in said)
        waived = {waiver.finding for approval in self.given for waiver in approval.waivers}
        left = self.required - len(self.given)
        return Standing(
            state="waiting" if state == "expired" else state,
            sentence=f"{len(self.given)} of {self.required} approvals",
            missing=(f"{left} of {', '.join(who)}",) if left > 0 else (),
            who=who,
            unwaived=tuple(name for name in self.failed if name not in waived),
        )

    def approvals(self) -> tuple[Approval, ...]:
        return tuple(self.given)

    def record(self, vote: Vote) -> Approval:
        approver = self._check(vote)
        approval = Approval(
            model=MODEL,
            environment="production",
            destination=sha("destination"),
            subjects=SUBJECTS,
            decision=vote.decision,
            reason=vote.reason,
            accepted=vote.accepted,
            waivers=vote.waivers,
            conditions=vote.conditions,
            approver=Person(id=approver, known_from="self-declared"),
            assurance="self-declared",
            authors=(),
            pipeline="local-1",
            nonce=str(len(self.given)),
            issued_at=NOW,
            expires_at=NOW + timedelta(days=7),
        )
        self.given.append(approval)
        return approval

    def _check(self, vote: Vote) -> str:
        problem: ReleaseError | None = None
        state, no = self.state(), vote.decision == "rejected"
        if self.released:
            problem = Refused("this candidate is release 1 of production already", "ml-release rollback")
        elif state != "waiting" and not (no and state == "approved"):
            problem = Refused("the gate is decided", "ml-release status")
        elif not vote.approver:
            problem = BadInput("nobody said who they are", "name yourself")
        elif vote.approver in self.authors:
            problem = Refused(f"{vote.approver} is an author and may not approve", "ask somebody else")
        elif not no and vote.approver in {approval.approver.id for approval in self.given}:
            problem = Refused(f"{vote.approver} has answered already", "ask somebody else")
        elif not vote.reason:
            problem = BadInput("a reason is missing", "write why")
        elif vote.decision == "approved" and set(vote.accepted) != set(self.unsettled):
            problem = BadInput("an inconclusive finding was not accepted by name", "tick it, or reject")
        elif not no and {waiver.finding for waiver in vote.waivers} != set(self.standing().unwaived):
            problem = BadInput("a failed finding was not waived by name", "tick it, or reject")
        if problem:
            raise problem
        assert vote.approver
        return vote.approver
