"""Child processes: each a fresh Python without secrets, which loads one model at most and then ends.

Nothing but the standard library is imported here, so that a job can start its children before it imports MLflow: on a
second core they import what loading a model takes in the meantime, and then wait for their question.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ci_lib.probe import limits, watch

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS", "LD_LIBRARY_PATH")
"""Variables a child may see. No token, no address, no PYTHONPATH."""

SAID = "said.txt"
"""What a child prints, in its directory."""

TAIL = 300
"""Bytes of it that are repeated when the child dies."""

LOOK = 0.25
"""Seconds between two looks at what a child uses up."""

GRACE = 10.0
"""Seconds that a child may take to end what it started, before it is killed itself."""


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process, in a group of its own, that waits for its question."""

    process: subprocess.Popen[bytes]
    scratch: Path
    """Its working directory, home and place for temporary files."""
    report: IO[str]
    """On which it says what it could not shut, before it loads anything."""

    def left_open(self) -> tuple[str, ...]:
        """Return what this machine did not let the child cut off; to be asked once."""
        with self.report:
            return tuple(self.report.read().splitlines())

    def ask(self, request: Path, answer: Path, seconds: float) -> int:
        """Have it read the request and write the answer, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it takes longer than `seconds`.
            watch.TooMuch: it fills the disk, or starts processes without end.
        """
        question: bytes | None = json.dumps([str(request), str(answer), seconds]).encode() + b"\n"
        until = time.monotonic() + seconds
        try:
            while True:
                left = until - time.monotonic()
                try:  # where it is dead already, its exit code and words say why
                    self.process.communicate(question, max(0.0, min(LOOK, left)))
                except subprocess.TimeoutExpired:
                    question = None
                    watch.look(self.process.pid, self.scratch)
                    if left <= 0:
                        raise
                else:
                    return self.process.returncode
        finally:
            self.end()

    def end(self) -> None:
        """Leave nothing of it behind, neither itself nor what the model started."""
        if self.process.poll() is None:
            self.process.terminate()  # it kills its namespace, and waits until all in there are gone
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.report.close()
        if self.process.stdin is not None:
            self.process.stdin.close()

    def last_words(self) -> str:
        """Return the last line that it printed."""
        with (self.scratch / SAID).open("rb") as said:
            said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""


def start(env: Mapping[str, str], scratch: Path, readable: Iterable[Path]) -> Child:
    """Start a child.

    What it prints goes to a file: a pipe would fill our memory, and be held open by whatever the model started.

    Args:
        env: of which `KEPT` is passed on, and which may set the memory that a model may have.
        scratch: its directory, made when it is not there; the only one that it can write to.
        readable: where models are that it may be asked to load.

    Raises:
        BadInput: the environment sets an amount of memory that is none.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: env[name] for name in KEPT if name in env}
    home = {"HOME": str(scratch), "TMPDIR": str(scratch), "MLFLOW_DISABLE_TELEMETRY": "true"}
    memory = limits.memory(env)
    read, write = os.pipe()
    orders = {"report": write, "parent": os.getpid(), "memory": memory, "readable": [str(path) for path in readable]}
    try:
        with (scratch / SAID).open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "ci_lib.probe.start", json.dumps(orders)],
                cwd=scratch,
                env=kept | home,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[write],
            )
    finally:
        os.close(write)
    return Child(process=process, scratch=scratch, report=os.fdopen(read, encoding="utf-8", errors="replace"))


class Children:
    """The children of one job, by name; those that were never asked are ended with it."""

    def __init__(self, env: Mapping[str, str], root: Path) -> None:
        self._env = env
        self._root = root
        self._started: dict[str, Child] = {}
        self.models = root / "models"
        """Where to put the models that they load: they can read there, and cannot write."""

    def start(self, *names: str) -> None:
        """Start children before their questions are known."""
        self.models.mkdir(parents=True, exist_ok=True)
        for name in names:
            self._started[name] = start(self._env, self._root / name, [self.models])

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
