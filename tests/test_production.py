"""Alias and ledger: putting right, pointing, copying."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from ci_lib.jobs import deploy
from doubles.entries import entry
from doubles.small_chain import World, decide

from ci_lib.errors import Exit, Refused, Unavailable
from ci_lib.manifest import scan
from ci_lib.production import Gone, Production, open_production
from ci_lib.record import digest
from ci_lib.registry import LoggedModel, Registry, Version


@pytest.fixture
def production(world: World) -> Production:
    """Return an environment with one release."""
    world.approve(world.train("A"))
    deploy.main(world.job(), decide=decide)
    return open_production(world.job())


def client(production: Production) -> mlflow.MlflowClient:
    address = production.registry.address
    return mlflow.MlflowClient(tracking_uri=address, registry_uri=address)


def test_before_the_first_release_there_is_nothing_to_put_right(world: World) -> None:
    empty = open_production(world.job())
    assert empty.reconcile() == ()
    assert empty.started().reconcile() == ()
    with pytest.raises(Refused, match="is empty"):
        empty.started().project()


def test_an_alias_that_agrees_is_left_alone(production: Production) -> None:
    assert production.reconcile() == ()


def test_a_deleted_alias_is_set_again(production: Production) -> None:
    client(production).delete_registered_model_alias("loan", "champion")
    said = production.reconcile()
    assert said == ("alias 'champion' of loan pointed to nothing, not to version 1 (release 1); put right",)
    assert production.reconcile() == ()


def test_an_alias_whose_version_is_gone_is_reported(production: Production) -> None:
    client(production).delete_model_version("loan", "1")
    (said,) = production.reconcile()
    assert "not put right: version 1 of loan is no longer the model of release 1" in said
    with pytest.raises(Gone):
        production.project()


def test_an_entry_that_was_never_projected_is_put_right(production: Production) -> None:
    """What a job leaves that is killed right after it appended."""
    head = production.ledger.head()
    assert head is not None
    version = production.registry.create_version("loan", head.model_id)
    after = entry(head, model_version=version, model_id=head.model_id)
    production.ledger.append(after.op, lambda _: after)
    assert production.reconcile()
    seen = production.seen()
    assert seen is not None
    assert seen.number == version


class Restless(Registry):
    """An alias that somebody else keeps moving."""

    def alias(self, name: str, alias: str) -> Version | None:
        del name, alias
        return None


def test_an_alias_that_never_holds_still_is_unavailable(production: Production, world: World) -> None:
    restless = replace(production, registry=Restless("sqlite:///mlflow.db", world.project))
    with pytest.raises(Unavailable, match="other jobs keep moving the champion"):
        restless.project()


def test_a_copy_is_made_once_for_each_operation(production: Production, tmp_path: Path) -> None:
    model = tmp_path / "saved"
    op = digest(b"op")
    one = production.copy(op, model, scan(model))
    assert production.copy(op, model, scan(model)) == one
    assert production.registry.version("loan", one.version) is not None
    assert production.registry.version("loan", str(int(one.version) + 1)) is None


class Corrupting(Registry):
    """A registry that stores something else than what was uploaded."""

    def upload_model(self, experiment: str, directory: Path, **more: Any) -> LoggedModel:
        with tempfile.TemporaryDirectory() as scratch:
            other = Path(shutil.copytree(directory, Path(scratch) / "other"))
            (other / "model.skops").write_text("EVIL")
            return super().upload_model(experiment, other, **more)


def test_bytes_that_change_on_the_way_to_production_are_refused_and_the_job_can_run_again(world: World) -> None:
    world.approve(world.train("A"))
    plain = world.open_registry
    world.open_registry = lambda uri: Corrupting(uri, world.project)
    with pytest.raises(Refused, match=r"the bytes of the production copy .* model\.skops was changed"):
        deploy.main(world.job(), decide=decide)
    world.open_registry = plain
    assert open_production(world.job()).ledger.entries() == ()
    assert world.registry.alias("loan", "champion") is None
    assert deploy.main(world.job(), decide=decide) == Exit.DONE


def test_of_two_runs_of_one_job_the_first_copy_stands(production: Production, tmp_path: Path) -> None:
    model = tmp_path / "saved"
    op = digest(b"op")

    class Slow(Registry):
        def upload_model(self, experiment: str, directory: Path, **more: Any) -> LoggedModel:
            production.copy(op, model, scan(model))
            return super().upload_model(experiment, directory, **more)

    slow = replace(production, registry=Slow("sqlite:///mlflow.db", tmp_path))
    assert slow.copy(op, model, scan(model)) == production.copy(op, model, scan(model))


def test_records_are_kept_only_where_there_is_a_ledger(world: World) -> None:
    made = world.train("A")
    empty = open_production(world.job())
    empty.attach(digest(b"op"), {"golden.json": made.evidence.golden.to_bytes()})
    assert empty.attached(entry(None), world.project / "x") is None


# ---- the version that a lost reply or a killed run left


def uploaded(world: World, experiment: str, content: str) -> LoggedModel:
    saved = world.project / "left"
    saved.mkdir(exist_ok=True)
    (saved / "MLmodel").write_text("flavors:\n  sklearn: {serialization_format: skops}\n")
    (saved / "model.skops").write_text(content)
    return world.registry.upload_model(world.registry.experiment(experiment), saved)


@pytest.mark.parametrize(
    ("experiment", "content", "version"),
    [
        ("ml-release/loan/production", "B", "2"),
        ("ml-release/loan/production", "tampered", "3"),  # other bytes than it uploaded
        ("alice", "B", "3"),  # the right bytes, where somebody else may change them later
    ],
)
def test_a_copy_that_was_never_remembered_is_found_again_if_it_is_ours_and_whole(
    production: Production, world: World, experiment: str, content: str, version: str
) -> None:
    made = world.train("B")
    op = digest(b"op")
    left = uploaded(world, experiment, content)
    assert world.registry.create_version("loan", left.model_id, left.run_id, op=op) == "2"
    with tempfile.TemporaryDirectory() as scratch:
        model = world.registry.download(made.candidate.model_uri, Path(scratch))
        copy = production.copy(op, model, made.candidate.manifest)
    assert copy.version == version
    assert (copy.model_id == left.model_id) == (version == "2")


def test_a_copy_whose_bytes_were_deleted_is_made_again(production: Production, world: World) -> None:
    made = world.train("B")
    op = digest(b"op")
    left = uploaded(world, "ml-release/loan/production", "B")
    world.registry.create_version("loan", left.model_id, left.run_id, op=op)
    client(production).delete_logged_model(left.model_id)
    with tempfile.TemporaryDirectory() as scratch:
        model = world.registry.download(made.candidate.model_uri, Path(scratch))
        assert production.copy(op, model, made.candidate.manifest).version == "3"
