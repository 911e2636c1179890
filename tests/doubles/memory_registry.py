"""MLflow in memory: what `ci_lib.registry` asks of `MlflowClient`, with the same answers and error codes.

`tests/torture/test_memory_registry.py` runs the same operations here and against MLflow, and compares.
"""

# ruff: noqa: ARG002 -- the parameters are MLflow's

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from doubles.deadly import Deadly, Points
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2

from ci_lib.registry import Registry

ADDRESS = "sqlite:///memory.db"
"""Nobody opens it."""
TAG = "name = '{}' and tags.`{}` = '{}'"


@dataclass
class Info:
    run_id: str
    experiment_id: str
    artifact_uri: str
    lifecycle_stage: str = "active"


@dataclass
class Data:
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    info: Info
    data: Data = field(default_factory=Data)


@dataclass
class Experiment:
    experiment_id: str
    name: str
    lifecycle_stage: str = "active"


@dataclass
class Model:
    model_id: str
    experiment_id: str
    artifact_location: str
    source_run_id: str
    status: str = "PENDING"
    deleted: bool = False


@dataclass
class Listed:
    path: str
    is_dir: bool
    file_size: int | None


@dataclass
class ModelVersion:
    version: str
    source: str
    run_id: str | None
    tags: dict[str, str]
    location: str


@dataclass
class RegisteredModel:
    name: str
    versions: dict[str, ModelVersion] = field(default_factory=dict)
    """Live ones."""
    aliases: dict[str, str] = field(default_factory=dict)
    given: int = 0
    """The last number: a deleted version's is never given out again."""


