"""An opened MLflow: its address, and the client that everything is asked through."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ci_lib.registry import address as addresses
from ci_lib.registry.api import download_artifacts, mlflow, open_client
from ci_lib.registry.capability import Ask, over_http
from ci_lib.registry.trouble import answering

SEGMENT = 1_000
"""Entries in one run of a ledger: 1.5 MB that a deploy reads at most. Never to be changed: numbers say where entries
are."""


class Connection:
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
