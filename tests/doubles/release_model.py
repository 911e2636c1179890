"""Deploy, rollback and reconcile as an executable model, and a search of all that several of them can do at once.

A step is what no other process can come between: one call to MLflow, or calls that only concern the process itself.
The names of the steps' calls are those that `tests/torture/test_model.py` records from the real jobs. A process that
crashes forgets everything but its job, and starts again.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

ENDED = frozenset({"done", "refused"})


class Entry(NamedTuple):
    """One release."""

    op: str
    content: str
    version: int
    replaces: int
    restores: int | None = None


class Job(NamedTuple):
    """What a process was started for."""

    kind: Literal["deploy", "rollback", "reconcile"]
    op: str = ""
    content: str = ""
    nonce: str = ""
    compared: int = 0
    """The release that the candidate was compared with; 0: this environment does not ask."""


class Process(NamedTuple):
    """A job at one of its steps, and what it remembers."""

    job: Job
    step: str = "open"
    back: str = ""
    """Where to go on when the alias is right."""
    length: int = 0
    """Releases when it last read the ledger."""
    version: int = 0
    """What it is going to release."""
    target: int = 0
    """The release that a rollback goes back to."""


class World(NamedTuple):
    """What all processes share: MLflow."""

    ledger: tuple[Entry, ...]
    versions: tuple[tuple[str, str], ...]
    """Bytes and operation of each version, from number 1."""
    alias: int
    claims: tuple[tuple[str, str], ...] = ()
    """Nonce -> operation."""
    copies: tuple[tuple[str, int], ...] = ()
    """Operation -> version."""

    def mine(self, op: str) -> Entry | None:
        """Return the release of an operation."""
        return next((entry for entry in self.ledger if entry.op == op), None)


class State(NamedTuple):
    """Everything."""

    world: World
    processes: tuple[Process, ...]
    crashes: int


Step = Callable[[World, Process], tuple[World, Process]]


def _open(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger, to reconcile."""
    return world, me._replace(step="compare", length=len(world.ledger))


def _compare(world: World, me: Process) -> tuple[World, Process]:
    """Read the alias; set it if it is not what was read in the ledger."""
    right = world.alias == world.ledger[me.length - 1].version
    first = "done" if me.job.kind == "reconcile" else "entries"
    return world, me._replace(step=first) if right else me._replace(step="head", back=first)


