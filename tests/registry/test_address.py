"""Which MLflow addresses are taken, and what becomes of them."""

import sqlite3
from pathlib import Path

import pytest

from ci_lib.errors import BadInput
from ci_lib.registry.address import is_remote, resolve


@pytest.mark.parametrize(
    ("uri", "resolved"),
    [
        ("http://mlflow:5000/", "http://mlflow:5000"),
        ("https://mlflow.example.org/base", "https://mlflow.example.org/base"),
        ("sqlite:///mlflow.db", "sqlite:////project/mlflow.db"),
        ("sqlite:///data/mlflow.db?timeout=5", "sqlite:////project/data/mlflow.db?timeout=5"),
        ("sqlite:////var/mlflow.db", "sqlite:////var/mlflow.db"),
        ("postgresql+psycopg2://db/mlflow", "postgresql+psycopg2://db/mlflow"),
    ],
)
def test_an_address_means_the_same_from_every_directory(uri: str, resolved: str) -> None:
    assert resolve(uri, Path("/project")) == resolved


def test_a_relative_project_directory_is_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve("sqlite:///a.db", Path("here")) == f"sqlite:///{tmp_path}/here/a.db"


@pytest.mark.parametrize(
    "uri",
    [
        "http://user:s3cret@mlflow:5000",
        "https://s3cret@mlflow",
        "postgresql://me:s3cret@db/mlflow",
        "postgresql://db/mlflow?user=me&password=s3cret",
        "http://user:s3c/s3cret@mlflow",
        "http://user:s3c?s3cret@mlflow",
        "http://user:s3c#s3cret@mlflow",
        "user:s3cret@mlflow:5000",
        "http:user:s3cret@mlflow",
        "https://mlflow/?access_token=s3cret",
        "https://mlflow/?API_KEY=s3cret",
    ],
)
def test_credentials_are_refused_without_repeating_them(uri: str) -> None:
    with pytest.raises(BadInput, match="user name, password or token") as error:
        resolve(uri, Path("/project"))
    assert "s3cret" not in str(error.value)
    assert "MLFLOW_TRACKING_PASSWORD" in error.value.hint


@pytest.mark.parametrize("uri", ["", "mlruns", "file:///mlruns", "databricks", "ftp://x/y", "http://", "http://[x"])
def test_other_addresses_are_bad_input_that_says_what_to_use(uri: str) -> None:
    with pytest.raises(BadInput) as error:
        resolve(uri, Path("/project"))
    assert "sqlite:///mlflow.db" in error.value.hint


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:mlflow.db", "sqlite://mlflow.db"])
def test_an_sqlite_address_without_a_file_is_bad_input(uri: str) -> None:
    with pytest.raises(BadInput, match="names no database file"):
        resolve(uri, Path("/project"))


def test_a_file_that_is_no_database_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("hello, this is a text file")
    with pytest.raises(BadInput, match="is not an SQLite database"):
        resolve("sqlite:///mlflow.db", tmp_path)


def test_a_directory_in_place_of_the_database_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(BadInput, match="cannot be opened: Is a directory"):
        resolve("sqlite:///mlflow.db", tmp_path)


def test_an_empty_file_and_a_database_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    connection = sqlite3.connect(tmp_path / "real.db")
    connection.execute("create table a (b)")
    connection.close()
    for name in ("empty.db", "real.db"):
        assert resolve(f"sqlite:///{name}", tmp_path).endswith(name)


def test_only_web_addresses_are_remote() -> None:
    assert is_remote("https://x")
    assert not is_remote("sqlite:////x")
