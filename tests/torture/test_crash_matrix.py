"""Deploy, rollback and reconcile, killed by SIGKILL at every point on three kinds of registry; then one re-run.

A point is before and after every call to MLflow, and before every change of a file of the job.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from doubles import crashing
from doubles.crashing import Place, Recovered
from doubles.scenes import SCENES, Scene
from doubles.warm import Died, Warm
from torture.sizes import FULL, size

BATCH = 10
"""Places that one child prepares."""

KINDS = {"embedded SQLite": 2, "server on SQLite": 1, "server on PostgreSQL": 1}
"""Kind of registry -> points of each operation that the slice tries."""

SLICE = {} if FULL else {key: ["second deploy"] for key in ("server on SQLite", "server on PostgreSQL")}
"""The operations that the slice kills on a server; an embedded registry has them all."""

Figure = Callable[..., None]


def spread(total: int, wanted: int) -> list[int]:
    """Return so many of the numbers 1 to `total`, evenly, the last among them."""
    count = min(total, wanted)
    return sorted({total - round(place * total / count) for place in range(count)})


def places(registry: Place, prefix: str, count: int) -> list[Place]:
    return [replace(registry, name=f"{prefix}-{number}") for number in range(1, count + 1)]


def legal(scene: Scene, found: Recovered) -> None:
    """Hold what a killed run left, and what the re-run made of it, against the old and the new state."""
    assert found.left.releases in {scene.before, scene.after}
    champions = {(steps[-1] if steps else None) for steps in (scene.before, scene.after)}
    if scene is not SCENES["reconcile"]:  # which begins with an alias that somebody moved
        assert found.left.champion in champions
    assert found.code in scene.done
    finished(scene, found)


def finished(scene: Scene, found: Recovered) -> None:
    seen = found.seen
    assert seen.releases == scene.after
    assert seen.operations == len(scene.after), "one entry for each operation"
    assert seen.champion == scene.after[-1]
    assert seen.versions == scene.versions, "no version twice"
    assert seen.problems == ()
    assert not seen.moved, "alias = head without an audit's help"


@pytest.mark.parametrize(("kind", "scene"), [(kind, scene) for kind in KINDS for scene in SLICE.get(kind, SCENES)])
def test_killed_at_any_point_and_run_again_it_is_done_once(
    warm: Warm, backend: Callable[[str], Place], figure: Figure, kind: str, scene: str
) -> None:
    registry, what, prefix = backend(kind), SCENES[scene], scene.replace(" ", "-")
    whole = replace(registry, name=f"{prefix}-whole")
    warm.run(crashing.prepare, [whole], scene)
    code, points = warm.run(crashing.act, whole, scene)
    assert code in what.done
    assert len(points) > 20
    tried = spread(len(points), size(KINDS[kind], len(points)))
    there = dict(zip(tried, places(registry, prefix, len(tried)), strict=True))
    for start in range(0, len(tried), BATCH):
        batch = tried[start : start + BATCH]
        warm.run(crashing.prepare, [there[number] for number in batch], scene)
        for number in batch:
            assert warm.run(crashing.act, there[number], scene, number) is Died, points[number - 1]
            try:
                legal(what, warm.run(crashing.recover, there[number], scene))
            except AssertionError as error:
                error.add_note(f"{kind}, {scene}, killed at point {number}: {points[number - 1]}")
                raise
    figure("crash matrix", "{} points, each old or new and done once after one re-run", len(tried))


@pytest.mark.parametrize("scene", SCENES if FULL else ["second deploy"])
@pytest.mark.parametrize("kind", KINDS if FULL else ["embedded SQLite"])
def test_killed_again_while_recovering_it_is_done_once(
    warm: Warm, backend: Callable[[str], Place], figure: Figure, kind: str, scene: str
) -> None:
    """A sample, drawn evenly from both; `test_double_crash` has all pairs in memory."""
    registry, what, prefix = backend(kind), SCENES[scene], "twice-" + scene.replace(" ", "-")
    whole = replace(registry, name=f"{prefix}-whole")
    warm.run(crashing.prepare, [whole], scene)
    _, points = warm.run(crashing.act, whole, scene)
    firsts = spread(len(points), size(1, 8))
    pairs = [(first, second) for first in firsts for second in spread(20, size(1, 4))]
    there = dict(zip(pairs, places(registry, prefix, len(pairs)), strict=True))
    warm.run(crashing.prepare, list(there.values()), scene)
    for (first, second), place in there.items():
        assert warm.run(crashing.act, place, scene, first) is Died
        warm.run(crashing.act, place, scene, second)  # a short recovery may end before it gets there
        finished(what, warm.run(crashing.recover, place, scene))
    figure("double crash with SIGKILL", "{} pairs of points, each done once after one more run", len(pairs))
