"""What the jobs ask of MLflow, in the fewest calls, none of which grows with the number of versions.

`get_registered_model` reads every version of a model and is never called here; `search_model_versions` is asked for the
versions of one operation, which the database filters (2 ms at 10 versions, 3 ms at 5,000).
`set_registered_model_alias` grows inside MLflow itself (19 ms at 10 versions, 400 ms at 10,000 over HTTP).
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_lib import mlmodel
from ci_lib.errors import BadInput, Refused
from ci_lib.registry import address as addresses
from ci_lib.registry.api import (
    Metric,
    MlflowException,
    Param,
    RunTag,
    download_artifacts,
    mlflow,
    open_client,
    sent_once,
)
from ci_lib.registry.capability import Ask, Weakness, over_http, weaknesses
from ci_lib.registry.ledger_run import LedgerRun
from ci_lib.registry.trouble import NOT_NOW, answering, code

LOGGED_MODEL = re.compile(r"^models:/(?P<id>m-[0-9a-f]{1,64})(?P<file>/[^\\]+)?$")
VERSION = re.compile(r"^models:/(?P<name>[^/@\\]+)(?:/(?P<number>[0-9]+)|@(?P<alias>[^/\\]+))(?P<file>/[^\\]+)?$")
SEGMENT = 1_000
"""Entries in one run of a ledger: 1.5 MB that a deploy reads at most. Never to be changed: numbers say where entries
are."""
RUN = re.compile(r"^runs:/[0-9a-f]{1,64}/[^\\]+$")

OP = "ml-release.op"
"""Tag of what an operation made: the operation's identity, so that a run after a lost reply or a crash finds it."""

WAITS = (1, 2, 4)
"""Seconds before a version is asked for again: what MLflow's own client waits."""


