"""Tasks of children that answer at the gate and die while they do."""

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ci_lib.jobs import approve
from doubles.deadly import Points
from doubles.desk import REASON, Desk

from ci_lib import files
from ci_lib import gate as gates
from ci_lib.errors import Refused
from ci_lib.job import Job


def first(desk: Desk) -> None:
    """Nobody has answered yet."""


def one_of_two(desk: Desk) -> None:
    """Cora has answered, and two must."""
    desk.open().record(desk.vote(approver="cora"))


def about_another(desk: Desk) -> None:
    """Cora's answer is about an older report."""
    report = desk.root / "report" / "index.html"
    now = report.read_bytes()
    report.write_bytes(b"<p>an older report</p>")
    desk.open().record(desk.vote(approver="cora"))
    report.write_bytes(now)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One answer, and what must come of it."""

    before: Callable[[Desk], None]
    required: int = 1
    reject: bool = False
    state: str = "approved"
    answers: frozenset[str] = frozenset({"ben"})
    """Who has answered when it is done."""


SCENES = {
    "the first answer": Scene(before=first),
    "the second of two": Scene(before=one_of_two, required=2, answers=frozenset({"ben", "cora"})),
    "a rejection": Scene(before=first, reject=True, state="rejected"),
    "an answer in place of one about an older report": Scene(before=about_another),
}


def sit(root: Path, scene: str) -> Desk:
    """Lay the chain out; the same records every time."""
    return Desk(root, required=SCENES[scene].required)


def prepare(root: Path, scene: str) -> None:
    """Do what comes before the answer."""
    SCENES[scene].before(sit(root, scene))


def act(root: Path, scene: str, at: int = 0) -> list[str]:
    """Answer as Ben and die at a point; else return the points."""
    points = Points(at)
    job = answering(sit(root, scene), scene)
    with points.lines(files, gates):
        approve.main(job)
    return points.seen


def answering(desk: Desk, scene: str) -> Job:
    """Return the job that answers as Ben."""
    args = Namespace(
        reject=SCENES[scene].reject, approver="ben", reason=REASON, accept=desk.unsettled, page=False, waive=(),
        condition=(), owner="", until=None, waive_reason="",
    )  # fmt: skip
    return replace(desk.job(), args=args)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """How the gate stands."""

    state: str
    answers: frozenset[str]
    files: int


def again(root: Path, scene: str) -> Answered:
    """Answer once more, which may be refused because it was done, and look."""
    desk = sit(root, scene)
    try:
        approve.main(answering(desk, scene))
    except Refused as error:
        done = ("already, by", "has answered already")
        assert any(words in error.what for words in done), error.what  # noqa: PT017 -- a task, not a test
    gate = desk.open()
    names = frozenset(answer.approver.id for answer in gate.approvals())
    return Answered(state=gate.state(), answers=names, files=len(list(gate.folder.glob("*.json"))))
