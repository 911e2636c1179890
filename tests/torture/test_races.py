"""Two to eight processes deploy, roll back, reconcile and read at once, some killed at any moment; then one reconcile.

What each was told, and the ledger in the end, must be explained by some order of the operations.
"""

import math
import random
import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from doubles import crashing, racing
from doubles.crashing import Place
from doubles.linearizable import Operation, append, found, linearizable, read, refused
from doubles.racing import Kind, Racer, Settled, Told
from doubles.warm import Child, Died, Warm
from torture.sizes import size

ROUNDS = size(1, 20)
"""On one production model: an audit reads all of its history."""
MODELS = {"embedded SQLite": size(1, 20), "server on SQLite": size(1, 15), "server on PostgreSQL": size(1, 15)}
KINDS: tuple[Kind, ...] = ("deploy", "deploy", "deploy what was offered", "rollback", "rollback", "reconcile", "read")
LEGAL = re.compile(
    "the champion changed since validation|another job made release|replaced it|already used for another release"
    "|there is no good release|nothing has been released|and the ledger says version"
)
"""Why a process may be refused in a race."""


def racers(place: Place, number: int, chance: random.Random) -> list[Racer]:
    """Choose who takes part in a round. Two of "deploy what was offered" are one job that CI runs twice."""
    chosen = [chance.choice(KINDS) for _ in range(chance.randint(2, 8))]
    made = []
    for turn, kind in enumerate(chosen):
        session = f"r{number}-offered" if kind == "deploy what was offered" else f"r{number}-{turn}"
        desk = replace(place, desk=f"-{session}")
        fate = chance.random()
        made.append(
            Racer(
                kind=kind, place=desk, session=session, content=session, begin=0,
                after=chance.uniform(0.01, 0.6) if fate < 0.2 else 0,
                at=chance.randint(1, 90) if fate > 0.8 else 0,
            )
        )  # fmt: skip
    return made


def run(warm: Warm, chosen: list[Racer]) -> list[tuple[Racer, Told | None]]:
    """Let them race; None for who was killed."""
    offered = [racer for racer in chosen if racer.kind == "deploy what was offered"]
    compared = warm.run(racing.prepare, offered[0].place, offered[0].content) if offered else 0
    begin = time.monotonic() + 0.05 * len(chosen)
    started: list[tuple[Racer, Child]] = []
    for racer in chosen:
        entrant = replace(racer, begin=begin)
        started.append((entrant, warm.start(racing.race, entrant)))
    answers = [(racer, child.result()) for racer, child in started]
    told = [(racer, None if answer is Died else answer) for racer, answer in answers]
    return [
        (racer, replace(answer, expected=compared) if answer and racer.kind == "deploy what was offered" else answer)
        for racer, answer in told
    ]


def history(told: list[tuple[Racer, Told | None]], settled: Settled) -> list[Operation]:
    """Return what everybody saw as operations on the register."""
    operations = []
    for entry in settled.releases:
        mine = [(racer, answer) for racer, answer in told if racer.session == entry.pipeline]
        if mine:
            ends = [answer.end for _, answer in mine if answer and answer.release == entry.number]
            starts = [answer.start if answer else racer.begin for racer, answer in mine]
            operations.append(
                Operation(start=min(starts), end=min(ends, default=math.inf), next=append(entry.number), what="append")
            )
    for racer, answer in told:
        if answer is None:
            continue
        times = {"start": answer.start, "end": answer.end, "what": f"{racer.session} {racer.kind}: {answer}"}
        if racer.kind == "read" and answer.release:
            operations.append(Operation(next=read(answer.release), **times))
        elif answer.release:
            operations.append(Operation(next=found(answer.release), **times))
        elif "the champion changed" in answer.refused:
            operations.append(Operation(next=refused(answer.expected), **times))
    last = max((answer.end for _, answer in told if answer), default=0)
    operations.append(Operation(start=last, next=read(len(settled.releases)), what="in the end"))
    return operations


def check(told: list[tuple[Racer, Told | None]], before: Settled, settled: Settled) -> None:
    releases, known = settled.releases, before.releases
    assert releases[: len(known)] == known, "no entry lost or changed"
    assert len({entry.op for entry in releases}) == len(releases), "no operation twice"
    used = [approval for entry in releases for approval in entry.approvals]
    assert len(set(used)) == len(used), "no approval used twice"
    assert settled.champion == len(releases), "alias = head"
    assert settled.problems == ()
    for racer, answer in told:
        if answer is None or racer.kind == "read":
            continue
        if answer.release:
            assert releases[answer.release - 1].pipeline == racer.session, "a process was told of another's release"
        assert not answer.refused or LEGAL.search(answer.refused), answer.refused
    assert linearizable(history(told, settled), len(known))


@pytest.mark.parametrize(("kind", "model"), [(kind, number) for kind in MODELS for number in range(MODELS[kind])])
def test_what_racing_processes_saw_is_explained_by_an_order(
    warm: Warm, backend: Callable[[str], Place], figure: Callable[..., None], kind: str, model: int
) -> None:
    chance = random.Random(f"{kind} {model}")  # noqa: S311 -- the same choices every time
    place = replace(backend(kind), name=f"race-{model}")
    warm.run(crashing.prepare, [place], "second deploy")
    before: Settled = warm.run(racing.settle, place)
    killed = processes = 0
    for number in range(ROUNDS):
        told = run(warm, racers(place, number, chance))
        settled = warm.run(racing.settle, place)
        try:
            check(told, before, settled)
        except AssertionError as error:
            error.add_note(f"{kind}, round {number}: " + "\n".join(f"{racer} -> {answer}" for racer, answer in told))
            raise
        killed += sum(answer is None for _, answer in told)
        processes += len(told)
        before = settled
    figure(
        "races", "{} rounds, {} processes, {} of them killed, {} releases, all linearizable",
        ROUNDS, processes, killed, len(before.releases) - 1,
    )  # fmt: skip


# ---- the checker


def at(start: float, end: float, effect: Callable[[int], int | None]) -> Operation:
    return Operation(start=start, end=end, next=effect)


@pytest.mark.parametrize(
    "told",
    [
        [at(0, 1, append(1)), at(2, 3, append(2)), at(4, 5, read(2))],
        [at(0, 9, append(2)), at(1, 2, append(1)), at(3, 4, read(1)), at(5, 6, read(2))],
        [at(0, math.inf, append(1)), at(5, 6, read(0)), at(7, 8, read(1))],
        [at(0, 9, refused(0)), at(1, 2, append(1)), at(3, 9, found(1))],
    ],
)
def test_a_history_that_some_order_explains(told: list[Operation]) -> None:
    assert linearizable(told, 0)


@pytest.mark.parametrize(
    "told",
    [
        [at(0, 1, append(2)), at(2, 3, append(1))],  # release 2 was answered before release 1 was asked for
        [at(0, 1, append(1)), at(2, 3, read(0))],  # it was answered, and is not there
        [at(0, 9, append(1)), at(1, 2, read(1)), at(3, 4, read(0))],  # it was there, and is gone
        [at(0, 9, append(1)), at(0, 9, append(1))],  # two made the same release
        [at(0, 1, refused(0)), at(2, 3, append(1))],  # refused for something that had not happened
        [at(0, 1, found(1)), at(2, 3, append(1))],
    ],
)
def test_a_history_that_no_order_explains(told: list[Operation]) -> None:
    assert not linearizable(told, 0)
