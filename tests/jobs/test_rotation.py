"""Deploy, rollback and the looks at them over a ledger of many segments, in a real embedded MLflow."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.faulty import Watched
from doubles.small_chain import World, config, decide
from mlflow.artifacts import download_artifacts

from ci_lib import audit, history
from ci_lib.champion import approvals, compared, origin
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.production import open_production
from ci_lib.registry import Registry

SIZE = 2


@pytest.fixture
def world(world: World) -> World:
    """Return a project whose ledger has two entries a segment."""
    opened: dict[str, Registry] = {}

    def open_one(uri: str) -> Registry:
        return opened.setdefault(uri, Registry(uri, world.project, segment=SIZE))

    world.open_registry = open_one
    return world


def ship(world: World, *contents: str) -> None:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=compared(head) if head else None))
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()


def in_production(world: World, tmp_path: Path, name: str) -> str:
    found = world.registry.download("models:/loan@champion", tmp_path / name)
    return (found / "model.skops").read_text()


def numbers(world: World) -> list[int]:
    return [each.number for each in open_production(world.job()).ledger.entries()]


def test_releases_over_three_segments_are_one_history(world: World, tmp_path: Path) -> None:
    ship(world, *"ABCDE")
    assert numbers(world) == [1, 2, 3, 4, 5]
    history.main(world.job())
    assert [line.split()[0] for line in world.heard().splitlines()[1:]] == ["5", "4", "3", "2", "1"]
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    assert in_production(world, tmp_path, "one") == "D"
    world.ci.session = "p2"
    assert rollback.main(world.job(reason="worse", to=1)) == Exit.DONE
    assert in_production(world, tmp_path, "two") == "A"
    assert audit.main(world.job()) == Exit.DONE
    production = open_production(world.job())
    head = production.ledger.head()
    assert head is not None
    assert origin(production, head).number == 1
    assert len(approvals(production, head)) == 1


def test_the_last_good_release_may_be_segments_ago(world: World, tmp_path: Path) -> None:
    ship(world, "A", *"BBBB")
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    assert in_production(world, tmp_path, "consumer") == "A"
    with pytest.raises(BadInput, match="there is no release 9; the ledger has 1 to 6"):
        rollback.main(world.job(reason="bad", to=9))


def test_an_approval_works_once_over_all_segments(world: World) -> None:
    used = world.approve(world.train("A"), nonce="once")
    deploy.main(world.job(), decide=decide)
    ship(world, *"BCD")
    head = open_production(world.job()).ledger.head()
    assert head is not None
    world.approve(world.train("E", champion=compared(head)), nonce=used.nonce)
    with pytest.raises(Refused, match="already used for another release"):
        deploy.main(world.job(), decide=decide)
    assert numbers(world) == [1, 2, 3, 4]


def test_a_job_that_is_retried_segments_later_is_told_that_its_release_was_replaced(world: World) -> None:
    """Staging does not ask what the champion was, so only the ledger can tell."""
    world.config = config(environments={"staging": {"approval": "automatic"}, "production": {}})
    world.environment = "staging"
    first = world.train("A")
    deploy.main(world.job(), decide=decide)
    for content in "BCDE":
        world.train(content)
        deploy.main(world.job(), decide=decide)
    world.write(first)
    with pytest.raises(Refused, match="was release 1 on the same approvals, and release 5 replaced it"):
        deploy.main(world.job(), decide=decide)
    assert numbers(world) == [1, 2, 3, 4, 5]


def test_what_a_deploy_and_a_rollback_ask_of_mlflow_does_not_grow_with_segments(world: World) -> None:
    seen = []
    for more in ("ABCD", "EF", "GHIJ"):
        ship(world, *more)
        calls: list[str] = []
        job = world.job(reason=more)
        head = open_production(job).ledger.head()
        assert head is not None
        world.approve(world.train("x" + more, champion=compared(head)))
        world.ci.session = more
        watched = watching(world, calls)
        plain, world.open_registry = world.open_registry, watched
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
        calls.append("--")
        assert rollback.main(world.job(reason=more)) == Exit.DONE
        world.open_registry = plain
        seen.append(calls)
    assert seen[0] == seen[1] == seen[2]


def watching(world: World, calls: list[str]) -> Callable[[str], Registry]:
    address = world.registry.address

    def open_one(uri: str) -> Registry:
        client = Watched(mlflow.MlflowClient(tracking_uri=address, registry_uri=address), calls)
        fetch = client.watch("download_artifacts", download_artifacts)
        return Registry(uri, world.project, client=client, fetch=fetch, segment=SIZE)

    return open_one


def test_a_deleted_segment_stops_everything_with_the_command_that_restores_it(world: World) -> None:
    ship(world, *"ABC")
    client = mlflow.MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)
    run = open_production(world.job()).run
    assert run is not None
    segment = client.get_run(run.run_id).data.params["segment-000002"]
    client.delete_run(segment)
    for act in (lambda: deploy.main(world.job(), decide=decide), lambda: rollback.main(world.job(reason="bad"))):
        with pytest.raises(Refused, match="somebody deleted the ledger") as error:
            act()
        assert error.value.hint == f"mlflow runs restore --run-id {segment}"
    assert audit.main(world.job()) == Exit.REFUSED
    client.restore_run(segment)
    assert audit.main(world.job()) == Exit.DONE
