"""The operations that torture tests stop half-way, each with what comes before it and what must come of it."""

from collections.abc import Callable
from dataclasses import dataclass

from ci_lib.jobs import deploy, rollback
from doubles.small_chain import World, decide

from ci_lib import audit
from ci_lib.champion import compared
from ci_lib.errors import Exit
from ci_lib.production import PUT_RIGHT, open_production


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One operation on one production model."""

    prepare: Callable[[World], object]
    act: Callable[[World], int]
    before: tuple[str, ...]
    """The bytes of each release, oldest first, before the operation."""
    after: tuple[str, ...]
    """And when it is done."""
    versions: int
    """Live versions of the production model then."""
    done: frozenset[int] = frozenset({Exit.DONE})
    """Exit codes of a run that finished it."""


def release(world: World, content: str) -> int:
    """Train, approve and deploy some bytes."""
    offer(world, content)
    return deploying(world)


def offer(world: World, content: str) -> int:
    """Train and approve some bytes, compared with the champion of the ledger; return the number of that release."""
    head = open_production(world.job()).ledger.head()
    world.approve(world.train(content, champion=compared(head) if head else None))
    return head.number if head else 0


def deploying(world: World) -> int:
    """Run the deploy job."""
    return deploy.main(world.job(), decide=decide)


def rolling_back(world: World) -> int:
    """Run the rollback job."""
    return rollback.main(world.job(reason="bad"))


def auditing(world: World) -> int:
    """Run the audit, whose first step is to reconcile."""
    return audit.main(world.job())


def _second(world: World) -> None:
    release(world, "A")
    offer(world, "B")


def _two(world: World) -> None:
    release(world, "A")
    release(world, "B")


def _lost(world: World) -> None:
    """Two releases, and a rollback whose target somebody deleted in MLflow: it must be registered again."""
    _two(world)
    world.registry._client.delete_model_version(world.config.production_name(world.environment), "1")


def _moved(world: World) -> None:
    """Two releases, and somebody pointed the alias back by hand."""
    _two(world)
    world.registry.set_alias(world.config.production_name(world.environment), "champion", "1")


SCENES = {
    "first deploy": Scene(prepare=lambda world: offer(world, "A"), act=deploying, before=(), after=("A",), versions=1),
    "second deploy": Scene(prepare=_second, act=deploying, before=("A",), after=("A", "B"), versions=2),
    "rollback": Scene(prepare=_two, act=rolling_back, before=("A", "B"), after=("A", "B", "A"), versions=2),
    "rollback to a deleted version": Scene(
        prepare=_lost, act=rolling_back, before=("A", "B"), after=("A", "B", "A"), versions=2
    ),
    "reconcile": Scene(
        prepare=_moved,
        act=auditing,
        before=("A", "B"),
        after=("A", "B"),
        versions=2,
        done=frozenset({Exit.DONE, Exit.REFUSED}),  # 3: it says what it put right
    ),
}


@dataclass(frozen=True, kw_only=True)
class Left:
    """How a production model stands, seen without touching it."""

    releases: tuple[str, ...]
    """The bytes of each release, oldest first."""
    champion: str | None
    """The bytes that the alias leads to."""


def leftovers(world: World) -> Left:
    """Return what the ledger and the alias say, before anything is put right.

    Raises:
        Refused: the ledger's chain is broken.
    """
    production = open_production(world.job())
    entries, seen, named = production.ledger.entries(), production.seen(), contents(world)
    led = {entry.model_id: named[entry.manifest] for entry in entries}
    return Left(
        releases=tuple(named[entry.manifest] for entry in entries),
        champion=led.get(str(seen.model_id), "unreleased") if seen else None,
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What somebody finds who looks at a production model."""

    releases: tuple[str, ...]
    """The bytes of each release."""
    operations: int
    """Different operations among them."""
    champion: str | None
    """The bytes that consumers get through the alias; None: there is no alias."""
    versions: int
    """Live versions of the registered model."""
    problems: tuple[str, ...]
    """What an audit finds, besides an alias that it put right."""
    moved: bool
    """Whether an audit had to put the alias right."""


def look(world: World) -> Seen:
    """Look, through the ledger, through the alias, and by an audit, in this order.

    Raises:
        Refused: the ledger's chain is broken.
    """
    production = open_production(world.job())
    entries = production.ledger.entries()
    name, client = production.name, world.registry._client
    champion = production.seen()
    where = world.project / "consumer"
    content = world.registry.download(production.uri, where) / "model.skops" if champion else None
    problems = [problem.what for problem in audit.audit(world.job())]
    return Seen(
        releases=tuple(contents(world)[entry.manifest] for entry in entries),
        operations=len({entry.op for entry in entries}),
        champion=content.read_text() if content else None,
        versions=len(client.search_model_versions(f"name = '{name}'")),
        problems=tuple(problem for problem in problems if not problem.endswith(PUT_RIGHT)),
        moved=any(problem.endswith(PUT_RIGHT) for problem in problems),
    )


def contents(world: World) -> dict[str, str]:
    """Return manifest digest -> bytes, of the models that scenes release."""
    return {world.saved(content)[1].digest(): content for content in ("A", "B")}
