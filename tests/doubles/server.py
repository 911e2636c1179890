"""A real `mlflow server`, on a free port of the loopback, stopped by whoever started it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

READY = 60
"""Seconds it may take to start on a busy machine."""


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def mlflow_server(directory: Path, database: str | None = None) -> Iterator[str]:
    """Run a server with one worker whose files are all below `directory`, and give its address.

    With more than one worker each call stalls for 40 ms, and job runners would start 14 processes more.

    Args:
        directory: where its files are.
        database: its address for SQLAlchemy; None: an SQLite file in the directory.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", database or f"sqlite:///{directory}/mlflow.db",
        "--artifacts-destination", f"{directory}/files",
    ]  # fmt: skip
    env = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env.pop("MLFLOW_TRACKING_URI", None)
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait(address, process)
            yield address
        finally:
            _stop(process)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(READY * 5):
        if process.poll() is not None:
            break
        try:
            if requests.get(f"{address}/health", timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    message = f"mlflow server at {address} did not start; see server.log"
    raise RuntimeError(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its worker, which share a process group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 15)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
