"""The first steps of a child: limits, then the imports that take long, then a process of its own for each question.

`ci_lib.probe.children` runs it as a program, the starter. It loads no model. For each question it forks; the fork goes
into its box, loads the model and answers. With namespaces that is three processes: one whose number the starter knows,
the first of the namespace, with which all others end, and the one that loads the model.
"""

import gc
import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_lib.probe import box, limits
from ci_lib.probe.children import SAID

STATUS = 4
"""Bytes that a process's end is told in."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a parent tells its starter: never anything that comes from the model."""

    tell: int
    """Descriptor to tell on how each question ended."""
    parent: int
    memory: int
    """Bytes."""
    readable: tuple[str, ...]
    """Directories with models, read only."""
    ahead: bool
    """Import what most models need before the first question."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """One line on standard input."""

    request: str
    answer: str
    seconds: float
    scratch: str


def main(arguments: Sequence[str]) -> int:
    """Answer questions until there are no more."""
    given = json.loads(arguments[0])
    orders = Orders(**given | {"readable": tuple(given["readable"])})
    linux = box.kernel()
    box.die_with_parent(linux)
    if os.getppid() != orders.parent:  # it ended before that was asked for
        return 0
    limits.before_anything(orders.memory)
    from ci_lib.probe import child  # noqa: PLC0415 -- numpy and pandas, after the limits

    if orders.ahead:
        import skops.io  # noqa: F401, PLC0415 -- scikit-learn with it
    for line in sys.stdin:
        question = Question(**json.loads(line))
        report, refused = os.pipe()
        if pid := _fork():
            os.close(refused)
            _attend(orders, pid, report)
            continue
        os.close(report)
        os.close(orders.tell)
        _shut_in(linux, orders, question, refused)
        limits.seconds_of_cpu(question.seconds)
        return child.main(question.request, question.answer)
    return 0


def _fork() -> int:
    """Fork; numpy's idle threads stay behind, which is what the warning of newer Pythons is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _attend(orders: Orders, pid: int, report: int) -> None:
    """Wait for the process that answers, leave nothing of it behind, and tell how it ended."""

    def stop(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # it kills its namespace, and waits until all in there are gone
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)
        _kill_group(pid)
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    _tell(orders.tell, pid=pid)
    with os.fdopen(report, encoding="utf-8", errors="replace") as lines:
        left_open = lines.read().splitlines()
    _, status = os.waitpid(pid, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _kill_group(pid)
    _tell(orders.tell, code=os.waitstatus_to_exitcode(status), left_open=left_open)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _tell(descriptor: int, **what: Any) -> None:  # noqa: ANN401 -- as JSON has them
    os.write(descriptor, json.dumps(what).encode() + b"\n")


def _shut_in(linux: box.Kernel | None, orders: Orders, question: Question, report: int) -> None:
    """Make this process the one that loads the model: nothing of its parents is left to it."""
    os.setsid()
    box.die_with_parent(linux)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _at_home(Path(question.scratch))
    if why := box.apart(linux):
        refused = [f"network and other processes not cut off by namespaces: {why}"]
    else:
        refused = []
        limits.few_processes()
        _first_of_its_namespace(linux, report)
    refused += box.shut(linux, Path.cwd(), [Path(path) for path in orders.readable])
    with os.fdopen(report, "w", encoding="utf-8") as said:
        said.write("\n".join(refused))


def _at_home(scratch: Path) -> None:
    """Live in a directory, print into a file there, and read nothing: the next question is somebody else's."""
    os.chdir(scratch)
    os.environ.update(HOME=str(scratch), TMPDIR=str(scratch))
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(SAID, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor, onto in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(descriptor, onto)
    os.close(nothing)
    os.close(said)


def _first_of_its_namespace(linux: box.Kernel | None, report: int) -> None:
    """Fork twice, and return in the third process; the others wait for it and end as it does.

    Args:
        linux: what to ask.
        report: descriptor that only the third process keeps: its end is waited for.
    """
    told, tell = os.pipe()
    if first := os.fork():
        os.close(tell)
        os.close(report)
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
        os.waitpid(first, 0)  # returns when all of the namespace are gone
        _end_as(os.read(told, STATUS))
    box.die_with_parent(linux)
    os.close(told)
    if worker := os.fork():
        os.close(report)
        while True:
            ended, status = os.wait()  # orphans too: they are the first process's
            if ended == worker:
                os.write(tell, status.to_bytes(STATUS, "little"))
                os._exit(0)
    box.die_with_parent(linux)
    os.close(tell)


def _end_as(told: bytes) -> None:
    """End this process as the one ended that is told of; one that nobody told of was killed."""
    code = os.waitstatus_to_exitcode(int.from_bytes(told, "little")) if told else -signal.SIGKILL
    if code < 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    gc.freeze()  # or Python collects garbage while it exits: a fifth of a second with scikit-learn imported
    sys.exit(exit_code)
