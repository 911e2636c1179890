"""A gate in memory: what the signoff page and the `approve` command talk to in tests."""

from datetime import timedelta

from doubles.records import MODEL, NOW, sha

from ci_lib.approval import Approval, Subjects
from ci_lib.candidate import Person
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
        self, *, unsettled: tuple[str, ...] = (), required: int = 1, authors: tuple[str, ...] = ("ana",)
    ) -> None:
        self.unsettled = unsettled
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
        if self.state() != "waiting":
            problem = Refused("the gate is decided", "ml-release status")
        elif not vote.approver:
            problem = BadInput("nobody said who they are", "name yourself")
        elif vote.approver in self.authors:
            problem = Refused(f"{vote.approver} is an author and may not approve", "ask somebody else")
        elif vote.approver in {approval.approver.id for approval in self.given}:
            problem = Refused(f"{vote.approver} has answered already", "ask somebody else")
        elif not vote.reason:
            problem = BadInput("a reason is missing", "write why")
        elif vote.decision == "approved" and set(vote.accepted) != set(self.unsettled):
            problem = BadInput("an inconclusive finding was not accepted by name", "tick it, or reject")
        if problem:
            raise problem
        assert vote.approver
        return vote.approver
