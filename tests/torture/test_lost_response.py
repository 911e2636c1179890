"""Deploy and rollback over a line that loses, delays, cuts or replaces any one reply, then one re-run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from doubles import crashing
from doubles.crashing import Place
from doubles.fault_proxy import FAULTS, FaultProxy, fault_proxy
from doubles.scenes import SCENES
from doubles.warm import Warm
from torture.sizes import FULL

BATCH = 10
KIND = "server on SQLite"
OPERATIONS = ("second deploy", "rollback")


@contextmanager
def line(registry: Place) -> Iterator[tuple[FaultProxy, Place]]:
    """Put a proxy before the server."""
    with fault_proxy(registry.address) as proxy:
        yield proxy, replace(registry, address=proxy.url)


def points(total: int, fault: str) -> list[int]:
    """Return the numbers of the requests to disturb: all, or one that is another for each fault."""
    return list(range(1, total + 1)) if FULL else [1 + (FAULTS.index(fault) * 13 + 7) % total]


@pytest.mark.parametrize("on", [False, True] if FULL else [False], ids=lambda on: "from then on" if on else "once")
@pytest.mark.parametrize("scene", OPERATIONS)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_to_a_reply_the_operation_is_done_once(
    warm: Warm, backend: Callable[[str], Place], figure: Callable[..., None], fault: str, scene: str, on: bool
) -> None:
    what, prefix = SCENES[scene], f"{fault}-{scene}-{on}".replace(" ", "-")
    with line(backend(KIND)) as (proxy, registry):
        whole = replace(registry, name=f"{prefix}-whole")
        warm.run(crashing.prepare, [whole], scene)
        proxy.plan("", 0)
        assert warm.run(crashing.attempt, whole, scene) == "done"
        requests = proxy.seen
        tried = points(len(requests), fault)
        there = {number: replace(registry, name=f"{prefix}-{number}") for number in tried}
        for start in range(0, len(tried), BATCH):
            warm.run(crashing.prepare, [there[number] for number in tried[start : start + BATCH]], scene)
        for number in tried:
            proxy.plan(fault, number, on=on)
            said = warm.run(crashing.attempt, there[number], scene)
            where = f"{fault} at request {number}, {requests[number - 1]}: {said}"
            assert len(proxy.seen) >= number, where
            proxy.plan("", 0)
            assert said == "done" or said.startswith("Unavailable: "), where
            found = warm.run(crashing.recover, there[number], scene)
            seen = found.seen
            assert found.left.releases in {what.before, what.after}, where
            assert (seen.releases, seen.operations) == (what.after, len(what.after)), where
            assert (seen.champion, seen.versions) == (what.after[-1], what.versions), where
            assert (seen.problems, seen.moved) == ((), False), where
    figure("lost responses", "{} replies lost, cut, delayed or replaced, each operation done once", len(tried))
