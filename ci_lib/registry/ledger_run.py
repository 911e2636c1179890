"""The MLflow runs that hold a ledger: write-once parameters as entries, artifacts as their attachments.

`log_param` is MLflow's compare-and-swap: of many writers of one key exactly one wins, the same value again is accepted,
another value is refused, and no call deletes or overwrites a parameter (tried on 3.17.2 and 3.18.0, SQLite and server).
It takes the same time however many parameters a run has (2 ms at 20 and at 15,000), while reading a run reads them
all (6 ms and 450 ms): so the ledger is a row of runs, and what must be unique over all of them is written, never looked
for.

All jobs must agree on these runs. A tag would be overwritten by the last of two racing jobs, so the *index* is the run
that version 1 of the registered model ``ledger--NAME`` names (version numbers are given out once), and segment k of the
ledger is the run that the index' write-once parameter ``segment-00000k`` names. (Not version k: a version that somebody
deletes leaves no trace, and the newest releases would be gone as if they had never been.) The index holds nothing else
and stays small; it is read once, and again when the newest segment known is full.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ci_lib.errors import Refused
from ci_lib.registry.api import MlflowException, Param
from ci_lib.registry.trouble import answering, code
from ci_lib.signing import INTRUDER

FIRST = "1"
RUN_ID = re.compile(r"^[0-9a-f]{32}$")
BACKUP = "restore the MLflow database from a backup: without its ledger nothing can be released"


class LedgerRun:
    """Keeps write-once texts and files in a row of runs. Made by `Registry.ledger` and `Registry.create_ledger`."""

    def __init__(self, client: Any, address: str, run_id: str, fetch: Callable[..., str], size: int) -> None:  # noqa: ANN401 -- MlflowClient
        self._client = client
        self._address = address
        self._fetch = fetch
        self._segments: list[str] = []
        self._kept: set[tuple[int, str, str]] = set()
        self.run_id = run_id
        """The index."""
        self.size = size
        """Entries in a segment."""

    @classmethod
    def find(cls, client: Any, address: str, name: str, fetch: Callable[..., str], size: int) -> "LedgerRun | None":  # noqa: ANN401 -- MlflowClient
        """Return the runs whose index version 1 of `name` names, or None."""
        try:
            found = client.get_model_version(name, FIRST)
        except MlflowException as error:
            if code(error) != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        if not found.run_id:
            message = f"version {FIRST} of {name!r} at {address} names no run: ml-release did not make it"
            raise Refused(message, f"rename the registered model {name!r} in MLflow")
        return cls(client, address, found.run_id, fetch, size)

    @classmethod
    def create(
        cls,
        client: Any,  # noqa: ANN401 -- MlflowClient
        address: str,
        name: str,
        experiment: str,
        fetch: Callable[..., str],
        size: int,
    ) -> "LedgerRun":
        """Return the runs with the agreed index; propose one when there is none.

        Raises:
            Refused: version 1 was there and somebody deleted it.
        """
        if found := cls.find(client, address, name, fetch, size):
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
        if found := cls.find(client, address, name, fetch, size):
            return found
        message = f"version {FIRST} of {name!r} at {address}, which names the ledger, was deleted"
        raise Refused(message, BACKUP)

    def newest(self) -> tuple[int, Mapping[str, str]]:
        """Return the number of the newest segment, and its texts by key.

        Raises:
            Refused: somebody deleted a run, or wrote something else than runs into the index.
        """
        self._refresh(known=1)
        number = max(len(self._segments), 1)
        texts = self.read(number)
        while f"op-{number * self.size:06d}" in texts and self._refresh(known=number + 1):
            number = len(self._segments)
            texts = self.read(number)
        return number, texts

    def read(self, segment: int = 1) -> Mapping[str, str]:
        """Return all texts of a segment by key.

        Raises:
            Refused: somebody deleted its run.
        """
        return self._params(self._segments[segment - 1]) if self._refresh(known=segment) else {}

    def put_once(self, key: str, value: str, segment: int = 1) -> bool:
        """Write a text unless the key already holds another one; tell whether the key now holds this one."""
        if (segment, key, value) not in self._kept:  # what holds once holds for ever
            if not self._log(self._run(segment), key, value):
                return False
            self._kept.add((segment, key, value))
        return True

    def add(self, segment: int, texts: Mapping[str, str]) -> None:
        """Open a segment after the newest, unless somebody did. Its texts are there before anybody can find it."""
        if self._refresh(known=segment):
            return
        with answering(self._address):
            experiment = self._client.get_run(self.run_id).info.experiment_id
            made = self._client.create_run(experiment, run_name=f"ledger, segment {segment}").info.run_id
            self._client.set_terminated(made, "FINISHED")  # a finished run still takes parameters
            if texts:
                self._client.log_batch(made, params=[Param(key, text) for key, text in texts.items()])
        if self._log(self.run_id, _segment(segment), made):
            self._segments.append(made)
        else:
            self._refresh(known=segment)

    def attach(self, paths: Sequence[Path], folder: str, segment: int = 1) -> None:
        """Upload files below `folder`."""
        run_id = self._run(segment)
        with answering(self._address):
            for path in paths:
                self._client.log_artifact(run_id, str(path), folder)

    def sizes(self, folder: str, segment: int = 1) -> Mapping[str, int | None]:
        """Return path below `folder` -> bytes of each file that is there; None where the store does not tell."""
        run_id, found, folders = self._run(segment), dict[str, int | None](), [folder]
        with answering(self._address):
            while folders:
                for each in self._client.list_artifacts(run_id, folders.pop()):
                    if each.is_dir:
                        folders.append(each.path)
                    else:
                        found[each.path.removeprefix(f"{folder}/")] = each.file_size
        return found

    def attached(self, folder: str, into: Path, segment: int = 1) -> Path | None:
        """Download a folder of files; None when it is not there.

        Not through ``runs:/…``, which MLflow answers with "does not exist" when the network fails, too
        (`store/artifact/runs_artifact_repo.py`).
        """
        into.mkdir(parents=True, exist_ok=True)
        if not self._refresh(known=segment):
            return None
        run_id = self._segments[segment - 1]
        with answering(self._address):
            if not self._client.list_artifacts(run_id, folder):
                return None
            root = self._client.get_run(run_id).info.artifact_uri
            found = self._fetch(artifact_uri=f"{root}/{folder}", dst_path=str(into), tracking_uri=self._address)
        return Path(found)

    def _run(self, segment: int) -> str:
        """Return the run of a segment; the first is opened when it is not there."""
        if not self._refresh(known=segment):
            self.add(segment, {})
        return self._segments[segment - 1]

    def _refresh(self, *, known: int) -> bool:
        """Read the index, unless so many segments are known already; tell whether they are now."""
        if len(self._segments) < known:
            named = self._params(self.run_id)
            while run_id := named.get(_segment(len(self._segments) + 1)):
                if not RUN_ID.match(run_id) or run_id in {self.run_id, *self._segments}:
                    message = f"the ledger does not hold: its index names {run_id[:40]!r} as a segment"
                    raise Refused(message, INTRUDER)
                self._segments.append(run_id)
        return len(self._segments) >= known

    def _log(self, run_id: str, key: str, value: str) -> bool:
        with answering(self._address):
            try:
                self._client.log_param(run_id, key, value)
            except MlflowException as error:
                if code(error) != "INVALID_PARAMETER_VALUE":
                    raise
                if key not in self._params(run_id):  # refused for some other reason
                    raise
                return False
        return True

    def _params(self, run_id: str) -> Mapping[str, str]:
        with answering(self._address):
            run = self._client.get_run(run_id)
        if run.info.lifecycle_stage != "active":
            message = f"somebody deleted the ledger, MLflow run {run_id} at {self._address}"
            raise Refused(message, f"mlflow runs restore --run-id {run_id}")
        return dict(run.data.params)


def _segment(number: int) -> str:
    return f"segment-{number:06d}"
