"""Child processes: each a fresh Python without secrets, which loads one model at most and then ends.

Nothing but the standard library is imported here, so that a job can start its children before it imports MLflow: on a
second core they import what loading a model takes in the meantime, and then wait for their question.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "LD_LIBRARY_PATH")
"""Variables a child may see. No token, no address, no PYTHONPATH."""

SAID = "said.txt"
"""What a child prints, in its directory."""

TAIL = 300
"""Bytes of it that are repeated when the child dies."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process, in a group of its own, that waits for its question."""

    process: subprocess.Popen[bytes]
    scratch: Path
    """Its working directory, home and place for temporary files."""

    def ask(self, request: Path, answer: Path, seconds: float) -> int:
        """Have it read the request and write the answer, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it takes longer than `seconds`.
        """
        question = json.dumps([str(request), str(answer)]).encode() + b"\n"
        try:
            self.process.communicate(question, seconds)  # where it is dead already, its exit code and words say why
            return self.process.returncode
        finally:
            self.end()

    def end(self) -> None:
        """Leave nothing of its group behind, neither it nor what the model started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def last_words(self) -> str:
        """Return the last line that it printed."""
        with (self.scratch / SAID).open("rb") as said:
            said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def start(env: Mapping[str, str], scratch: Path) -> Child:
    """Start a child whose directory is `scratch`, which is made when it is not there.

    What it prints goes to a file: a pipe would fill our memory, and be held open by whatever the model started.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: env[name] for name in KEPT if name in env}
    home = {"HOME": str(scratch), "TMPDIR": str(scratch), "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (scratch / SAID).open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "ci_lib.probe.child"],
            cwd=scratch,
            env=kept | home,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(process=process, scratch=scratch)


class Children:
    """The children of one job, by name; those that were never asked are ended with it."""

    def __init__(self, env: Mapping[str, str], root: Path) -> None:
        self._env = env
        self._root = root
        self._started: dict[str, Child] = {}

    def start(self, *names: str) -> None:
        """Start children before their questions are known."""
        for name in names:
            self._started[name] = start(self._env, self._root / name)

    def take(self, name: str) -> Child:
        """Return the child of a name, started now if it was not before."""
        if name not in self._started:
            self.start(name)
        return self._started[name]

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End those that nobody asked. The others have ended, and their number may be somebody else's by now."""
        for child in self._started.values():
            if child.process.returncode is None:
                child.end()
