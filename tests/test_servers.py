"""A server that cannot keep the promise stops a deploy; a rollback goes on where an operator may decide."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.small_chain import World, config, decide

from ci_lib.champion import compared, resolve
from ci_lib.errors import Exit, Refused
from ci_lib.production import open_production
from ci_lib.registry import Registry
from ci_lib.registry.capability import Weakness

OPEN = Weakness(what="it answers without credentials", hint="give it a login", risk="unauthenticated")
OLD = Weakness(what="it is 3.16.1", hint="upgrade it", risk="old-server")
NEVER = Weakness(what="it has no aliases", hint="name an MLflow server", risk=None)


class Weak(Registry):
    """An embedded registry that passes for a server with weaknesses."""

    found: tuple[Weakness, ...] = ()

    def weaknesses(self) -> tuple[Weakness, ...]:
        return self.found


@pytest.fixture
def world(tmp_path: Path, open_registry: Callable[[str], Registry]) -> World:
    open_registry("sqlite:///mlflow.db")
    registry = Weak("sqlite:///mlflow.db", tmp_path)
    return World(project=tmp_path, open_registry=lambda _: registry)


def sick(world: World, found: Sequence[Weakness], accept: Sequence[str] = ()) -> None:
    """Let the server have weaknesses from now on, of which the environment accepts some."""
    registry: Any = world.registry
    registry.found = tuple(found)
    world.config = config(environments={"production": {"accept": list(accept)}})


@pytest.mark.parametrize(
    ("found", "accept", "words"),
    [
        ([OPEN], [], ["it answers without credentials"]),
        ([OPEN], ["old-server"], ["it answers without credentials"]),
        ([OPEN, OLD], ["old-server"], ["it answers without credentials"]),
        ([OLD, OPEN], [], ["it is 3.16.1", "it answers without credentials"]),
        ([NEVER], ["unauthenticated", "old-server"], ["it has no aliases"]),
    ],
)
def test_deploy_refuses_what_nobody_accepted_before_anything_moves(
    world: World, found: Sequence[Weakness], accept: Sequence[str], words: list[str]
) -> None:
    world.approve(world.train("A"))
    sick(world, found, accept)
    with pytest.raises(Refused) as caught:
        deploy.main(world.job(), decide=decide)
    assert caught.value.what.split("\n") == words
    assert ("environments.production.accept: [" in caught.value.hint) == (NEVER not in found)
    assert world.registry.ledger("loan") is None


def test_the_hint_is_the_line_to_write(world: World) -> None:
    sick(world, [OLD, OPEN])
    with pytest.raises(Refused) as caught:
        deploy.main(world.job(), decide=decide)
    assert caught.value.hint == (
        "upgrade it; give it a login; or, if somebody decides that it may stay so: "
        "environments.production.accept: [old-server, unauthenticated] in release.yml"
    )


def test_deploy_goes_on_where_it_is_accepted_and_says_so(world: World) -> None:
    world.approve(world.train("A"))
    sick(world, [OPEN, OLD], ["unauthenticated", "old-server"])
    assert deploy.main(world.job(), decide=decide) == Exit.DONE
    assert "accepted by environments.production.accept: it is 3.16.1\n" in world.heard()


def test_rollback_warns_and_goes_on_but_not_where_nothing_can_be_done(world: World) -> None:
    for content in ("A", "B"):
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=compared(head) if head else None))
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    sick(world, [OPEN, OLD], ["old-server"])
    world.heard()
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    said = world.heard()
    assert "WARNING: it answers without credentials\n" in said
    assert "accepted by environments.production.accept: it is 3.16.1\n" in said
    assert resolve(open_production(world.job())).restores == 1
    sick(world, [NEVER])
    with pytest.raises(Refused, match="no aliases"):
        rollback.main(world.job(reason="worse"))
