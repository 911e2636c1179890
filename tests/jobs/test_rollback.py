"""Rollback, over a real embedded MLflow."""

from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from ci_lib.jobs import deploy, rollback
from doubles.small_chain import World, decide

from ci_lib.champion import compared
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.manifest import scan
from ci_lib.production import open_production
from ci_lib.release import Release


def ship(world: World, *contents: str) -> None:
    for content in contents:
        head = open_production(world.job()).ledger.head()
        world.approve(world.train(content, champion=compared(head) if head else None))
        assert deploy.main(world.job(), decide=decide) == Exit.DONE
    world.heard()


def entries(world: World) -> tuple[Release, ...]:
    return open_production(world.job()).ledger.entries()


def in_production(world: World, tmp_path: Path) -> str:
    """Return the bytes that a consumer gets."""
    found = world.registry.download("models:/loan@champion", tmp_path / f"consumer{len(entries(world))}")
    return (found / "model.skops").read_text()


def client(world: World) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)


def tamper(world: World, tmp_path: Path, number: int) -> None:
    """Overwrite the production copy of a release, which MLflow lets anybody do."""
    model_id = entries(world)[number - 1].model_id
    next(next((tmp_path / "mlartifacts").rglob(model_id)).rglob("model.skops")).write_text("EVIL")


