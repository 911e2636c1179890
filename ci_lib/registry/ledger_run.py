"""The MLflow run that holds a ledger: write-once parameters as entries, artifacts as their attachments.

`log_param` is MLflow's compare-and-swap: of many writers of one key exactly one wins, the same value again is accepted,
another value is refused, and no call deletes or overwrites a parameter (tried on 3.17.2 and 3.18.0, SQLite and server).

All jobs must agree on one run. A tag would be overwritten by the last of two racing jobs, so the run is the one that
version 1 of the registered model ``ledger--NAME`` names: version numbers are given out once.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_lib.errors import Refused
from ci_lib.registry.api import MlflowException
from ci_lib.registry.trouble import answering, code

FIRST = "1"


class LedgerRun:
    """Keeps write-once texts and files. Made by `Registry.ledger` and `Registry.create_ledger`."""

    def __init__(self, client: Any, address: str, run_id: str, fetch: Callable[..., str]) -> None:  # noqa: ANN401 -- MlflowClient
        self._client = client
        self._address = address
        self._fetch = fetch
        self.run_id = run_id

    @classmethod
    def find(cls, client: Any, address: str, name: str, fetch: Callable[..., str]) -> "LedgerRun | None":  # noqa: ANN401 -- MlflowClient
        """Return the run that version 1 of `name` names, or None."""
        try:
            found = client.get_model_version(name, FIRST)
        except MlflowException as error:
            if code(error) != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        if not found.run_id:
            message = f"version {FIRST} of {name!r} at {address} names no run: ml-release did not make it"
            raise Refused(message, f"rename the registered model {name!r} in MLflow")
        return cls(client, address, found.run_id, fetch)

    @classmethod
    def create(cls, client: Any, address: str, name: str, experiment: str, fetch: Callable[..., str]) -> "LedgerRun":  # noqa: ANN401 -- MlflowClient
        """Return the agreed run; propose one when there is none.

        Raises:
            Refused: version 1 was there and somebody deleted it.
        """
        if found := cls.find(client, address, name, fetch):
            return found
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if code(error) != "RESOURCE_ALREADY_EXISTS":
                raise
        run = client.create_run(experiment, run_name=name)
        client.set_terminated(run.info.run_id, "FINISHED")  # a finished run still takes parameters
        source = f"{run.info.artifact_uri}/ledger"
        client.create_model_version(name, source=source, run_id=run.info.run_id, await_creation_for=0)
        if found := cls.find(client, address, name, fetch):
            return found
        message = f"version {FIRST} of {name!r} at {address}, which names the ledger, was deleted"
        raise Refused(message, "restore the MLflow database from a backup: without its ledger nothing can be released")

    def read(self) -> Mapping[str, str]:
        """Return all texts by key.

        Raises:
            Refused: somebody deleted the run.
        """
        with answering(self._address):
            run = self._client.get_run(self.run_id)
        if run.info.lifecycle_stage != "active":
            message = f"somebody deleted the ledger, MLflow run {self.run_id} at {self._address}"
            raise Refused(message, f"mlflow runs restore --run-id {self.run_id}")
        return dict(run.data.params)

    def put_once(self, key: str, value: str) -> bool:
        """Write a text unless the key already holds another one; tell whether the key now holds this one."""
        with answering(self._address):
            try:
                self._client.log_param(self.run_id, key, value)
            except MlflowException as error:
                if code(error) != "INVALID_PARAMETER_VALUE":
                    raise
                if key not in self.read():  # refused for some other reason
                    raise
                return False
        return True

    def attach(self, paths: Sequence[Path], folder: str) -> None:
        """Upload files below `folder`."""
        with answering(self._address):
            for path in paths:
                self._client.log_artifact(self.run_id, str(path), folder)

    def attached(self, folder: str, into: Path) -> Path | None:
        """Download a folder of files; None when it is not there.

        Not through ``runs:/…``, which MLflow answers with "does not exist" when the network fails, too
        (`store/artifact/runs_artifact_repo.py`).
        """
        into.mkdir(parents=True, exist_ok=True)
        with answering(self._address):
            if not self._client.list_artifacts(self.run_id, folder):
                return None
            root = self._client.get_run(self.run_id).info.artifact_uri
            found = self._fetch(artifact_uri=f"{root}/{folder}", dst_path=str(into), tracking_uri=self._address)
        return Path(found)
