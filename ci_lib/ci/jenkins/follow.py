"""A build from the queue to its end: where it waits, what it prints, and how it ended.

Jenkins tells no exit codes. What the shared library says of each stage is read from the log, else Jenkins' own sentence
about a failed step; a rejection, a time-out and a stop are told apart by the causes that Jenkins keeps at the end.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.build import REJECTED, TIMED_OUT, Build
from ci_lib.ci.jenkins.client import Client, Missing, job_path
from ci_lib.errors import Exit, Refused, Unavailable

Found = TypeVar("Found")

PAUSE = 3.0
"""Seconds between two looks."""
LOOKS = 2_400
"""Two hours; then it goes on without us."""
PATIENCE = 100
"""So many looks in a row Jenkins may not answer: a controller that restarts takes minutes."""
KEPT = 65_536
"""Bytes of a log's end in which exit codes are looked for."""
ITEM = re.compile(r".*/queue/item/(?P<item>[0-9]+)/?")
"""Only the number counts: Jenkins calls itself by the address of its settings."""
STAGE = re.compile(rb"\[(?:ml-release|\*{4,})\] (?P<stage>\S+) ended with exit code (?P<code>[0-9]+)")
"""The library's own line; where a user is called ``ml-release``, Jenkins may mask that."""
STEP = re.compile(rb"script returned exit code (?P<code>[0-9]+)")
PASSABLE = frozenset({Exit.DONE, Exit.INCONCLUSIVE})
"""Exit codes of stages that fail no build."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a build ended."""

    code: int | None
    """Ours; None where there is none for it."""
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Follower:
    """Looks again and again."""

    client: Client
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    looks: int = LOOKS
    patience: int = PATIENCE

    def queued(self, location: str, job: str) -> int:
        """Wait until an item has left the queue, and return its build's number.

        Args:
            location: its address, as Jenkins gave it.
            job: whose build it becomes.

        Raises:
            Refused: somebody cancelled it.
            Unavailable: it never left, or Jenkins does not say what became of it.
        """
        match = ITEM.fullmatch(location)
        if match is None:
            message = f"Jenkins: it does not say where in its queue the build is ({location or 'no Location'})"
            raise Unavailable(message, f"{self.client.url}/{job_path(job)}")
        item, why = int(match["item"]), ""
        for _ in range(self.looks):
            number, waits = self.patiently(lambda: self._left(item))
            if number is None:
                return self._by_item(item, job)
            if number:
                return number
            if waits != why:
                self.say(f"  waits: {waits}")
                why = waits
            self._pause()
        message = f"Jenkins: item {item} has not left the queue in two hours: {why}"
        raise Unavailable(message, f"{self.client.url}/queue/")

    def _left(self, item: int) -> tuple[int | None, str]:
        """Return the number of the build that an item became, or 0 and why it waits; None: Jenkins forgot it."""
        try:
            raw = self.client.get(f"queue/item/{item}/", "cancelled,why,executable[number]")
        except Missing:  # five minutes after it left
            return None, ""
        if raw.get("cancelled") is True:
            message = f"Jenkins: item {item} was cancelled while it waited in the queue"
            raise Refused(message, "the same command again starts another")
        executable = raw.get("executable")
        number = executable.get("number") if isinstance(executable, dict) else None
        return (number, "") if isinstance(number, int) else (0, str(raw.get("why") or ""))

    def _by_item(self, item: int, job: str) -> int:
        raw = self.patiently(lambda: self.client.get(job_path(job), "builds[number,queueId]"))
        found = [each.get("number") for each in raw.get("builds") or () if each.get("queueId") == item]
        if found and isinstance(found[0], int):
            return found[0]
        message = f"Jenkins: item {item} is not in the queue any more, and no build of {job} came of it"
        raise Unavailable(message, f"{self.client.url}/{job_path(job)}")

    def to_the_end(self, job: str, number: int, gate: str, start: int = 0) -> tuple[Build, bytes]:
        """Print a build's log until it is over or an input waits; return the build, and the end of the log.

        Args:
            job: whose.
            number: which.
            gate: beginning of the gate's ids.
            start: offset in the log to begin at.

        Raises:
            Unavailable: it has not ended in two hours.
        """
        path, kept = f"{job_path(job)}{number}/", b""
        for _ in range(self.looks):
            piece = self.patiently(lambda: self.client.log(path, start))  # noqa: B023 -- called before it changes
            if piece.data.strip():
                self.say(piece.data.decode(errors="replace").rstrip("\n"))
            start, kept = piece.following, (kept + piece.data)[-KEPT:]
            found = self.patiently(lambda: builds.read(self.client, job, number))
            waits = any(each.id.startswith(gate) for each in found.waiting)
            if (waits and not piece.data) or (not found.building and not piece.more):
                return found, kept
            self._pause()
        message = f"Jenkins: build {number} of {job} has not ended in two hours"
        raise Unavailable(message, f"{self.client.url}/{path}")

    def patiently(self, ask: Callable[[], Found]) -> Found:
        """Ask until Jenkins answers; it may be restarting, and comes back."""
        for left in range(self.patience, 0, -1):
            try:
                return ask()
            except Unavailable as error:
                if left == 1:
                    raise
                if left == self.patience:
                    self.say(f"  {error.what}; waiting")
                self._pause()
        raise AssertionError  # pragma: no cover -- the last try raises

    def _pause(self) -> None:
        self.sleep(PAUSE)
        self.client.look_again()


def ending(build: Build, log: bytes) -> Ending:
    """Say how a build ended.

    Args:
        build: that is over.
        log: the end of its log.
    """
    name = f"build {build.number} of {build.job}"
    for cause in build.ended_by:
        if cause.kind == REJECTED:
            at = f" at {datetime.fromtimestamp(cause.at / 1000, UTC):%Y-%m-%d %H:%M %Z}" if cause.at else ""
            return Ending(code=Exit.REJECTED, sentence=f"{name} was rejected at its input by {_who(cause.user)}{at}")
        if cause.kind == TIMED_OUT:
            sentence = f"{name} timed out: nobody answered its input in time"
            return Ending(code=Exit.NO_APPROVAL, sentence=sentence)
    if build.ended_by:
        said = "; ".join(cause.said for cause in build.ended_by if cause.said)
        return Ending(code=None, sentence=f"{name} was stopped: {said or build.result}")
    code = _code(build.result, log)
    if code == Exit.DONE:
        return Ending(code=code, sentence=f"{name} is done ({build.result})")
    if code is None:
        return Ending(code=None, sentence=f"{name} is {build.result}")
    return Ending(code=code, sentence=f"{name} ended with exit code {code} ({build.result})")


def _who(user: str | None) -> str:
    return repr(user) if user else "somebody who was not logged in"


def _code(result: str | None, log: bytes) -> int | None:
    """Return our exit code of a build; None when there is none of ours.

    A build goes on after some stages that did not end with 0: after an inconclusive validation (11, unstable) to its
    gate, and after a failed one (10) to its report.
    """
    if result == "SUCCESS":
        return Exit.DONE
    found = [code for _, code in STAGE.findall(log)] or STEP.findall(log)
    codes = [int(text) for text in found if int(text) in {int(code) for code in Exit}]
    if result == "UNSTABLE":
        return codes[-1] if codes and codes[-1] in PASSABLE else None
    return next((code for code in reversed(codes) if code not in PASSABLE), None)
