"""Child processes: each a fresh Python without secrets, in which models are loaded, one in a process of its own.

Nothing but the standard library is imported here, so that a job can start its children before it imports MLflow: on a
second core they import what loading a model takes in the meantime, and then wait for their questions.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
class Ended:
    """How a process that loaded a model ended."""

    code: int
    """Its exit code; negative: the signal that killed it."""
    left_open: tuple[str, ...] = ()
    """What this machine did not let it cut off."""


@dataclass(kw_only=True)
class Starter:
    """One process that has imported what models need, and forks for each question: it loads none itself."""

    process: subprocess.Popen[bytes]
    told: int
    """Descriptor on which it tells how each question ended; -1 when it was ended."""
    heard: bytes = field(default=b"", init=False)

    def put(self, question: Mapping[str, Any]) -> None:
        """Hand a question over; where the process is dead already, its exit code and words say why."""
        stdin = self.process.stdin
        with suppress(BrokenPipeError):
            if stdin is not None:
                stdin.write(json.dumps(question).encode() + b"\n")

    def line(self, seconds: float) -> dict[str, Any] | None:
        """Return what it tells next; nothing when it has ended.

        Raises:
            TimeoutError: it tells nothing within `seconds`.
        """
        until = time.monotonic() + seconds
        while b"\n" not in self.heard:
            if not select.select([self.told], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError
            more = os.read(self.told, 1 << 16)
            if not more:
                return None
            self.heard += more
        first, _, self.heard = self.heard.partition(b"\n")
        return dict(json.loads(first))

    def end(self) -> None:
        """Leave nothing of it behind, neither itself nor what the models started."""
        if self.told < 0:
            return
        if self.process.poll() is None:
            self.process.terminate()  # it ends who answers, and waits until all that it started are gone
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(GRACE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self.told)
        self.told = -1


@dataclass(frozen=True, kw_only=True)
class Child:
    """Who answers one question at a time, in a process of its own with a directory of its own."""

    starter: Starter
    scratch: Path
    """Its working directory, home and place for temporary files."""

    def put(self, request: Path, answer: Path, seconds: float) -> None:
        """Have it read the request and write the answer."""
        question = {"request": str(request), "answer": str(answer), "seconds": seconds, "scratch": str(self.scratch)}
        self.starter.put(question)

    def wait(self, seconds: float) -> Ended:
        """Wait until it has answered, or died.

        Raises:
            TimeoutError: it takes longer than `seconds`.
            watch.TooMuch: it fills the disk, or starts processes without end.
        """
        until, pid = time.monotonic() + seconds, None
        try:
            while True:
                left = until - time.monotonic()
                try:
                    told = self.starter.line(max(0.0, min(LOOK, left)))
                except TimeoutError:
                    watch.look(pid or self.starter.process.pid, self.scratch)
                    if left <= 0:
                        raise
                    continue
                if told is None:
                    return Ended(code=self.starter.process.wait())
                if "code" in told:
                    return Ended(code=told["code"], left_open=tuple(told["left_open"]))
                pid = told["pid"]
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End it, with all who share its starter."""
        self.starter.end()

    def last_words(self) -> str:
        """Return the last line that it printed, or else that its starter did."""
        for path in (self.scratch / SAID, self.scratch.with_suffix(".starter") / SAID):
            with suppress(OSError), path.open("rb") as said:
                said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
                if lines := said.read().decode("utf-8", "replace").strip().splitlines():
                    return lines[-1]
        return ""


def start(env: Mapping[str, str], scratch: Path, readable: Iterable[Path], *, ahead: bool = False) -> Child:
    """Start a child.

    What it prints goes to a file: a pipe would fill our memory, and be held open by whatever the model started.

    Args:
        env: of which `KEPT` is passed on, and which may set the memory that a model may have.
        scratch: its directory, made when it is not there; the only one that it can write to.
        readable: where models are that it may be asked to load.
        ahead: import scikit-learn and skops before the question comes. Not where the time to load is measured.

    Raises:
        BadInput: the environment sets an amount of memory that is none.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    home = scratch.with_suffix(".starter")
    home.mkdir(exist_ok=True)
    memory = limits.memory(env)
    kept = {name: env[name] for name in KEPT if name in env}
    read, write = os.pipe()
    orders = {"tell": write, "parent": os.getpid(), "memory": memory, "readable": [str(path) for path in readable]}
    try:
        with (home / SAID).open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "ci_lib.probe.start", json.dumps(orders | {"ahead": ahead})],
                cwd=home,
                env=kept | {"HOME": str(home), "TMPDIR": str(home), "MLFLOW_DISABLE_TELEMETRY": "true"},
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[write],
                bufsize=0,
            )
    finally:
        os.close(write)
    return Child(starter=Starter(process=process, told=read), scratch=scratch)


class Children:
    """The children of one job, by name; they are ended with it."""

    def __init__(self, env: Mapping[str, str], root: Path) -> None:
        self._env = env
        self._root = root
        self._started: dict[str, Child] = {}
        self.models = root / "models"
        """Where to put the models that they load: they can read there, and cannot write."""

    def start(self, *names: str, ahead: bool = False) -> None:
        """Start children before their questions are known."""
        self.models.mkdir(parents=True, exist_ok=True)
        for name in names:
            self._started[name] = start(self._env, self._root / name, [self.models], ahead=ahead)

    def take(self, name: str, *, beside: str | None = None) -> Child:
        """Return the child of a name, started now if it was not before.

        Args:
            name: whose.
            beside: a child whose starter forks for this one too, so that nothing is imported twice.
        """
        if name not in self._started and beside is not None:
            scratch = self._root / name
            scratch.mkdir(parents=True, exist_ok=True)
            self._started[name] = Child(starter=self.take(beside).starter, scratch=scratch)
        if name not in self._started:
            self.start(name)
        return self._started[name]

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End them."""
        for child in self._started.values():
            child.end()