@dataclass
class State:
    """Everything there is; `copy.deepcopy` of it is a backup."""

    runs: dict[str, Run] = field(default_factory=dict)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    """By name."""
    models: dict[str, Model] = field(default_factory=dict)
    registered: dict[str, RegisteredModel] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """By address."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class MemoryRegistry:
    """A client of a registry in memory; several clients may share a state."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()

    # ---- experiments and runs

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        return self.state.experiments.get(name)

    def create_experiment(self, name: str, artifact_location: str | None = None) -> str:
        _expect(name not in self.state.experiments, "RESOURCE_ALREADY_EXISTS", name)
        made = Experiment(experiment_id=str(next(self.state.ids)), name=name)
        self.state.experiments[name] = made
        return made.experiment_id

    def create_run(self, experiment_id: str, tags: dict[str, str] | None = None, run_name: str | None = None) -> Run:
        number = f"{next(self.state.ids):032x}"
        info = Info(run_id=number, experiment_id=experiment_id, artifact_uri=f"memory:/runs/{number}/artifacts")
        self.state.runs[number] = Run(info, Data(tags=dict(tags or {})))
        return self.state.runs[number]

    def get_run(self, run_id: str) -> Run:
        _expect(run_id in self.state.runs, "RESOURCE_DOES_NOT_EXIST", f"Run {run_id}")
        return self.state.runs[run_id]

    def delete_run(self, run_id: str) -> None:
        self.get_run(run_id).info.lifecycle_stage = "deleted"

    def restore_run(self, run_id: str) -> None:
        self.get_run(run_id).info.lifecycle_stage = "active"

    def set_terminated(self, run_id: str, status: str) -> None:
        self.get_run(run_id)

    def log_param(self, run_id: str, key: str, value: str) -> None:
        run = self.get_run(run_id)
        _expect(run.info.lifecycle_stage == "active", "INVALID_PARAMETER_VALUE", "must be in the 'active' state")
        stands = run.data.params.setdefault(key, value)
        _expect(stands == value, "INVALID_PARAMETER_VALUE", "Changing param values is not allowed")

    def log_batch(self, run_id: str, params: Sequence[Any]) -> None:
        for each in params:
            self.log_param(run_id, each.key, each.value)

    # ---- files

    def log_artifact(self, run_id: str, path: str, folder: str) -> None:
        self.state.files[f"{self.get_run(run_id).info.artifact_uri}/{folder}/{Path(path).name}"] = Path(
            path
        ).read_bytes()

    def list_artifacts(self, run_id: str, folder: str) -> list[Listed]:
        root = f"{self.get_run(run_id).info.artifact_uri}/"
        found = {name.removeprefix(f"{root}{folder}/"): content for name, content in self._below(f"{root}{folder}")}
        files = [Listed(f"{folder}/{name}", False, len(content)) for name, content in found.items() if "/" not in name]
        folders = {name.partition("/")[0] for name in found if "/" in name}
        return [*files, *(Listed(f"{folder}/{name}", True, None) for name in folders)]

    def fetch(self, artifact_uri: str, dst_path: str, **_: str) -> str:
        """Stand in for `mlflow.artifacts.download_artifacts`."""
        to = Path(dst_path) / artifact_uri.rpartition("/")[2]
        if artifact_uri in self.state.files:
            to.write_bytes(self.state.files[artifact_uri])
            return str(to)
        found = self._below(artifact_uri)
        _expect(bool(found), "RESOURCE_DOES_NOT_EXIST", f"No such artifact: {artifact_uri}")
        for name, content in found:
            path = to / name.removeprefix(f"{artifact_uri}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return str(to)

    def _below(self, folder: str) -> list[tuple[str, bytes]]:
        return [(name, content) for name, content in self.state.files.items() if name.startswith(f"{folder}/")]

    # ---- logged models

    def create_logged_model(self, experiment_id: str, name: str, source_run_id: str, tags: dict[str, str]) -> Model:
        number = f"m-{next(self.state.ids):032x}"
        made = Model(number, experiment_id, f"memory:/models/{number}/artifacts", source_run_id)
        self.state.models[number] = made
        return made

    def get_logged_model(self, model_id: str) -> Model:
        models = self.state.models
        there = model_id in models and not models[model_id].deleted
        _expect(there, "RESOURCE_DOES_NOT_EXIST", f"Logged model {model_id}")
        return models[model_id]

    def log_model_artifacts(self, model_id: str, directory: str) -> None:
        location = self.get_logged_model(model_id).artifact_location
        for path in sorted(Path(directory).rglob("*")):
            if path.is_file():
                self.state.files[f"{location}/{path.relative_to(directory).as_posix()}"] = path.read_bytes()

    def finalize_logged_model(self, model_id: str, status: str) -> None:
        self.get_logged_model(model_id).status = status

    def delete_logged_model(self, model_id: str) -> None:
        self.get_logged_model(model_id).deleted = True

    # ---- registered models

    def create_registered_model(self, name: str) -> RegisteredModel:
        _expect(name not in self.state.registered, "RESOURCE_ALREADY_EXISTS", name)
        self.state.registered[name] = RegisteredModel(name)
        return self.state.registered[name]

    def delete_registered_model(self, name: str) -> None:
        self._registered(name)
        del self.state.registered[name]

    def create_model_version(
        self, name: str, source: str, run_id: str | None = None, tags: dict[str, str] | None = None, **_: Any
    ) -> ModelVersion:
        location = source
        if source.startswith("models:/"):
            model = self.state.models[source.removeprefix("models:/")]
            _expect(
                not model.deleted,
                "INTERNAL_ERROR",
                f"Unable to fetch model from model URI source artifact location '{source}'.",
            )
            location, run_id = model.artifact_location, run_id or model.source_run_id
        there = self._registered(name)
        there.given += 1
        made = ModelVersion(str(there.given), source, run_id, dict(tags or {}), location)
        there.versions[made.version] = made
        return made

    def get_model_version(self, name: str, version: str) -> ModelVersion:
        live = self.state.registered[name].versions if name in self.state.registered else {}
        _expect(version in live, "RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")
        return live[version]

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        return self.get_model_version(name, version).location

    def search_model_versions(self, filter_string: str, max_results: int = 0) -> list[ModelVersion]:
        """Know the filters that are asked for: by name, and by name and one tag."""
        found = {
            (name, version.version): version
            for name, there in self.state.registered.items()
            for version in there.versions.values()
            if filter_string == f"name = '{name}'"
            or any(filter_string == TAG.format(name, key, value) for key, value in version.tags.items())
        }
        return list(reversed(found.values()))

    def delete_model_version(self, name: str, version: str) -> None:
        self.get_model_version(name, version)
        there = self._registered(name)
        del there.versions[version]
        there.aliases = {alias: to for alias, to in there.aliases.items() if to != version}

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        self.get_model_version(name, version)
        self._registered(name).aliases[alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self._registered(name).aliases.pop(alias, None)

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        there = self._registered(name)
        _expect(alias in there.aliases, "INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
        return there.versions[there.aliases[alias]]

    def _registered(self, name: str) -> RegisteredModel:
        _expect(
            name in self.state.registered, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found"
        )
        return self.state.registered[name]


def open_memory(memory: MemoryRegistry, project: Path, points: Points | None = None) -> Callable[[str], Registry]:
    """Return what opens the registry for jobs; with `points`, its calls may die."""
    client = Deadly(memory, points) if points else memory
    fetch = points.watch("download_artifacts", memory.fetch) if points else memory.fetch
    return lambda uri: Registry(uri, project, client=client, fetch=fetch, pause=lambda _: None)


def _expect(holds: bool, code: str, message: str) -> None:
    if not holds:
        raise MlflowException(message, error_code=databricks_pb2.ErrorCode.Value(code))
