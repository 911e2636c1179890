"""Deploy and rollback, killed after each of their calls to MLflow and run again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.faulty import Killed, Watched
from doubles.small_chain import World, decide
from doubles.snapshot import Snapshot
from mlflow.artifacts import download_artifacts

from ci_lib.champion import compared, resolve
from ci_lib.errors import Exit
from ci_lib.job import Job
from ci_lib.production import open_production
from ci_lib.registry import Registry
from ci_lib.registry.connection import SEGMENT


def watched(world: World, calls: list[str], die_after: int = 0, segment: int = SEGMENT) -> Callable[[str], Registry]:
    """Return what opens registries whose calls are counted together, and end after the n-th."""

    def open_one(uri: str) -> Registry:
        address = world.open_registry(uri).address
        client = Watched(mlflow.MlflowClient(tracking_uri=address, registry_uri=address), calls, die_after)
        fetch = client.watch("download_artifacts", download_artifacts)
        return Registry(uri, world.project, client=client, fetch=fetch, segment=segment)

    return open_one


def deploying(job: Job) -> int:
    return deploy.main(job, decide=decide)


def with_first_release(world: World) -> None:
    world.approve(world.train("A"))
    deploy.main(world.job(), decide=decide)


def prepare_first_deploy(world: World) -> Job:
    world.approve(world.train("A"))
    return world.job()


def prepare_second_deploy(world: World) -> Job:
    with_first_release(world)
    head = resolve(open_production(world.job()))
    world.approve(world.train("B", champion=compared(head)))
    return world.job()


def prepare_rollback(world: World) -> Job:
    job = prepare_second_deploy(world)
    deploy.main(job, decide=decide)
    return world.job(reason="bad")


SCENES = {
    "first deploy": (prepare_first_deploy, deploying, 1, SEGMENT),
    "second deploy": (prepare_second_deploy, deploying, 2, SEGMENT),
    "rollback": (prepare_rollback, rollback.main, 3, SEGMENT),
    "second deploy, into a new segment": (prepare_second_deploy, deploying, 2, 1),
}
"""How it begins, what is done, how many releases there are then, entries in a segment."""


def fresh(world: World, root: Path, migrated: Path, name: str, segment: int = SEGMENT) -> World:
    """Return another world with a database of its own."""
    project = root / name
    project.mkdir()
    (project / "mlflow.db").write_bytes(migrated.read_bytes())
    return World(project=project, open_registry=opened_anew(project, segment), config=world.config)


def opened_anew(project: Path, segment: int) -> Callable[[str], Registry]:
    """Return what opens registries that have seen nothing yet, as another process would."""
    opened: dict[str, Registry] = {}

    def open_one(uri: str) -> Registry:
        return opened.setdefault(uri, Registry(uri, project, segment=segment))

    return open_one


@pytest.mark.parametrize("scene", SCENES)
def test_killed_after_any_call_and_run_again_it_ends_in_the_new_state(
    world: World, tmp_path: Path, migrated: Path, scene: str
) -> None:
    prepare, act, expected, segment = SCENES[scene]
    before = fresh(world, tmp_path, migrated, "project", segment)
    job = prepare(before)
    snapshot = Snapshot(before.project, tmp_path / "kept")
    calls: list[str] = []
    assert act(_with(job, watched(before, calls, segment=segment))) == Exit.DONE
    total = len(calls)
    assert total > 5
    for number in range(1, total + 1):
        snapshot.restore()
        with pytest.raises(Killed):
            act(_with(job, watched(before, [], number, segment)))
        again = _with(job, opened_anew(before.project, segment))
        assert len(open_production(again).ledger.entries()) in {expected - 1, expected}
        assert act(again) == Exit.DONE
        entries = open_production(again).ledger.entries()
        assert len(entries) == expected
        assert len({entry.op for entry in entries}) == expected
        assert resolve(open_production(again)) == entries[-1]
        registry = again.open_registry(again.registry_uri())
        model = registry.download("models:/loan@champion", before.project / "consumer")
        assert (model / "model.skops").read_text() == ("B" if scene.startswith("second") else "A")


def _with(job: Job, opener: Callable[[str], Registry]) -> Job:
    return Job(**{**vars(job), "open_registry": opener})


@pytest.mark.parametrize("versions", [(10, 50)])
def test_calls_do_not_grow_with_the_number_of_versions(
    world: World, tmp_path: Path, migrated: Path, versions: tuple[int, int]
) -> None:
    seen = []
    for count in versions:
        other = fresh(world, tmp_path, migrated, f"with{count}")
        with_first_release(other)
        release = resolve(open_production(other.job()))
        for _ in range(count):
            other.registry.create_version("loan", release.model_id)
        other.approve(other.train("B", champion=compared(release)))
        calls: list[str] = []
        assert deploy.main(_with(other.job(), watched(other, calls)), decide=decide) == Exit.DONE
        calls.append("--")
        assert rollback.main(_with(other.job(reason="bad"), watched(other, calls))) == Exit.DONE
        seen.append(calls)
    assert seen[0] == seen[1]
    assert not {"get_registered_model", "get_latest_versions"} & set(seen[0])


def test_the_copys_bytes_are_checked_last_before_the_entry(world: World) -> None:
    """Whoever can write to production's store finds the shortest time between check and alias."""
    job = prepare_first_deploy(world)
    calls: list[str] = []
    deploying(replace(job, open_registry=watched(world, calls)))
    checked = max(place for place, name in enumerate(calls) if name == "download_artifacts")
    # Which copy this operation made, the entry, and the alias, each read back.
    assert calls[checked + 1 :] == [
        "log_param", "get_run", "log_param", "get_run", "get_run", "get_model_version",
        "set_registered_model_alias", "get_run", "get_model_version_by_alias", "get_run",
    ]  # fmt: skip
