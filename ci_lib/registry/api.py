"""The only place that imports MLflow. MLflow reads its settings while it is imported, so they are set here first.

They say what `ci_lib.http` says of the other services: 4 tries, 30 s without a byte, no redirects, certificates always
checked. Three things MLflow cannot: a deadline over all calls, a connection timeout of its own, and telling requests
that may be repeated from those that may not (3.17; what callers do about it is in `client`).
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

FORCED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    # Otherwise a ledger entry that is too long would be cut without a word.
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Credentials would follow a redirect.
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
}
DEFAULTS = {
    # MLflow's own defaults are 7 retries with 120 s each: a job would hang for 16 minutes before it said anything.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    # urllib3 would wait as long as a server says, up to 6 hours each time, without a word.
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
}
DATABASE_ATTEMPTS = 3
"""MLflow tries 10 times to open a database, waiting twice as long each time: 100 s in all."""

os.environ.update(FORCED)
for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)
# requests, by which MLflow sends, does not know OpenSSL's variable.
if os.environ.get("SSL_CERT_FILE") and not os.environ.get("CURL_CA_BUNDLE"):
    os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])

# ruff: noqa: E402 -- imported after the settings above, on purpose
import mlflow
import requests
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from ci_lib.errors import BadInput

logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.WARNING)
# It logs whole tracebacks at level ERROR, of errors that it also raises.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

CONNECT, READ = 5, 30
"""Seconds."""

__all__ = [
    "Metric",
    "MlflowClient",
    "MlflowException",
    "Param",
    "RunTag",
    "asked",
    "download_artifacts",
    "mlflow",
    "open_client",
    "sent_once",
]

LOG = logging.getLogger(__name__)


class _Waiting(logging.Handler):
    """Says so each time a try has waited in vain; otherwise a server that never answers keeps us silent for minutes.

    MLflow repeats through urllib3, which logs it to nobody, with what happened as an argument of the record.
    """

    def emit(self, record: logging.LogRecord) -> None:
        found = record.args if isinstance(record.args, tuple) else ()
        for error in found:
            if isinstance(error, ReadTimeoutError) and error.pool is not None:
                LOG.warning(
                    "   MLflow at %s:%s has not answered in time; trying again ...", error.pool.host, error.pool.port
                )
            elif isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
                LOG.warning("   MLflow cannot be connected to in time; trying again ...")


logging.getLogger("urllib3.connectionpool").addHandler(_Waiting(logging.WARNING))


def open_client(address: str) -> MlflowClient:
    """Return a client of one address; a database is opened, and made when it is not there, right away.

    Raises:
        BadInput: ``MLFLOW_TRACKING_INSECURE_TLS`` is set.
    """
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        message = "MLFLOW_TRACKING_INSECURE_TLS would let anybody answer in MLflow's place"
        raise BadInput(message, "unset it, and SSL_CERT_FILE=PATH of the certificate authority's PEM file")
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


def asked(address: str, path: str, *, login: bool) -> requests.Response | None:
    """Send one GET below an address, with the credentials of MLflow's environment variables, or with none at all.

    Returns:
        None: the connection needs a client certificate, which nobody in particular does not have.

    Raises:
        MlflowException, requests.RequestException: nobody answers.
    """
    credentials = get_default_host_creds(address)  # type: ignore[no-untyped-call] # MLflow leaves it unannotated
    if login:
        return http_request(credentials, path, "GET", raise_on_status=False)  # type: ignore[no-untyped-call,no-any-return] # likewise
    try:
        # An `auth` that adds nothing keeps requests from looking into ~/.netrc; a redirect may lead to a login page.
        return requests.get(
            f"{address}{path}",
            auth=lambda request: request,
            allow_redirects=False,
            verify=credentials.verify,
            timeout=(CONNECT, READ),
        )
    except requests.exceptions.SSLError:
        return None  # so may an unknown authority; the next request, which is ours, says that
