"""Deploy and rollback over a line that loses, delays, cuts or replaces any one reply, then one re-run."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest
from doubles import crashing
from doubles.crashing import Place
from doubles.fault_proxy import FAULTS, FaultProxy, fault_proxy
from doubles.scenes import SCENES
from doubles.warm import Warm
from torture.sizes import FULL

BATCH = 10
KIND = "server on SQLite"
OUTAGE = 4
"""Of the requests with which an outage may begin, every fourth is tried."""


class Case(NamedTuple):
    """What happens to which requests of an operation."""

    scene: str
    fault: str
    to: str = ""
    """A part of the request's path; the last such request. Empty: each request in turn."""
    on: bool = False
    """Whether the fault stays until the job has given up."""


SLICE = (
    Case("second deploy", "reset after", "model-versions/create"),
    Case("second deploy", "a page instead", "evidence.json"),
    Case("second deploy", "500 after", "runs/log-parameter"),
    Case("rollback", "truncated after", "registered-models/alias"),
    Case("rollback", "stalled after", "runs/log-parameter"),
)
ALL = [
    Case(scene, fault, on=on)
    for on in (False, True)
    for scene in ("second deploy", "rollback")
    for fault in FAULTS
    if not (on and fault == "slow")  # a line that is always slow is only slow
]


def numbers(case: Case, requests: list[str]) -> list[int]:
    """Return which requests to disturb, counted from 1."""
    if case.to:
        return [max(number for number, request in enumerate(requests, start=1) if case.to in request)]
    return list(range(1, len(requests) + 1, OUTAGE if case.on else 1))


@pytest.mark.parametrize("case", ALL if FULL else SLICE, ids=lambda case: " ".join(map(str, case)))
def test_whatever_happens_to_a_reply_the_operation_is_done_once(
    warm: Warm, backend: Callable[[str], Place], figure: Callable[..., None], case: Case
) -> None:
    with fault_proxy(backend(KIND).address) as proxy:
        prefix = "-".join(map(str, case)).replace(" ", "-").replace("/", "-")
        registry = replace(backend(KIND), address=proxy.url, name=prefix)
        requests = undisturbed(warm, proxy, registry, case.scene)
        tried = numbers(case, requests)
        there = {number: replace(registry, name=f"{prefix}-{number}") for number in tried}
        for start in range(0, len(tried), BATCH):
            warm.run(crashing.prepare, [there[number] for number in tried[start : start + BATCH]], case.scene)
        for number in tried:
            try:
                disturbed(warm, proxy, there[number], case, number)
            except AssertionError as error:
                error.add_note(f"{case.fault} at request {number}, {requests[number - 1]}")
                raise
    figure("lost responses", "{} replies lost, cut, delayed or replaced, each operation done once", len(tried))


def undisturbed(warm: Warm, proxy: FaultProxy, registry: Place, scene: str) -> list[str]:
    """Return the requests of the operation when nothing happens."""
    warm.run(crashing.prepare, [registry], scene)
    proxy.plan("", 0)
    assert warm.run(crashing.attempt, registry, scene) == "done"
    return proxy.seen


def disturbed(warm: Warm, proxy: FaultProxy, place: Place, case: Case, number: int) -> None:
    what = SCENES[case.scene]
    proxy.plan(case.fault, number, on=case.on)
    said = warm.run(crashing.attempt, place, case.scene)
    assert len(proxy.seen) >= number
    proxy.plan("", 0)
    assert said == "done" or said.startswith("Unavailable: "), said
    found = warm.run(crashing.recover, place, case.scene)
    seen = found.seen
    assert found.left.releases in {what.before, what.after}, said
    assert (seen.releases, seen.operations) == (what.after, len(what.after)), said
    assert (seen.champion, seen.versions) == (what.after[-1], what.versions), said
    assert (seen.problems, seen.moved) == ((), False), said
