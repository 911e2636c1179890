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
    client.restore_run(run.run_id)
    assert run.put_once("op-000001", "x")


@pytest.fixture
def few(registry: Registry, tmp_path: Path) -> Registry:
    """Return a registry whose ledgers have two entries a segment."""
    return Registry(registry.address, tmp_path, segment=2)


def grown(few: Registry) -> LedgerRun:
    """Return a ledger with a full first segment and one entry in the second."""
    run = create(few)
    for number in (1, 2):
        assert run.put_once(f"op-{number:06d}", f"entry {number}")
    run.add(2, {"seam": "entry 2"})
    assert run.put_once("op-000003", "entry 3", 2)
    return run


def test_before_anything_is_written_there_is_an_empty_first_segment(few: Registry) -> None:
    run = create(few)
    assert run.newest() == (1, {})
    assert run.read() == {}
    assert run.attached("releases/1", Path()) is None


def test_a_segment_is_a_run_that_everybody_finds_through_the_index(few: Registry) -> None:
    grown(few)
    run = few.ledger("loan")
    assert run is not None
    assert run.newest() == (2, {"seam": "entry 2", "op-000003": "entry 3"})
    assert run.read(1) == {"op-000001": "entry 1", "op-000002": "entry 2"}
    assert run.read(3) == {}


def test_who_has_known_a_segment_for_long_finds_the_one_after_it(few: Registry) -> None:
    slow = create(few)
    assert slow.newest() == (1, {})
    grown(few)
    assert slow.newest()[0] == 2


def test_of_two_proposals_for_a_segment_one_stands(few: Registry) -> None:
    one, two = create(few), create(few)
    assert one.put_once("op-000001", "x")
    assert two.read() == one.read()
    one.add(2, {"seam": "first"})
    two.add(2, {"seam": "second"})
    two.add(2, {"seam": "third"})
    assert one.read(2) == two.read(2) == {"seam": "first"}


def test_a_deleted_segment_is_refused_with_the_command_that_restores_it(
    few: Registry, client: mlflow.MlflowClient
) -> None:
    run = grown(few)
    segment = client.get_run(run.run_id).data.params["segment-000002"]
    client.delete_run(segment)
    for other in (run, few.ledger("loan")):
        assert other is not None
        with pytest.raises(Refused, match="somebody deleted the ledger") as error:
            other.newest()
        assert error.value.hint == f"mlflow runs restore --run-id {segment}"
    client.restore_run(segment)
    assert run.newest()[0] == 2


@pytest.mark.parametrize("junk", ["junk", "0" * 33, "../x", "{index}"])
def test_whoever_writes_something_else_into_the_index_is_noticed(
    few: Registry, client: mlflow.MlflowClient, junk: str
) -> None:
    run = create(few)
    client.log_param(run.run_id, "segment-000001", junk.format(index=run.run_id))
    with pytest.raises(Refused, match=r"its index names .* as a segment"):
        run.newest()


def test_files_are_kept_with_their_segment(few: Registry, tmp_path: Path) -> None:
    run = grown(few)
    (tmp_path / "a.json").write_text("{}")
    run.attach([tmp_path / "a.json"], "releases/3", 2)
    assert run.attached("releases/3", tmp_path / "no", 1) is None
    assert run.attached("releases/3", tmp_path / "back", 2) is not None


def test_what_holds_is_not_asked_for_again(few: Registry) -> None:
    run = create(few)
    assert run.put_once("key", "text")
    assert run.put_once("key", "text")
    assert not run.put_once("key", "other")


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
