"""The registry over a real embedded MLflow."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.manifest import scan
from ci_lib.registry import LoggedModel, Registry, Version

GHOST = "m-" + "0" * 32


@pytest.fixture
def registry(open_registry: Callable[[str], Registry]) -> Registry:
    return open_registry("sqlite:///mlflow.db")


def saved(tmp_path: Path, content: str = "A") -> Path:
    directory = tmp_path / "saved"
    (directory / "data").mkdir(parents=True, exist_ok=True)
    (directory / "MLmodel").write_text("run_id: r\nflavors:\n  sklearn: {serialization_format: skops}\n")
    (directory / "data" / "weights").write_text(content)
    return directory


def upload(registry: Registry, tmp_path: Path, content: str = "A") -> LoggedModel:
    return registry.upload_model(registry.experiment("training"), saved(tmp_path, content))


def test_uploaded_bytes_come_back_the_same_by_every_address(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    number = registry.create_version("loan", logged.model_id, logged.run_id)
    registry.set_alias("loan", "champion", number)
    for place, uri in enumerate([logged.uri, f"models:/loan/{number}", "models:/loan@champion"]):
        assert scan(registry.download(uri, tmp_path / str(place))) == scan(tmp_path / "saved")


def test_files_are_kept_in_the_project_whatever_the_working_directory(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    registry.upload_model(registry.experiment("new"), saved(tmp_path))
    assert list((tmp_path / "mlartifacts").rglob("weights"))
    assert list(elsewhere.iterdir()) == []


def test_the_run_of_an_upload_has_its_params_metrics_and_tags(registry: Registry, tmp_path: Path) -> None:
    logged = registry.upload_model(
        registry.experiment("training"), saved(tmp_path), tags={"team": "x"}, params={"C": 0.3}, metrics={"auc": 0.8}
    )
    registry.tag_run(logged.run_id, {"verdict": "pass"})
    run = mlflow.MlflowClient(tracking_uri=registry.address).get_run(logged.run_id)
    assert run.data.params == {"C": "0.3"}
    assert run.data.metrics == {"auc": 0.8}
    assert {"team": "x", "verdict": "pass"}.items() <= run.data.tags.items()
    assert run.info.status == "FINISHED"


def test_files_and_directories_are_logged_below_a_folder(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("hello")
    (tmp_path / "a.json").write_text("{}")
    registry.log_files(logged.run_id, [tmp_path / "report", tmp_path / "a.json"], "records")
    found = registry.download(f"runs:/{logged.run_id}/records", tmp_path / "back")
    assert sorted(path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()) == [
        "a.json",
        "report/index.html",
    ]


def test_model_info_reads_one_small_file(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    info = registry.model_info(logged.uri)
    assert (info.flavors, info.run_id, info.serialization) == (("sklearn",), "r", "skops")


def test_versions_count_up_and_name_their_model(registry: Registry, tmp_path: Path) -> None:
    one, two = upload(registry, tmp_path), upload(registry, tmp_path, "B")
    assert [registry.create_version("loan", made.model_id, made.run_id) for made in (one, two)] == ["1", "2"]
    assert registry.version("loan", "2") == Version(number="2", model_id=two.model_id, run_id=two.run_id)
    assert registry.version("loan", "3") is None
    assert registry.version("ghost", "1") is None


def test_a_missing_model_a_missing_alias_and_a_set_alias_are_told_apart(registry: Registry, tmp_path: Path) -> None:
    assert (registry.registered("loan", "champion").exists, registry.alias("loan", "champion")) == (False, None)
    logged = upload(registry, tmp_path)
    number = registry.create_version("loan", logged.model_id, logged.run_id)
    assert (registry.registered("loan", "champion").exists, registry.alias("loan", "champion")) == (True, None)
    registry.set_alias("loan", "champion", number)
    assert registry.alias("loan", "champion") == registry.version("loan", "1")


def test_an_alias_to_a_version_that_is_not_there_is_refused(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    registry.create_version("loan", logged.model_id, logged.run_id)
    with pytest.raises(Refused, match="version=9"):
        registry.set_alias("loan", "champion", "9")


def test_registering_leaves_mlflows_default_address_as_it_was(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    registry.create_version("loan", logged.model_id, logged.run_id)
    assert os.environ.get("MLFLOW_TRACKING_URI") == before
    mlflow.set_tracking_uri("http://somewhere")
    try:
        registry.create_version("loan", logged.model_id, logged.run_id)
        assert mlflow.get_tracking_uri() == "http://somewhere"
    finally:
        mlflow.set_tracking_uri(None)


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "file:///etc",
        "http://evil/x",
        "models:/loan",
        "models:/loan/latest",
        "",
        "models:/loan/1/../..",
        "models:/m-1/../../secret",
        "models:/m-1/a/..",
        "runs:/1/../../secret",
        "models:/loan@champion/../x",
    ],
)
def test_only_model_addresses_are_followed(registry: Registry, tmp_path: Path, uri: str) -> None:
    with pytest.raises(BadInput, match="no model address"):
        registry.download(uri, tmp_path / "x")


@pytest.mark.parametrize("uri", [f"models:/{GHOST}", "models:/loan/1", "models:/loan@champion", f"runs:/{'0' * 32}/x"])
def test_a_model_that_is_not_there_is_refused(registry: Registry, tmp_path: Path, uri: str) -> None:
    with pytest.raises(Refused, match="does not have it"):
        registry.download(uri, tmp_path / "x")


def test_a_version_outlives_its_logged_model(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    registry.create_version("loan", logged.model_id, logged.run_id)
    mlflow.MlflowClient(tracking_uri=registry.address).delete_logged_model(logged.model_id)
    assert scan(registry.download("models:/loan/1", tmp_path / "x")) == scan(tmp_path / "saved")


def test_a_deleted_experiment_is_refused_with_the_command_that_restores_it(registry: Registry) -> None:
    made = registry.experiment("gone")
    mlflow.MlflowClient(tracking_uri=registry.address).delete_experiment(made)
    with pytest.raises(Refused, match="somebody deleted") as error:
        registry.experiment("gone")
    assert error.value.hint == f"mlflow experiments restore --experiment-id {made}"


class Racing:
    """A client to which another job is always a little faster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._client, name)

    def create_experiment(self, name: str, **more: Any) -> str:
        self._client.create_experiment(name, **more)
        return str(self._client.create_experiment(name, **more))

    def create_registered_model(self, name: str) -> Any:
        self._client.create_registered_model(name)
        return self._client.create_registered_model(name)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self._client.set_registered_model_alias(name, alias, version)
        message = "(sqlite3.IntegrityError) UNIQUE constraint failed: registered_model_aliases"
        raise MlflowException(message)