@dataclass(frozen=True, kw_only=True)
class LoggedModel:
    """Bytes that are now in MLflow."""

    model_id: str
    uri: str
    """``models:/m-…``."""
    run_id: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a registered model."""

    number: str
    model_id: str | None
    """``m-…``; None for a version that was registered from a plain path."""
    run_id: str | None


@dataclass(frozen=True, kw_only=True)
class Registered:
    """What is known of a registered model through one alias."""

    exists: bool
    version: Version | None
    """Where the alias points; None: there is no such alias."""


class Registry:
    """One MLflow server or database.

    Args:
        uri: MLflow address; a relative SQLite path starts at the project directory.
        project: the directory of release.yml; artifacts of an embedded SQLite registry go to ``mlartifacts`` below it.
        client: speaks MLflow's client API; tests pass one that counts calls or fails.
        fetch: downloads artifacts, `mlflow.artifacts.download_artifacts`.
        pause: waits so many seconds.
        segment: entries in one run of a ledger; tests pass few. All who use a ledger must agree on it.
        ask: sends one request that is none of MLflow's client API.

    Raises:
        BadInput: the address holds credentials or is of no known kind. Whether anything answers there shows with the
            first method: every method raises Unavailable when nothing does.
    """

    def __init__(
        self,
        uri: str,
        project: Path,
        *,
        client: Any = None,  # noqa: ANN401 -- MlflowClient, or something like it
        fetch: Callable[..., str] = download_artifacts,
        pause: Callable[[float], None] = time.sleep,
        segment: int = SEGMENT,
        ask: Ask = over_http,
    ) -> None:
        self.address = addresses.resolve(uri, project)
        self._project = project.absolute()
        with answering(self.address):
            self._client: Any = client or open_client(self.address)
        self._fetch = fetch
        self._pause = pause
        self._segment = segment
        self._ask = ask

    def weaknesses(self) -> tuple[Weakness, ...]:
        """Return what this MLflow cannot promise; two requests to a server elsewhere, none to any other.

        Raises:
            BadInput: the server wants other credentials.
            Unavailable: it does not answer.
        """
        with answering(self.address):
            return weaknesses(self.address, self._ask)

    def experiment(self, name: str) -> str:
        """Return the id of an experiment, which is made when it is not there.

        Raises:
            Refused: somebody deleted it.
        """
        with answering(self.address):
            found = self._client.get_experiment_by_name(name)
            if found is None:
                try:
                    return str(self._client.create_experiment(name, artifact_location=self._artifacts()))
                except MlflowException as error:
                    if code(error) != "RESOURCE_ALREADY_EXISTS":
                        raise
                    found = self._client.get_experiment_by_name(name)
        if found.lifecycle_stage != "active":
            message = f"somebody deleted the MLflow experiment {name!r} (id {found.experiment_id}) at {self.address}"
            raise Refused(message, f"mlflow experiments restore --experiment-id {found.experiment_id}")
        return str(found.experiment_id)

    def upload_model(
        self,
        experiment: str,
        directory: Path,
        *,
        name: str = "model",
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> LoggedModel:
        """Upload a saved model as it is, with a run of its own.

        Args:
            experiment: id of the experiment (`experiment`).
            directory: a model as `save_model` leaves it, with its ``MLmodel`` file.
            name: the model's name in MLflow.
            tags: of the run and of the model.
            params: of the run; kept as text.
            metrics: of the run.
        """
        with answering(self.address):
            run = self._client.create_run(experiment, tags=dict(tags or {}))
            run_id = str(run.info.run_id)
            self._describe(run_id, params or {}, metrics or {})
            model = self._client.create_logged_model(experiment, name=name, source_run_id=run_id, tags=dict(tags or {}))
            self._client.log_model_artifacts(model.model_id, str(directory))
            self._client.finalize_logged_model(model.model_id, "READY")
            self._client.set_terminated(run_id, "FINISHED")
        return LoggedModel(model_id=model.model_id, uri=f"models:/{model.model_id}", run_id=run_id)

    def _describe(self, run_id: str, params: Mapping[str, object], metrics: Mapping[str, float]) -> None:
        if not params and not metrics:
            return
        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
            params=[Param(key, str(value)) for key, value in params.items()],
        )

    def tag_run(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run: hints for people who look at MLflow, never evidence."""
        with answering(self.address):
            self._client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def count_runs(self, experiment: str, tags: Mapping[str, str], other_than: str | None = None) -> int:
        """Count the runs of an experiment that have all these tags, 1,000 at most, leaving one out.

        Args:
            experiment: its id.
            tags: names and values without quotes in them.
            other_than: id of a run that does not count.
        """
        filters = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        with answering(self.address):
            found = self._client.search_runs([experiment], filter_string=filters, max_results=1000)
        return sum(run.info.run_id != other_than for run in found)

    def log_files(self, run_id: str, paths: Sequence[Path], folder: str) -> None:
        """Upload files as artifacts of a run, below `folder`; a directory keeps its name and what is in it."""
        with answering(self.address):
            for path in paths:
                if path.is_dir():
                    self._client.log_artifacts(run_id, str(path), f"{folder}/{path.name}")
                else:
                    self._client.log_artifact(run_id, str(path), folder)

    def download(self, model_uri: str, into: Path) -> Path:
        """Download a model's files into a directory, and return where they are.

        Args:
            model_uri: ``models:/m-…``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS`` or ``runs:/RUN_ID/PATH``, with
                ``/FILE`` for one file of it.
            into: made when it is not there.

        Raises:
            BadInput: another kind of address; a path or a web address is never followed.
            Refused: it is not there.
        """
        into.mkdir(parents=True, exist_ok=True)
        with answering(self.address):
            return Path(
                self._fetch(
                    artifact_uri=self._location(model_uri),
                    dst_path=str(into),
                    tracking_uri=self.address,
                    registry_uri=self.address,
                )
            )

    def _location(self, model_uri: str) -> str:
        """Return where a model's files are.

        MLflow would look ``models:/`` addresses up at its *default* address, whatever `download_artifacts` is told
        (`store/artifact/models_artifact_repo.py`, `_get_model_uri_infos`).
        """
        inside = ".." not in model_uri.split("/")  # MLflow follows them in a LoggedModel's directory
        if inside and RUN.match(model_uri):
            return model_uri
        if inside and (found := LOGGED_MODEL.match(model_uri)):
            return f"{self._client.get_logged_model(found['id']).artifact_location}{found['file'] or ''}"
        if inside and (found := VERSION.match(model_uri)):
            name, number = found["name"], found["number"]
            if number is None:
                number = str(self._client.get_model_version_by_alias(name, found["alias"]).version)
            return f"{self._client.get_model_version_download_uri(name, number)}{found['file'] or ''}"
        message = f"{model_uri!r} is no model address"
        raise BadInput(message, "use models:/NAME/VERSION, models:/NAME@ALIAS, models:/m-…, or runs:/RUN_ID/PATH")

    def model_info(self, model_uri: str) -> mlmodel.Info:
        """Return what a model's ``MLmodel`` file says, without downloading the rest."""
        with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
            return mlmodel.read(self.download(f"{model_uri.rstrip('/')}/MLmodel", Path(scratch)))

    def create_version(self, name: str, model_id: str, run_id: str | None = None, *, op: str | None = None) -> str:
        """Register uploaded bytes as the next version of a model, which is made when it is not there.

        A lost reply leaves open whether the version was made. So the request is sent once, and with `op` the version is
        looked for before it is asked for again. (A server that finishes after we looked can still skip a number.)

        Args:
            name: the registered model.
            model_id: ``m-…``.
            run_id: the run that uploaded the bytes.
            op: identity of the operation: it makes one version of these bytes. What an earlier run made, the caller
                looks for (`made`).
        """
        for wait in (*WAITS, None):
            with answering(self.address), self._as_default():
                try:
                    return self._new_version(name, model_id, run_id, op)
                except MlflowException as error:
                    if op is None or wait is None or code(error) not in NOT_NOW:
                        raise
            self._pause(wait)
            if made := [version for version in self.made(name, op) if version.model_id == model_id]:
                return made[0].number
        raise AssertionError  # the last turn returns or raises

    def made(self, name: str, op: str) -> tuple[Version, ...]:
        """Return the versions that an operation made of a registered model, the first first."""
        with answering(self.address):
            found = self._client.search_model_versions(f"name = '{name}' and tags.`{OP}` = '{op}'", max_results=100)
        return tuple(sorted(map(_version, found), key=lambda version: int(version.number)))

    def experiment_of(self, model_id: str) -> str | None:
        """Return the id of the experiment that holds uploaded bytes; None when they are gone."""
        with answering(self.address):
            try:
                return str(self._client.get_logged_model(model_id).experiment_id)
            except MlflowException as error:
                if code(error) != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def _new_version(self, name: str, model_id: str, run_id: str | None, op: str | None) -> str:
        def create() -> str:
            with sent_once():
                made = self._client.create_model_version(
                    name,
                    source=f"models:/{model_id}",
                    run_id=run_id,
                    model_id=model_id,
                    tags={OP: op} if op else None,
                    await_creation_for=0,
                )
            return str(made.version)

        try:
            return create()
        except MlflowException as error:
            if code(error) != "RESOURCE_DOES_NOT_EXIST":
                raise
        self._create_model(name)
        return create()

    def _create_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if code(error) != "RESOURCE_ALREADY_EXISTS":
                raise

    def version(self, name: str, number: str) -> Version | None:
        """Return one version of a registered model; None when it, or the model, is gone."""
        with answering(self.address):
            try:
                return _version(self._client.get_model_version(name, number))
            except MlflowException as error:
                if code(error) != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None

    def registered(self, name: str, alias: str) -> Registered:
        """Return whether a registered model exists and where its alias points, in one call.

        A missing alias is INVALID_PARAMETER_VALUE, a missing model RESOURCE_DOES_NOT_EXIST (3.17.2 and 3.18.0).
        """
        with answering(self.address):
            try:
                found = self._client.get_model_version_by_alias(name, alias)
            except MlflowException as error:
                if code(error) not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                    raise
                return Registered(exists=code(error) == "INVALID_PARAMETER_VALUE", version=None)
        return Registered(exists=True, version=_version(found))

    def alias(self, name: str, alias: str) -> Version | None:
        """Return the version that an alias points to; None when there is no such alias or model."""
        return self.registered(name, alias).version

    def set_alias(self, name: str, alias: str, number: str) -> None:
        """Point an alias to a version. Last write wins in MLflow, so the caller reads back.

        Raises:
            Refused: there is no such version.
        """
        with answering(self.address):
            try:
                self._client.set_registered_model_alias(name, alias, number)
            except MlflowException as error:
                # Two writers that both create the alias: one of them gets this, and the alias is set.
                if "IntegrityError" not in str(error):
                    raise

    def ledger(self, name: str) -> LedgerRun | None:
        """Return the runs that hold the ledger of a production model; None when there are none yet."""
        with answering(self.address):
            return LedgerRun.find(self._client, self.address, f"ledger--{name}", self._fetch, self._segment)

    def create_ledger(self, name: str, experiment: str) -> LedgerRun:
        """Return the runs that hold the ledger, made in the experiment when there are none; racing jobs agree."""
        with answering(self.address):
            name = f"ledger--{name}"
            return LedgerRun.create(self._client, self.address, name, experiment, self._fetch, self._segment)

    def _artifacts(self) -> str | None:
        """Return where an embedded registry keeps its files; a server decides for itself."""
        if not self.address.startswith("sqlite"):
            return None
        return str(self._project / "mlartifacts")

    @contextmanager
    def _as_default(self) -> Iterator[None]:
        """Make this address MLflow's default for a moment.

        The embedded store looks a ``models:/m-…`` source up at the *default* tracking address, whatever the client was
        opened with (`store/model_registry/sqlalchemy_store.py`, `create_model_version`).
        """
        if addresses.is_remote(self.address):
            yield
            return
        is_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]  # MLflow leaves it unannotated
        before = mlflow.get_tracking_uri() if is_set else None
        mlflow.set_tracking_uri(self.address)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None unsets it, its annotation forgets that


def _version(found: Any) -> Version:  # noqa: ANN401 -- mlflow.entities.model_registry.ModelVersion
    source = LOGGED_MODEL.match(found.source or "")
    return Version(number=str(found.version), model_id=source["id"] if source else None, run_id=found.run_id or None)
