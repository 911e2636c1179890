"""Points at which a process may die: before and after every call to MLflow, and before every change of a file."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from doubles.faulty import Killed

CHANGES = frozenset({"open", "os.mkdir", "os.chmod", "os.rename", "os.remove", "os.rmdir", "os.truncate"})
"""Python's audit events (docs.python.org/3/library/audit_events.html) of calls that change files; each comes before."""


def sigkill() -> None:
    """End this process as the kernel does: nothing is cleaned up, flushed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def vanish() -> None:
    """End the program, but not the process: for a registry that lives in the process's memory."""
    raise Killed


class Points:
    """Counts the points that are reached, and dies at one of them.

    Args:
        at: number of that point, from 1; 0: none.
        die: how.
    """

    def __init__(self, at: int = 0, die: Callable[[], None] = sigkill) -> None:
        self.seen: list[str] = []
        self._at = at
        self._die = die

    def reach(self, name: str) -> None:
        """Count a point, or die there."""
        self.seen.append(name)
        if len(self.seen) == self._at:
            self._die()

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call with a point before it and a point after it, also when it fails."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.reach(f"before {name}")
            try:
                return call(*args, **kwargs)
            finally:
                if not isinstance(sys.exception(), Killed):
                    self.reach(f"after {name}")

        return watched

    def files(self, below: Path) -> None:
        """Count, from now to the end of this process, everything that is about to change a file in a directory."""
        start = str(below)

        def hook(event: str, args: tuple[Any, ...]) -> None:
            if event not in CHANGES or not str(args[0]).startswith(start):
                return
            if event == "open" and not args[2] & (os.O_WRONLY | os.O_RDWR):
                return
            self.reach(f"before {event} {Path(args[0]).name}")

        sys.addaudithook(hook)

    @contextmanager
    def lines(self, *modules: ModuleType) -> Iterator[None]:
        """Count each line of modules that is about to run. It slows everything down."""
        sources = {str(module.__file__) for module in modules}

        def line(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            if event in {"line", "return"}:
                self.reach(f"{Path(frame.f_code.co_filename).name} line {frame.f_lineno} {event}")
            return line

        def call(frame: FrameType, _: str, __: Any) -> Callable[..., Any] | None:
            return line if frame.f_code.co_filename in sources else None

        sys.settrace(call)
        try:
            yield
        finally:
            sys.settrace(None)


class Deadly:
    """Passes calls on to an MLflow client, with a point before and after each."""

    def __init__(self, client: Any, points: Points) -> None:
        self._client = client
        self._points = points

    def __getattr__(self, name: str) -> Any:
        """Return the client's method, watched."""
        return self._points.watch(name, getattr(self._client, name))