def test_losing_a_race_to_create_something_is_no_error(registry: Registry, tmp_path: Path) -> None:
    inner = mlflow.MlflowClient(tracking_uri=registry.address, registry_uri=registry.address)
    racing = Registry("sqlite:///mlflow.db", tmp_path, client=Racing(inner))
    assert racing.experiment("new") == registry.experiment("new")
    logged = upload(racing, tmp_path)
    number = racing.create_version("loan", logged.model_id, logged.run_id)
    racing.set_alias("loan", "champion", number)
    assert racing.alias("loan", "champion") == racing.version("loan", number)


class Failing:
    """A client of a server that is down."""

    def __getattr__(self, name: str) -> Any:
        """Fail whatever is asked."""

        def fail(*_: Any, **__: Any) -> None:
            message = "API request to http://x failed with exception: Connection refused"
            raise MlflowException(message)

        return fail


@pytest.mark.parametrize(
    "ask",
    [
        lambda registry: registry.experiment("x"),
        lambda registry: registry.version("x", "1"),
        lambda registry: registry.alias("x", "champion"),
        lambda registry: registry.set_alias("x", "champion", "1"),
        lambda registry: registry.create_version("x", GHOST),
        lambda registry: registry.ledger("x"),
        lambda registry: registry.create_ledger("x", "0"),
        lambda registry: registry.download(f"models:/{GHOST}", Path()),
    ],
)
def test_a_server_that_is_down_is_unavailable_whatever_is_asked(tmp_path: Path, ask: Callable[[Registry], Any]) -> None:
    with pytest.raises(Unavailable, match="did not answer"):
        ask(Registry("http://mlflow:5000", tmp_path, client=Failing()))


class Losing:
    """A client whose version requests fail, before or after the server did what they ask."""

    def __init__(self, client: Any, faults: list[str]) -> None:
        self._client = client
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        """Return the client's own method."""
        return getattr(self._client, name)

    def create_model_version(self, *args: Any, **more: Any) -> Any:
        fault = self._faults.pop(0) if self._faults else ""
        made = None if fault == "refused" else self._client.create_model_version(*args, **more)
        if fault:
            message = "API request failed with exception too many 503 error responses"
            raise MlflowException(message)
        return made


@pytest.mark.parametrize(
    ("faults", "waited"),
    [
        ([], []),
        (["lost"], [1]),
        (["refused"], [1]),
        (["refused", "refused", "lost"], [1, 2, 4]),
        (["refused", "refused", "refused"], [1, 2, 4]),
    ],
)
def test_an_operation_makes_one_version_whatever_happens_to_the_replies(
    registry: Registry, tmp_path: Path, faults: list[str], waited: list[int]
) -> None:
    logged, other = upload(registry, tmp_path), upload(registry, tmp_path)
    paused: list[float] = []
    inner = mlflow.MlflowClient(tracking_uri=registry.address, registry_uri=registry.address)
    inner.create_registered_model("loan")
    losing = Registry("sqlite:///mlflow.db", tmp_path, client=Losing(inner, list(faults)), pause=paused.append)
    assert losing.create_version("loan", logged.model_id, logged.run_id, op="sha256:1") == "1"
    assert paused == waited
    assert [version.number for version in losing.made("loan", "sha256:1")] == ["1"]
    assert losing.create_version("loan", logged.model_id, op="sha256:2") == "2"
    assert losing.create_version("loan", other.model_id, op="sha256:1") == "3", "other bytes are another version"


def test_without_an_operation_a_version_is_asked_for_once(registry: Registry, tmp_path: Path) -> None:
    logged = upload(registry, tmp_path)
    inner = mlflow.MlflowClient(tracking_uri=registry.address, registry_uri=registry.address)
    inner.create_registered_model("loan")
    losing = Registry("sqlite:///mlflow.db", tmp_path, client=Losing(inner, ["lost"]))
    with pytest.raises(Unavailable, match="503"):
        losing.create_version("loan", logged.model_id, logged.run_id)
    assert losing.version("loan", "1") is not None
    assert losing.version("loan", "2") is None


def test_where_uploaded_bytes_are(registry: Registry, tmp_path: Path) -> None:
    experiment = registry.experiment("training")
    assert registry.experiment_of(upload(registry, tmp_path).model_id) == experiment
    assert registry.experiment_of(GHOST) is None


def test_a_port_where_nothing_listens_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(Unavailable, match="did not answer"):
        Registry("http://127.0.0.1:9", tmp_path).experiment("x")
