"""What MLflow raises -> our errors, each with the next step.

MLflow's error codes (`mlflow/exceptions.py`, `mlflow/utils/rest_utils.py`, 3.17.2 and 3.18.0): connection refused, time
out, a reply that is no JSON and every 5xx arrive as INTERNAL_ERROR or TEMPORARILY_UNAVAILABLE; a database that stays
locked as TEMPORARILY_UNAVAILABLE.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from requests.exceptions import RequestException

from ci_lib.errors import BadInput, Refused, ReleaseError, Unavailable
from ci_lib.registry.api import MlflowException

LONGEST = 300
"""Characters of a foreign message that are repeated."""

CODE = re.compile(r"^[A-Z_]+: ")
"""MLflow puts its error code before a server's message."""

WRAPPING = ("The following failures occurred", "##### File")
"""What MLflow puts before the message of an upload or download that failed (`store/artifact/artifact_repo.py`)."""

FILES = re.compile(
    r"\[Errno \d+\] "
    r"(No space left on device|File too large|Disk quota exceeded|Read-only file system|Permission denied)"
)
"""What the operating system said, where MLflow passes it on inside an error of its own."""

DATABASE: tuple[tuple[str, type[ReleaseError], str, str], ...] = (
    (
        "database is locked",
        Unavailable,
        "is locked: another process has been writing for too long",
        "run the command again when the other job is done (fuser on the file names it)",
    ),
    (
        "unable to open database file",
        BadInput,
        "cannot be opened",
        "check that its directory is there and can be written",
    ),
    (
        "database or disk is full|disk I/O error|attempt to write a readonly database",
        BadInput,
        "cannot be written: {}",
        "df -h and ls -l on the file; make room, then run the command again",
    ),
    (
        "file is not a database|database disk image is malformed",
        BadInput,
        "is damaged: {}",
        "restore it from a backup, or name another one in release.yml, registry:",
    ),
)
"""SQLite's words for what happened (sqlite.org/rescode.html) -> our error, its words, its hint."""

DENIED = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"})
NOT_NOW = frozenset(
    {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "IO_ERROR"}
)
NETWORK = {
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted; SSL_CERT_FILE=PATH names the authority's PEM file",
    "not in a valid JSON format": "a login page or proxy answered in its place",
    "error code 30": "it sends us to another address, or a login page",
    "Connection refused": "connection refused",
    "timed out": "no reply in time",
    "timeout exception": "no reply in time",
    "Failed to resolve": "no such host",
    "Name or service not known": "no such host",
}
"""What the network's long messages come down to (urllib3, requests)."""

CREDENTIALS = (
    "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, and what they may do"
)


@contextmanager
def answering(address: str) -> Iterator[None]:
    """Turn whatever MLflow raises inside into BadInput, Refused or Unavailable.

    Args:
        address: where we asked, for the message.
    """
    try:
        yield
    except MlflowException as error:
        raise translate(error, address) from error
    except _foreign_errors() as error:
        raise by_text(str(error), address) from error
    except ImportError as error:
        message = f"the registry at {address} needs a Python package that is not installed: {error}"
        # SQLAlchemy 2.1 asks for psycopg where 2.0 asked for psycopg2: the message names which one.
        raise BadInput(
            message, "pip install 'psycopg[binary]' or psycopg2-binary (PostgreSQL), pymysql (MySQL)"
        ) from error
    except OSError as error:
        raise _files(address, error.strerror or str(error)) from error


def _foreign_errors() -> tuple[type[Exception], ...]:
    """Return what MLflow lets through unwrapped; SQLAlchemy's only if something has imported SQLAlchemy."""
    loaded = sys.modules.get("sqlalchemy.exc")
    return (RequestException, loaded.SQLAlchemyError) if loaded else (RequestException,)


def code(error: MlflowException) -> str:
    """Return MLflow's name of the error, e.g. ``RESOURCE_DOES_NOT_EXIST``."""
    return str(error.error_code)


def translate(error: MlflowException, address: str) -> ReleaseError:
    """Return our error for one of MLflow's."""
    text = _gist(str(error))
    if code(error) in DENIED:
        return _denied(address, text)
    if "out-of-date database schema" in text:
        message = f"the database at {address} was made by another MLflow version: {text}"
        return BadInput(message, f"back the database up, then: mlflow db upgrade {address}")
    if code(error) == "RESOURCE_DOES_NOT_EXIST":
        return _missing(address, text)
    if code(error) in NOT_NOW:
        return by_text(str(error), address)
    return BadInput(f"the registry at {address} does not accept it: {text}", "check names and addresses in release.yml")


def by_text(text: str, address: str) -> ReleaseError:
    """Return our error where only the message tells what happened."""
    gist = _gist(text)
    if "401 Client Error" in text or "403 Client Error" in text:
        return _denied(address, gist)
    if "404 Client Error" in text:
        return _missing(address, gist)
    if found := FILES.search(text):
        return _files(address, found[1])
    for pattern, kind, words, hint in DATABASE:
        if found := re.search(pattern, text):
            return kind(f"the database at {address} {words.format(found[0])}", hint)
    known = next((words for pattern, words in NETWORK.items() if pattern in text), gist)
    message = f"the registry at {address} did not answer: {known}"
    return Unavailable(message, "check the address and that MLflow runs there, then run the command again")


def _files(address: str, words: str) -> ReleaseError:
    message = f"files of the registry at {address} cannot be read or written: {words}"
    return BadInput(message, "check free space (df -h) and permissions, then run the command again")


def _denied(address: str, text: str) -> ReleaseError:
    return BadInput(f"the registry at {address} does not let us: {text}", CREDENTIALS)


def _missing(address: str, text: str) -> ReleaseError:
    return Refused(
        f"the registry at {address} does not have it: {text}",
        "look for it in MLflow; ml-release audit checks what was released",
    )


def _gist(text: str) -> str:
    """Return the first line that tells something, not too long."""
    lines = [line.strip() for line in CODE.sub("", text).splitlines() if line.strip() and not line.startswith(WRAPPING)]
    line = lines[0] if lines else "no message"
    return line if len(line) <= LONGEST else line[:LONGEST] + "…"