def test_it_goes_to_the_last_good_release_and_says_why(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    assert rollback.main(world.job(reason="approves nobody")) == Exit.DONE
    one, two, back = entries(world)
    assert (back.number, back.action, back.restores, back.replaces) == (3, "rollback", 1, 2)
    assert (back.manifest, back.model_id, back.model_version) == (one.manifest, one.model_id, one.model_version)
    assert (back.candidate, back.evidence, back.golden) == (one.candidate, one.evidence, one.golden)
    assert (back.approvals, back.automatic, back.reason, back.previous) == ((), False, "approves nobody", two.digest())
    assert in_production(world, tmp_path) == "A"
    assert Release.read(world.here / "release.json") == back
    assert "release 3: models:/loan@champion is version 1, the bytes of release 1" in world.heard()


def test_a_reason_that_holds_a_secret_is_not_kept(world: World) -> None:
    job = replace(world.job(reason="because of glcbt-12345678"), env={"CI_JOB_TOKEN": "glcbt-12345678"})
    with pytest.raises(BadInput, match="holds a secret of this job"):
        rollback.main(job)


def test_it_needs_neither_the_chain_nor_the_training_environment(world: World) -> None:
    ship(world, "A", "B")
    for path in sorted((world.project / "release").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    assert rollback.main(world.job(reason="bad")) == Exit.DONE


def test_a_named_release_is_restored(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B", "C")
    assert rollback.main(world.job(reason="bad", to=1)) == Exit.DONE
    assert in_production(world, tmp_path) == "A"


def test_a_retried_job_does_not_take_back_what_came_after_it(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    rollback.main(world.job(reason="bad"))
    ship(world, "C")
    with pytest.raises(Refused, match="this rollback was release 3, and release 4 replaced it") as error:
        rollback.main(world.job(reason="bad"))
    assert "another --reason" in error.value.hint
    assert in_production(world, tmp_path) == "C"
    assert rollback.main(world.job(reason="bad as well")) == Exit.DONE
    assert in_production(world, tmp_path) == "A"


def test_from_another_pipeline_it_goes_back_further_until_nothing_is_left(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B", "C")
    for session, expected in [("p2", "B"), ("p3", "A")]:
        world.ci.session = session
        rollback.main(world.job(reason="bad"))
        assert in_production(world, tmp_path) == expected
    world.ci.session = "p4"
    with pytest.raises(BadInput, match="no good release to go back to before release 5"):
        rollback.main(world.job(reason="bad"))


def test_the_same_job_again_is_a_no_op_that_says_so(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B", "C")
    rollback.main(world.job(reason="bad"))
    world.heard()
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    assert "release 4 is this rollback already: nothing to do" in world.heard()
    assert len(entries(world)) == 4
    assert in_production(world, tmp_path) == "B"


@pytest.mark.parametrize(("to", "also"), [(2, ", and has the bytes of release 2"), (3, "")])
def test_rolling_back_to_what_is_in_production_is_a_no_op(world: World, to: int, also: str) -> None:
    ship(world, "A", "B", "B")
    assert rollback.main(world.job(reason="bad", to=to)) == Exit.DONE
    assert f"release 3 is in production already{also}: nothing to do" in world.heard()
    assert len(entries(world)) == 3


@pytest.mark.parametrize("reason", [None, "", "  \n"])
def test_without_a_reason_it_is_bad_input(world: World, reason: str | None) -> None:
    with pytest.raises(BadInput, match="needs a reason"):
        rollback.main(world.job(reason=reason))


def test_before_the_first_release_it_is_bad_input(world: World) -> None:
    with pytest.raises(BadInput, match="nothing has been released"):
        rollback.main(world.job(reason="bad"))
    assert world.registry.ledger("loan") is None


def test_changed_bytes_are_refused_and_the_next_older_release_is_named(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B", "C")
    tamper(world, tmp_path, 2)
    with pytest.raises(Refused, match=r"the bytes of release 2 .* are not those that were released") as error:
        rollback.main(world.job(reason="bad"))
    assert error.value.hint == "ml-release rollback --to 1 --reason …"
    assert len(entries(world)) == 3
    assert in_production(world, tmp_path) == "C"
    assert rollback.main(world.job(reason="bad", to=1)) == Exit.DONE


def test_with_nothing_older_the_hint_is_the_history(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    tamper(world, tmp_path, 1)
    with pytest.raises(Refused) as error:
        rollback.main(world.job(reason="bad"))
    assert error.value.hint == "ml-release history"


def test_a_deleted_version_is_registered_again_from_the_copy(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    client(world).delete_model_version("loan", "1")
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    assert entries(world)[-1].model_version == "3"
    assert in_production(world, tmp_path) == "A"


def test_a_champion_whose_version_was_deleted_can_be_put_back_by_number(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    client(world).delete_model_version("loan", "2")
    assert rollback.main(world.job(reason="somebody deleted it", to=2)) == Exit.DONE
    assert "pointed to nothing, not to version 2 (release 2); not put right" in world.heard()
    assert in_production(world, tmp_path) == "B"


def test_a_model_that_was_made_again_under_the_same_name_is_not_trusted_by_its_numbers(
    world: World, tmp_path: Path
) -> None:
    """Delete the registered model and make it again: version 1 is now other bytes."""
    ship(world, "A", "B")
    client(world).delete_registered_model("loan")
    evil = world.train("EVIL").candidate.model_uri.removeprefix("models:/")
    for _ in range(2):
        world.registry.create_version("loan", evil)
    world.registry.set_alias("loan", "champion", "2")
    assert rollback.main(world.job(reason="bad")) == Exit.DONE
    assert entries(world)[-1].model_version == "3"
    assert in_production(world, tmp_path) == "A"


def test_a_copy_that_is_gone_altogether_is_refused(world: World, tmp_path: Path) -> None:
    ship(world, "A", "B")
    model_id = entries(world)[0].model_id
    client(world).delete_model_version("loan", "1")
    client(world).delete_logged_model(model_id)
    with pytest.raises(Refused, match="does not have it"):
        rollback.main(world.job(reason="bad"))
    assert in_production(world, tmp_path) == "B"


def test_a_release_by_another_job_meanwhile_stops_it(world: World) -> None:
    ship(world, "A", "B")
    shift = rollback.main
    job = world.job(reason="bad")
    opened = world.open_registry

    def other_first(uri: str) -> object:
        """Let another rollback finish while this one checks the bytes."""
        registry = opened(uri)
        download = registry.download

        def slow(model_uri: str, into: Path) -> Path:
            registry.download = download  # type: ignore[method-assign]  # once
            world.ci.session = "p9"
            shift(world.job(reason="I was faster", to=1))
            world.ci.session = "p1"
            return download(model_uri, into)

        registry.download = slow  # type: ignore[method-assign]
        return registry

    world.open_registry = other_first  # type: ignore[assignment]
    job = world.job(reason="bad")
    world.open_registry = opened
    with pytest.raises(Refused, match="another job made release 3 meanwhile"):
        shift(job)
    assert [entry.reason for entry in entries(world)][-1] == "I was faster"


def test_bytes_are_only_downloaded_never_loaded(world: World, tmp_path: Path) -> None:
    """The model of these tests is a text file: loading it would fail."""
    ship(world, "A", "B")
    rollback.main(world.job(reason="bad"))
    found = world.registry.download("models:/loan@champion", tmp_path / "x")
    assert [file.path for file in scan(found).files] == ["MLmodel", "model.skops"]
