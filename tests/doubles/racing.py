"""Tasks of children that race each other, and may be killed at any moment."""

import signal
import time
from dataclasses import dataclass
from typing import Literal

from ci_lib.jobs import deploy, rollback
from doubles.crashing import Place, world
from doubles.deadly import Points
from doubles.scenes import auditing, offer
from doubles.small_chain import World, decide

from ci_lib import audit
from ci_lib.champion import resolve
from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.production import open_production
from ci_lib.release import Release

Kind = Literal["deploy", "deploy what was offered", "rollback", "reconcile", "read"]


@dataclass(frozen=True, kw_only=True)
class Racer:
    """One process of a round."""

    kind: Kind
    place: Place
    session: str
    """Its pipeline, by which its entry is known."""
    content: str
    begin: float
    """When all of them begin, on the machine's monotonic clock."""
    after: float = 0
    """Seconds after which the kernel kills it; 0: never."""
    at: int = 0
    """The point at which it kills itself; 0: none."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a process answered."""

    start: float
    end: float
    expected: int
    """The release that a deploy's candidate was compared with."""
    release: int | None = None
    """The release that it made, found, or saw."""
    refused: str = ""
    unavailable: str = ""


def prepare(place: Place, content: str) -> int:
    """Offer a candidate, for a deploy that begins later; return the release that it was compared with."""
    return offer(world(place), content)


def race(me: Racer) -> Told:
    """Wait for the others, then do what this process is for."""
    if me.after:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process, whatever it is doing
        signal.setitimer(signal.ITIMER_REAL, max(me.begin + me.after - time.monotonic(), 0.001))
    there = world(me.place, Points(me.at))
    there.ci.session = me.session
    time.sleep(max(me.begin - time.monotonic(), 0))
    start, expected = time.monotonic(), 0
    said: dict[str, int | str] = {}
    try:
        if me.kind == "deploy":
            expected = offer(there, me.content)
        said["release"] = _act(me.kind, there)
    except (Refused, BadInput) as error:
        said["refused"] = error.what
    except Unavailable as error:
        said["unavailable"] = error.what
    return Told(start=start, end=time.monotonic(), expected=expected, **said)  # type: ignore[arg-type]  # what the process printed


def _act(kind: Kind, there: World) -> int:
    if kind == "read":
        return resolve(open_production(there.job())).number
    if kind == "reconcile":
        auditing(there)
        return 0
    if kind == "rollback":
        rollback.main(there.job(reason=f"in {there.ci.session}"))
    else:
        deploy.main(there.job(), decide=decide)
    return Release.read(there.here / "release.json").number


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How a production model stands when all is quiet."""

    releases: tuple[Release, ...]
    moved: bool
    """Whether the alias was not the head before a reconcile."""
    problems: tuple[str, ...]
    """What an audit finds after it."""
    champion: int
    """The release that the alias leads to."""


def settle(place: Place) -> Settled:
    """Reconcile, audit, and look."""
    there = world(place)
    production = open_production(there.job())
    moved = bool(production.reconcile())
    problems = tuple(problem.what for problem in audit.audit(there.job()))
    return Settled(
        releases=production.ledger.entries(), moved=moved, problems=problems, champion=resolve(production).number
    )
