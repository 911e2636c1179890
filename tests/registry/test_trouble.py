"""What MLflow raises, and what we make of it."""

import errno
import sqlite3

import pytest
import requests
import sqlalchemy.exc
from mlflow.exceptions import MlflowException, RestException

from ci_lib.errors import BadInput, Refused, ReleaseError, Unavailable
from ci_lib.registry.trouble import answering, by_text, translate

HERE = "http://mlflow:5000"


@pytest.mark.parametrize(
    ("code", "text", "kind", "words"),
    [
        (
            "INTERNAL_ERROR",
            "Max retries (Caused by X: Connection refused)",
            Unavailable,
            "did not answer: connection r",
        ),
        ("INTERNAL_ERROR", "failed with timeout exception", Unavailable, "did not answer: no reply in time"),
        ("INTERNAL_ERROR", "NameResolutionError: Failed to resolve 'x'", Unavailable, "did not answer: no such host"),
        ("TEMPORARILY_UNAVAILABLE", "(sqlite3.E) unable to open database file", BadInput, "cannot be opened"),
        ("TEMPORARILY_UNAVAILABLE", "(sqlite3.OperationalError) database is locked", Unavailable, "is locked"),
        ("TEMPORARILY_UNAVAILABLE", "API request failed with error code 503", Unavailable, "did not answer"),
        ("REQUEST_LIMIT_EXCEEDED", "slow down", Unavailable, "did not answer"),
        ("INTERNAL_ERROR", "failures: 403 Client Error: FORBIDDEN for url", BadInput, "does not let us"),
        (
            "INTERNAL_ERROR",
            "The following failures occurred x:\n##### File a #####\nDisk on fire",
            Unavailable,
            "er: Disk",
        ),
        (
            "INTERNAL_ERROR",
            "The following failures occurred x:\n404 Client Error: NOT FOUND",
            Refused,
            "not have it: 404",
        ),
        ("PERMISSION_DENIED", "Permission denied", BadInput, "does not let us"),
        ("UNAUTHENTICATED", "You are not authenticated", BadInput, "does not let us"),
        ("RESOURCE_DOES_NOT_EXIST", "Model Version not found", Refused, "does not have it"),
        ("INVALID_PARAMETER_VALUE", "Registered model name cannot be empty", BadInput, "does not accept it"),
        (
            "INTERNAL_ERROR",
            "Detected out-of-date database schema (found a, but expected b)",
            BadInput,
            "another MLflow",
        ),
    ],
)
def test_each_answer_of_mlflow_becomes_one_kind_of_error(
    code: str, text: str, kind: type[ReleaseError], words: str
) -> None:
    made = translate(RestException({"error_code": code, "message": text}), HERE)
    assert type(made) is kind
    assert words in made.what
    assert HERE in made.what
    assert made.hint


def test_only_the_first_line_of_a_long_message_is_repeated() -> None:
    made = translate(MlflowException("x" * 1000 + "\nTraceback"), HERE)
    assert len(made.what) < 400
    assert "Traceback" not in made.what
    assert by_text("", HERE).what.endswith("no message")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (requests.ConnectionError("odd"), Unavailable, "did not answer: odd"),
        (requests.HTTPError("401 Client Error: UNAUTHORIZED"), BadInput, "does not let us"),
        (
            sqlalchemy.exc.OperationalError("q", {}, sqlite3.OperationalError("database is locked")),
            Unavailable,
            "locked",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), BadInput, "No space left on device"),
        (PermissionError(errno.EACCES, "Permission denied"), BadInput, "Permission denied"),
        (OSError("odd"), BadInput, "odd"),
        (ModuleNotFoundError("No module named 'psycopg2'"), BadInput, "not installed: No module named 'psycopg2'"),
    ],
)
def test_what_mlflow_lets_through_is_ours_too(error: Exception, kind: type[ReleaseError], words: str) -> None:
    with pytest.raises(kind, match=words), answering(HERE):
        raise error


def test_our_own_errors_pass_unchanged() -> None:
    mine = Refused("mine")
    with pytest.raises(Refused) as error, answering(HERE):
        raise mine
    assert error.value is mine