def _entries(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger: is the operation done already?"""
    me = me._replace(length=len(world.ledger))
    if mine := world.mine(me.job.op):
        return world, me._replace(step="refused" if mine != world.ledger[-1] else "seen")
    if me.job.kind == "deploy":
        return world, me._replace(step="claim")
    good = _good(world.ledger)
    return world, me._replace(step="version", target=good[0]) if good else me._replace(step="refused")


def _good(ledger: Sequence[Entry]) -> list[int]:
    """Return the numbers of the releases that a rollback may choose, the best first: `ci_lib.release.restorable`."""
    left = {}
    for number, entry in enumerate(ledger, start=1):
        if entry.restores is not None:
            left[ledger[number - 2].content] = number
    return [
        number
        for number, entry in reversed(list(enumerate(ledger[:-1], start=1)))
        if entry.content != ledger[-1].content and number > left.get(entry.content, 0)
    ]


def _seen(world: World, me: Process) -> tuple[World, Process]:
    """Read the alias: is what was done once in production?"""
    right = world.alias == world.ledger[me.length - 1].version
    return world, me._replace(step="keep") if right else me._replace(step="head", back="keep")


def _claim(world: World, me: Process) -> tuple[World, Process]:
    """Write once which operation the approval is used for."""
    stands = dict(world.claims).get(me.job.nonce, me.job.op)
    world = world._replace(claims=tuple(sorted({*world.claims, (me.job.nonce, stands)})))
    return world, me._replace(step="aim" if stands == me.job.op else "refused")


def _aim(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger again: another run of this job may have been faster."""
    if mine := world.mine(me.job.op):
        newer = world.ledger.index(mine) + 1 > me.length
        return world, me._replace(step="head", back="keep") if newer else me._replace(step="refused")
    return world, me._replace(step="noted")


def _noted(world: World, me: Process) -> tuple[World, Process]:
    """Read which copy the operation has made, if it came to remember it."""
    found = dict(world.copies).get(me.job.op, 0)
    return world, me._replace(step="remember" if found else "made", version=found)


def _made(world: World, me: Process) -> tuple[World, Process]:
    """Look for the copy by the operation's tag."""
    found = [number for number, (_, op) in enumerate(world.versions, start=1) if op == me.job.op]
    return world, me._replace(step="remember" if found else "register", version=found[0] if found else 0)


def _register(world: World, me: Process) -> tuple[World, Process]:
    """Register the uploaded copy."""
    world = world._replace(versions=(*world.versions, (me.job.content, me.job.op)))
    return world, me._replace(step="remember", version=len(world.versions))


def _remember(world: World, me: Process) -> tuple[World, Process]:
    """Write once which copy it is; another run of this job may have been faster."""
    stands = dict(world.copies).get(me.job.op, me.version)
    world = world._replace(copies=tuple(sorted({*world.copies, (me.job.op, stands)})))
    return world, me._replace(step="rest on", version=stands)


def _version(world: World, me: Process) -> tuple[World, Process]:
    """Look at the version that holds a rollback's bytes, after they were checked."""
    return world, me._replace(step="rest on", version=world.ledger[me.target - 1].version)


def _rest_on(world: World, me: Process) -> tuple[World, Process]:
    """Read the head that the entry will rest on."""
    if world.mine(me.job.op):
        return world, me._replace(step="head", back="keep")
    expected = (me.job.compared or len(world.ledger)) if me.job.kind == "deploy" else me.length
    moved = expected != len(world.ledger)
    write = "settle" if me.job.kind == "rollback" else "append"
    return world, me._replace(step="refused" if moved else write, length=len(world.ledger))


def _settle(world: World, me: Process) -> tuple[World, Process]:
    """Write once where the entry goes; there is one segment here, and so no two opinions."""
    return world, me._replace(step="append")


def _append(world: World, me: Process) -> tuple[World, Process]:
    """Write the entry once, under the next number."""
    if len(world.ledger) != me.length:
        return world, me._replace(step="rest on")
    content, _ = world.versions[me.version - 1]
    entry = Entry(me.job.op, content, me.version, me.length, me.target or None)
    return world._replace(ledger=(*world.ledger, entry)), me._replace(step="written")


def _written(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger: is it ours?"""
    return world, me._replace(step="head", back="keep")


def _head(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger's head, to point the alias there."""
    return world, me._replace(step="look", length=len(world.ledger))


def _look(world: World, me: Process) -> tuple[World, Process]:
    """Look at the head's version."""
    return world, me._replace(step="point")


def _point(world: World, me: Process) -> tuple[World, Process]:
    """Set the alias."""
    return world._replace(alias=world.ledger[me.length - 1].version), me._replace(step="moved")


def _moved(world: World, me: Process) -> tuple[World, Process]:
    """Read the ledger: has the head moved meanwhile?"""
    return world, me._replace(step="head" if len(world.ledger) != me.length else "read back")


def _read_back(world: World, me: Process) -> tuple[World, Process]:
    """Read the alias back."""
    right = world.alias == world.ledger[me.length - 1].version
    return world, me._replace(step=me.back if right else "head")


def _keep(world: World, me: Process) -> tuple[World, Process]:
    """Read the head, to keep it as an anchor."""
    return world, me._replace(step="done")


LEDGER, ALIAS = ("read the ledger",), ("read the alias",)
STEPS: dict[str, tuple[tuple[str, ...], Step]] = {
    # name: (its calls, what it does); only one of the calls matters to others
    "open": (LEDGER, _open),
    "compare": (ALIAS, _compare),
    "entries": (LEDGER, _entries),
    "seen": (ALIAS, _seen),
    "claim": (("claim the approval",), _claim),
    "aim": ((*LEDGER, "settle the segment"), _aim),
    "noted": (("attach the records", "download", *LEDGER), _noted),
    "made": (("look for the copy",), _made),
    "register": (("upload", "register the copy"), _register),
    "remember": (("download", "remember the copy"), _remember),
    "version": (("look at the version", "download", "look at the version"), _version),
    "rest on": (LEDGER, _rest_on),
    "settle": (("settle the segment",), _settle),
    "append": (("append",), _append),
    "written": (LEDGER, _written),
    "head": (LEDGER, _head),
    "look": (("look at the version",), _look),
    "point": (("set the alias",), _point),
    "moved": (LEDGER, _moved),
    "read back": (ALIAS, _read_back),
    "keep": (LEDGER, _keep),
}


def begin(*jobs: Job, crashes: int) -> State:
    """Return the state with releases 1 (bytes A) and 2 (bytes B), before jobs start."""
    ledger = (Entry("one", "A", 1, 0), Entry("two", "B", 2, 1))
    return State(World(ledger, (("A", "one"), ("B", "two")), alias=2), tuple(sorted(map(Process, jobs))), crashes)


def successors(state: State, steps: dict[str, tuple[tuple[str, ...], Step]]) -> Iterator[State]:
    """Return the states that one step, or one crash, leads to. Whose turn it is does not matter, only who is where."""
    for place, process in enumerate(state.processes):
        if process.step in ENDED:
            continue
        before, after = state.processes[:place], state.processes[place + 1 :]
        world, moved = steps[process.step][1](state.world, process)
        yield State(world, tuple(sorted((*before, moved, *after))), state.crashes)
        if state.crashes:
            again = Process(process.job)
            yield State(state.world, tuple(sorted((*before, again, *after))), state.crashes - 1)


def problems(state: State) -> Iterator[str]:
    """Return the invariants that a state breaks."""
    world, jobs = state.world, {process.job.op: process.job for process in state.processes}
    for number, entry in enumerate(world.ledger, start=1):
        if entry.replaces != number - 1:
            yield "an entry does not rest on the one before: there were two heads"
        if number > 2:
            yield from _wrong(world, number, entry, jobs[entry.op])
    if len({entry.op for entry in world.ledger}) != len(world.ledger):
        yield "an operation was done twice"
    used = [jobs[entry.op].nonce for entry in world.ledger[2:] if jobs[entry.op].kind == "deploy"]
    if len(set(used)) != len(used):
        yield "an approval was used twice"
    if world.alias not in {entry.version for entry in world.ledger}:
        yield "production is a version that was never released"
    quiet = all(process.step in ENDED for process in state.processes)
    if quiet and world.alias != world.ledger[-1].version:
        yield "all is quiet, and the alias is not the head"


def _wrong(world: World, number: int, entry: Entry, job: Job) -> Iterator[str]:
    """Return what is wrong with the entry that a job made."""
    there = entry.restores is None or 1 <= entry.restores < number
    if not there:
        yield "a rollback's target does not exist"
    approved = job.content if entry.restores is None else world.ledger[entry.restores - 1].content
    if there and entry.content != approved:
        yield "what was released is not what was approved"
    if job.compared not in {0, number - 1}:
        yield "a candidate replaced another champion than it was compared with"
    if world.versions[entry.version - 1][0] != entry.content:
        yield "an entry names a version with other bytes"


def search(start: State, steps: dict[str, tuple[tuple[str, ...], Step]] | None = None) -> tuple[int, set[str]]:
    """Visit every state that can be reached; return how many there are, and the invariants that some state breaks."""
    table = STEPS if steps is None else steps
    known, waiting, broken = {start}, deque([start]), set[str]()
    while waiting:
        state = waiting.popleft()
        broken.update(problems(state))
        for after in successors(state, table):
            if after not in known:
                known.add(after)
                waiting.append(after)
    return len(known), broken


def path(state: State) -> list[str]:
    """Return the calls of a single process that nobody disturbs."""
    calls: list[str] = []
    while state.processes[0].step not in ENDED:
        calls += STEPS[state.processes[0].step][0]
        state = next(successors(state, STEPS))
    return calls
