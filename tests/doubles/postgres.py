"""A throw-away PostgreSQL, Debian's, on a free port of the loopback, stopped by whoever started it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from doubles.server import free_port

USER = "postgres"
"""Debian's package makes this account. PostgreSQL refuses to run as root."""


def programs() -> Path:
    """Return the directory of PostgreSQL's programs, the newest: Debian puts them on nobody's PATH.

    Raises:
        AssertionError: there is none. A test without its database has shown nothing, so it does not pass.
    """
    found = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found is None and not installed:
        message = "PostgreSQL is not installed; the crash tests run on it, too (scripts/setup postgresql)"
        raise AssertionError(message)
    return installed[-1].parent if installed else Path(str(found)).parent


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL with an empty database and give its address for SQLAlchemy."""
    binaries = programs()
    with tempfile.TemporaryDirectory(prefix="ml-release-postgres-", dir="/tmp") as directory:
        if os.geteuid() == 0:
            shutil.chown(directory, USER, USER)
        data, port = f"{directory}/data", free_port()
        _run(
            binaries / "initdb", "--pgdata", data, "--auth", "trust", "--username", USER, "--no-sync", "--encoding=UTF8"
        )
        # Nothing here outlives a power cut, and nobody but this machine gets in.
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c fsync=off -k {directory}"
        log = f"{directory}/log"
        _run(binaries / "pg_ctl", "start", "--pgdata", data, "--log", log, "--options", options, "--wait")
        try:
            yield f"postgresql+psycopg2://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run(binaries / "pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")


def _run(program: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; as root, under the account that Debian's package made."""
    before = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*before, str(program), *arguments],
        cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
