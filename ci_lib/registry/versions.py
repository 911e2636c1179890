"""Versions and aliases of registered models, in calls none of which grows with the number of versions.

`get_registered_model` reads every version of a model and is never called here; `search_model_versions` is asked for the
versions of one operation, which the database filters (2 ms at 10 versions, 3 ms at 5,000).
`set_registered_model_alias` grows inside MLflow itself (19 ms at 10 versions, 400 ms at 10,000 over HTTP).
"""

from dataclasses import dataclass
from typing import Any

from ci_lib.registry.api import MlflowException, sent_once
from ci_lib.registry.connection import Connection
from ci_lib.registry.models import LOGGED_MODEL
from ci_lib.registry.trouble import NOT_NOW, answering, code

OP = "ml-release.op"
"""Tag of what an operation made: the operation's identity, so that a run after a lost reply or a crash finds it."""

WAITS = (1, 2, 4)
"""Seconds before a version is asked for again: what MLflow's own client waits."""


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


class Versions(Connection):
    """What is asked of registered models."""

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


def _version(found: Any) -> Version:  # noqa: ANN401 -- mlflow.entities.model_registry.ModelVersion
    source = LOGGED_MODEL.match(found.source or "")
    return Version(number=str(found.version), model_id=source["id"] if source else None, run_id=found.run_id or None)
