"""Models as files: uploaded with a run of their own, found by their address, downloaded."""

import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci_lib import mlmodel
from ci_lib.errors import BadInput
from ci_lib.registry.api import Metric, MlflowException, Param
from ci_lib.registry.connection import Connection
from ci_lib.registry.trouble import answering, code

LOGGED_MODEL = re.compile(r"^models:/(?P<id>m-[0-9a-f]{1,64})(?P<file>/[^\\]+)?$")
VERSION = re.compile(r"^models:/(?P<name>[^/@\\]+)(?:/(?P<number>[0-9]+)|@(?P<alias>[^/\\]+))(?P<file>/[^\\]+)?$")
RUN = re.compile(r"^runs:/[0-9a-f]{1,64}/[^\\]+$")


@dataclass(frozen=True, kw_only=True)
class LoggedModel:
    """Bytes that are now in MLflow."""

    model_id: str
    uri: str
    """``models:/m-…``."""
    run_id: str


class Models(Connection):
    """What is asked of models' files."""

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

    def experiment_of(self, model_id: str) -> str | None:
        """Return the id of the experiment that holds uploaded bytes; None when they are gone."""
        with answering(self.address):
            try:
                return str(self._client.get_logged_model(model_id).experiment_id)
            except MlflowException as error:
                if code(error) != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None
