"""The registry in memory answers as MLflow does: the same operations, the same answers and error codes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from doubles.memory_registry import ADDRESS, MemoryRegistry
from mlflow.artifacts import download_artifacts
from mlflow.entities import Param
from mlflow.exceptions import MlflowException

from ci_lib.registry import OP, Registry

Step = Callable[["Both"], Any]


class Both:
    """One of the two registries, and the ids that it gave out, by the names that steps give them."""

    def __init__(self, client: Any, fetch: Callable[..., str], address: str, root: Path) -> None:
        self.client, self.fetch, self.address, self.root = client, fetch, address, root
        self.ids: dict[str, str] = {}

    def keep(self, name: str, given: str) -> str:
        self.ids[name] = given
        return "an id"

    def __getitem__(self, name: str) -> str:
        return self.ids.get(name, name)

    def told(self, step: Step) -> Any:
        """Return the answer of a step, with names for ids, or MLflow's name of the error."""
        try:
            answer = step(self)
        except MlflowException as error:
            return str(error.error_code)
        names = {given: name for name, given in self.ids.items()}
        return names.get(answer, answer) if isinstance(answer, str) else answer

    # ---- answers without what may differ: ids, times, addresses

    def version(self, found: Any) -> tuple[Any, ...]:
        names = {given: name for name, given in self.ids.items()}
        source = str(found.source).removeprefix("models:/")
        return str(found.version), names.get(source, "a path"), names.get(found.run_id), dict(found.tags)

    def files(self, uri: str, into: str) -> dict[str, bytes]:
        (self.root / into).mkdir()
        found = Path(self.fetch(artifact_uri=uri, dst_path=str(self.root / into), tracking_uri=self.address))
        paths = [found] if found.is_file() else sorted(found.rglob("*"))
        return {path.relative_to(found.parent).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def _upload(both: Both, name: str) -> str:
    """Upload a model of one file."""
    directory = both.root / name
    (directory / "sub").mkdir(parents=True)
    (directory / "MLmodel").write_text(name)
    (directory / "sub" / "weights").write_text(name)
    both.keep(f"run of {name}", both.client.create_run(both["experiment"], tags={OP: name}).info.run_id)
    made = both.client.create_logged_model(
        both["experiment"], name="model", source_run_id=both[f"run of {name}"], tags={OP: name}
    )
    both.keep(name, made.model_id)
    both.client.log_model_artifacts(made.model_id, str(directory))
    both.client.finalize_logged_model(made.model_id, "READY")
    both.client.set_terminated(both[f"run of {name}"], "FINISHED")
    return (
        "ours" if str(both.client.get_logged_model(made.model_id).experiment_id) == both["experiment"] else "not ours"
    )


def _register(both: Both, model: str, run: str | None = None, tags: dict[str, str] | None = None) -> Any:
    made = both.client.create_model_version(
        "loan", source=f"models:/{both[model]}", run_id=run and both[run], model_id=both[model], tags=tags,
        await_creation_for=0,
    )  # fmt: skip
    return both.version(made)


def _found(both: Both, filters: str) -> list[Any]:
    return [both.version(found) for found in both.client.search_model_versions(filters, max_results=100)]


def _note(both: Both, key: str, value: str) -> dict[str, str]:
    both.client.log_param(both["ledger"], key, value)
    return dict(both.client.get_run(both["ledger"]).data.params)


def _attach(both: Both, folder: str) -> list[Any]:
    path = both.root / "evidence.json"
    path.write_text("{}")
    both.client.log_artifact(both["ledger"], str(path), folder)
    return _listed(both, "releases/1")


def _listed(both: Both, folder: str) -> list[Any]:
    found = both.client.list_artifacts(both["ledger"], folder)
    return sorted((each.path, each.is_dir, each.file_size) for each in found)


def _batch(both: Both, *pairs: tuple[str, str]) -> dict[str, str]:
    both.client.log_batch(both["ledger"], params=[Param(key, value) for key, value in pairs])
    return dict(both.client.get_run(both["ledger"]).data.params)


BY_OP = f"name = 'loan' and tags.`{OP}` = 'sha256:1'"
STEPS: tuple[Step, ...] = (
    # Nothing is there yet.
    lambda both: both.client.get_experiment_by_name("prod"),
    lambda both: both.client.get_model_version("loan", "1"),
    lambda both: both.client.get_model_version_by_alias("loan", "champion"),
    lambda both: both.client.set_registered_model_alias("loan", "champion", "1"),
    lambda both: both.client.get_model_version_download_uri("loan", "1"),
    lambda both: _found(both, BY_OP),
    lambda both: both.client.get_run("0" * 32),
    lambda both: both.client.get_logged_model("m-" + "0" * 32),
    lambda both: both.client.delete_model_version("loan", "1"),
    lambda both: both.client.delete_registered_model("loan"),
    # Experiments and uploads.
    lambda both: both.keep("experiment", both.client.create_experiment("prod")),
    lambda both: both.client.create_experiment("prod"),
    lambda both: both.client.get_experiment_by_name("prod").experiment_id,
    lambda both: both.client.get_experiment_by_name("prod").lifecycle_stage,
    lambda both: _upload(both, "A"),
    lambda both: _upload(both, "B"),
    lambda both: both.client.get_run(both["run of A"]).data.tags[OP],
    lambda both: both.files(both.client.get_logged_model(both["A"]).artifact_location, "of A"),
    lambda both: both.files(both.client.get_logged_model(both["A"]).artifact_location + "/MLmodel", "file of A"),
    # Versions.
    lambda both: _register(both, "A", "run of A"),
    lambda both: both.client.create_registered_model("loan").name,
    lambda both: both.client.create_registered_model("loan"),
    lambda both: both.client.get_model_version_by_alias("loan", "champion"),
    lambda both: both.client.get_model_version("loan", "1"),
    lambda both: _register(both, "A", "run of A", {OP: "sha256:1"}),
    lambda both: _register(both, "B"),
    lambda both: _register(both, "A", None, {OP: "sha256:1"}),
    lambda both: both.version(both.client.get_model_version("loan", "2")),
    lambda both: both.files(both.client.get_model_version_download_uri("loan", "2"), "of version 2"),
    lambda both: _found(both, BY_OP),
    lambda both: _found(both, "name = 'loan'"),
    lambda both: _found(both, BY_OP.replace("loan", "other")),
    # Aliases.
    lambda both: both.client.get_model_version_by_alias("loan", "champion"),
    lambda both: both.client.set_registered_model_alias("loan", "champion", "9"),
    lambda both: both.client.set_registered_model_alias("loan", "champion", "1"),
    lambda both: both.client.set_registered_model_alias("loan", "champion", "2"),
    lambda both: both.version(both.client.get_model_version_by_alias("loan", "champion")),
    lambda both: both.client.delete_registered_model_alias("loan", "none"),
    lambda both: both.client.delete_model_version("loan", "2"),
    lambda both: both.client.get_model_version_by_alias("loan", "champion"),
    lambda both: both.client.get_model_version("loan", "2"),
    lambda both: both.client.delete_model_version("loan", "3"),
    lambda both: _found(both, BY_OP),
    lambda both: _register(both, "B"),  # number 4: a deleted one's is not given out again
    lambda both: both.client.set_registered_model_alias("loan", "champion", "4"),
    lambda both: both.client.delete_registered_model_alias("loan", "champion"),
    lambda both: both.client.get_model_version_by_alias("loan", "champion"),
    # Deleted bytes.
    lambda both: both.client.delete_logged_model(both["B"]),
    lambda both: both.client.get_logged_model(both["B"]),
    lambda both: both.version(both.client.get_model_version("loan", "4")),
    lambda both: both.files(both.client.get_model_version_download_uri("loan", "4"), "of version 4"),
    lambda both: _register(both, "B"),
    # A registered model that is deleted and made again.
    lambda both: both.client.delete_registered_model("loan"),
    lambda both: both.client.get_model_version("loan", "1"),
    lambda both: both.client.create_registered_model("loan").name,
    lambda both: _register(both, "A"),
    # Write-once texts.
    lambda both: both.keep("ledger", both.client.create_run(both["experiment"], run_name="ledger").info.run_id),
    lambda both: both.client.set_terminated(both["ledger"], "FINISHED"),
    lambda both: _note(both, "op-000001", "one"),
    lambda both: _note(both, "op-000001", "one"),
    lambda both: _note(both, "op-000001", "two"),
    lambda both: _note(both, "nonce-1", "sha256:1"),
    lambda both: both.client.delete_run(both["ledger"]),
    lambda both: both.client.get_run(both["ledger"]).info.lifecycle_stage,
    lambda both: _note(both, "op-000002", "two"),
    lambda both: both.client.restore_run(both["ledger"]),
    lambda both: _note(both, "op-000002", "two"),
    lambda both: both.client.log_param("0" * 32, "x", "y"),
    lambda both: _batch(both, ("seam", "two"), ("aims-1", "2")),
    lambda both: _batch(both, ("seam", "two")),
    lambda both: _batch(both, ("seam", "three")),
    # Attachments.
    lambda both: _listed(both, "releases/1"),
    lambda both: _attach(both, "releases/1"),
    lambda both: _attach(both, "releases/1/approvals"),
    lambda both: both.files(both.client.get_run(both["ledger"]).info.artifact_uri + "/releases/1", "attached"),
    lambda both: both.files(both.client.get_run(both["ledger"]).info.artifact_uri + "/releases/2", "nothing"),
)  # fmt: skip


@pytest.fixture
def real(tmp_path: Path, open_registry: Callable[[str], Registry]) -> Iterator[Both]:
    address = open_registry("sqlite:///mlflow.db").address
    mlflow.set_tracking_uri(address)
    (tmp_path / "real").mkdir()
    client = mlflow.MlflowClient(tracking_uri=address, registry_uri=address)
    yield Both(client, download_artifacts, address, tmp_path / "real")
    mlflow.set_tracking_uri(None)


def test_each_step_is_answered_alike(real: Both, tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    inner = MemoryRegistry()
    memory = Both(inner, inner.fetch, ADDRESS, tmp_path / "memory")
    answers = []
    for number, step in enumerate(STEPS):
        expected, found = real.told(step), memory.told(step)
        assert found == expected, f"step {number}"
        answers.append(expected)
    errors = {answer for answer in answers if isinstance(answer, str) and answer.isupper() and len(answer) > 4}
    assert errors == {
        "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_PARAMETER_VALUE", "INTERNAL_ERROR",
    }  # fmt: skip
