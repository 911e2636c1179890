"""The run that holds a ledger, in a real embedded MLflow."""

from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from ci_lib.errors import BadInput, Refused
from ci_lib.registry import LedgerRun, Registry


@pytest.fixture
def registry(open_registry: Callable[[str], Registry]) -> Registry:
    return open_registry("sqlite:///mlflow.db")


@pytest.fixture
def client(registry: Registry) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=registry.address, registry_uri=registry.address)


def create(registry: Registry) -> LedgerRun:
    return registry.create_ledger("loan", registry.experiment("releases"))


def test_everybody_finds_the_run_that_was_agreed_on(registry: Registry) -> None:
    assert registry.ledger("loan") is None
    made = create(registry)
    assert create(registry).run_id == made.run_id
    found = registry.ledger("loan")
    assert found is not None
    assert found.run_id == made.run_id


def test_a_bootstrap_that_was_stopped_half_way_is_finished(registry: Registry, client: mlflow.MlflowClient) -> None:
    client.create_registered_model("ledger--loan")
    assert registry.ledger("loan") is None
    assert create(registry).read() == {}


def test_a_second_proposal_does_not_win(registry: Registry, client: mlflow.MlflowClient) -> None:
    made = create(registry)
    run = client.create_run(registry.experiment("releases"))
    client.create_model_version("ledger--loan", source=f"{run.info.artifact_uri}/ledger", run_id=run.info.run_id)
    found = registry.ledger("loan")
    assert found is not None
    assert found.run_id == made.run_id


def test_a_key_is_written_once(registry: Registry) -> None:
    run = create(registry)
    assert run.put_once("op-000001", "first")
    assert run.put_once("op-000001", "first")
    assert not run.put_once("op-000001", "second")
    assert run.read() == {"op-000001": "first"}


def test_six_thousand_characters_fit_and_more_are_bad_input(registry: Registry) -> None:
    run = create(registry)
    assert run.put_once("op-000001", "x" * 6000)
    with pytest.raises(BadInput, match="maximum length of 6000"):
        run.put_once("op-000002", "x" * 6001)
    assert list(run.read()) == ["op-000001"]


def test_attached_files_come_back(registry: Registry, tmp_path: Path) -> None:
    run = create(registry)
    (tmp_path / "a.json").write_text("{}")
    run.attach([tmp_path / "a.json"], "releases/1")
    found = run.attached("releases/1", tmp_path / "back")
    assert found is not None
    assert (found / "a.json").read_text() == "{}"
    assert run.attached("releases/2", tmp_path / "none") is None


def test_a_deleted_run_is_refused_with_the_command_that_restores_it(
    registry: Registry, client: mlflow.MlflowClient
) -> None:
    run = create(registry)
    client.delete_run(run.run_id)
    with pytest.raises(Refused, match="somebody deleted the ledger") as error:
        run.read()
    assert error.value.hint == f"mlflow runs restore --run-id {run.run_id}"
    with pytest.raises(Refused, match="somebody deleted the ledger"):
        run.put_once("op-000001", "x")


def test_a_deleted_first_version_is_never_replaced_by_another_ledger(
    registry: Registry, client: mlflow.MlflowClient
) -> None:
    create(registry)
    client.delete_model_version("ledger--loan", "1")
    for _ in range(2):
        with pytest.raises(Refused, match="which names the ledger, was deleted"):
            create(registry)


def test_a_model_of_that_name_that_is_no_ledger_is_refused(registry: Registry, client: mlflow.MlflowClient) -> None:
    client.create_registered_model("ledger--loan")
    client.create_model_version("ledger--loan", source="/somewhere")
    with pytest.raises(Refused, match="names no run"):
        registry.ledger("loan")
