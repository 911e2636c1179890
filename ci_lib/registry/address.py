"""An MLflow address: checked before MLflow sees it, and the same from every working directory."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ci_lib.errors import BadInput

DATABASES = ("postgresql", "mysql", "mssql")
SQLITE_MAGIC = b"SQLite format 3\x00"
SECRETS = frozenset({"password", "passwd", "pwd", "token", "access_token", "api_key", "apikey", "secret"})
KNOWN = "use http://…, https://…, sqlite:///mlflow.db, or a postgresql:// or mysql:// address"


def resolve(uri: str, project: Path) -> str:
    """Return the address with a relative SQLite path made absolute, starting at the project directory.

    Raises:
        BadInput: it holds a user name or password (MLflow repeats its address in error messages and logs), it is of
            no kind that we know, or the SQLite file is no SQLite database.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        message = "the MLflow address cannot be read as a URL"
        raise BadInput(message, KNOWN) from error
    _refuse_credentials(uri, parts.scheme, parts.query)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return uri.rstrip("/")
    if parts.scheme == "sqlite":
        return _sqlite(uri, project)
    if parts.scheme.partition("+")[0] in DATABASES:
        return uri
    message = f"{uri!r} is no MLflow address that ml-release knows"
    raise BadInput(message, KNOWN)


def is_remote(address: str) -> bool:
    """Tell whether an MLflow server answers at the address, rather than this process opening a database."""
    return address.startswith(("http://", "https://"))


def _refuse_credentials(uri: str, scheme: str, query: str) -> None:
    """Refuse an @ wherever it stands, but in a file's path: a password with ``/``, ``?`` or ``#`` moves it."""
    names = {name.lower() for name, _ in parse_qsl(query)}
    if (scheme != "sqlite" and "@" in uri) or names & SECRETS:
        message = "the MLflow address holds a user name, password or token, which MLflow would print in its errors"
        hint = (
            "take it out of the address and set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN (for PostgreSQL: PGUSER and PGPASSFILE)"
        )
        raise BadInput(message, hint)


def _sqlite(uri: str, project: Path) -> str:
    name, question, query = uri.removeprefix("sqlite://").partition("?")
    if not name.startswith("/") or not name.strip("/"):
        message = f"{uri!r} names no database file"
        raise BadInput(message, "write sqlite:///mlflow.db (three slashes, then a path from the project directory)")
    path = Path(name[1:]) if name.startswith("//") else project / name[1:]
    path = path.absolute()
    _refuse_other_files(path)
    return f"sqlite:///{path}{question}{query}"


def _refuse_other_files(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"{path} cannot be opened: {error.strerror}"
        raise BadInput(message, f"ls -ld {path}") from error
    if head and head != SQLITE_MAGIC:
        message = f"{path} is not an SQLite database"
        raise BadInput(message, "name another file in release.yml, registry:")
