"""The only place that imports MLflow. MLflow reads its settings while it is imported, so they are set here first."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

FORCED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    # Otherwise a ledger entry that is too long would be cut without a word.
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
DEFAULTS = {
    # MLflow's own defaults are 7 retries with 120 s each: a job would hang for 16 minutes before it said anything.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    # Credentials would follow a redirect.
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
}
DATABASE_ATTEMPTS = 3
"""MLflow tries 10 times to open a database, waiting twice as long each time: 100 s in all."""

os.environ.update(FORCED)
for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)

# ruff: noqa: E402 -- imported after the settings above, on purpose
import mlflow
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.WARNING)
# It logs whole tracebacks at level ERROR, of errors that it also raises.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

__all__ = [
    "Metric",
    "MlflowClient",
    "MlflowException",
    "Param",
    "RunTag",
    "download_artifacts",
    "has_database_client",
    "mlflow",
    "open_client",
    "sent_once",
]


def has_database_client() -> bool:
    """Tell whether MLflow can open a database itself; mlflow-skinny speaks to servers only."""
    return find_spec("sqlalchemy") is not None


def open_client(address: str) -> MlflowClient:
    """Return a client of one address; a database is opened, and made when it is not there, right away."""
    if not address.startswith("http"):
        vars(import_module("mlflow.store.db.utils"))["MAX_RETRY_COUNT"] = DATABASE_ATTEMPTS
    return MlflowClient(tracking_uri=address, registry_uri=address)


@contextmanager
def sent_once() -> Iterator[None]:
    """Let MLflow's client send each request inside once.

    The client of 3.17.2 repeats every POST after a reset, a time out or a 5xx, `create_model_version` too, and a server
    that had done it does it again. MLflow reads this setting at each request.
    """
    name = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    before = os.environ.get(name, DEFAULTS[name])
    os.environ[name] = "0"
    try:
        yield
    finally:
        os.environ[name] = before
