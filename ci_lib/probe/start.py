"""The first steps of a child: limits, then its box, then the imports that take long, then it waits for its question.

`ci_lib.probe.children` runs it as a program. In a namespace of its own it is three processes: one that keeps the number
which the parent knows, the first of the namespace, with which all others end, and the one that loads the model.
"""

import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci_lib.probe import box, limits

STATUS = 4
"""Bytes that a process's end is told in."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a parent tells a child when it starts it: never anything that comes from the model."""

    report: int
    """Descriptor to say on what could not be shut."""
    parent: int
    memory: int
    """Bytes."""
    readable: tuple[str, ...]
    """Directories with models, read only."""


def main(arguments: Sequence[str]) -> int:
    """Shut this process in and answer one question."""
    given = json.loads(arguments[0])
    orders = Orders(**given | {"readable": tuple(given["readable"])})
    linux = box.kernel()
    box.die_with_parent(linux)
    if os.getppid() != orders.parent:  # it ended before that was asked for
        return 0
    limits.before_anything(orders.memory)
    if why := box.apart(linux):
        refused = [f"network and other processes not cut off by namespaces: {why}"]
    else:
        refused = []
        limits.few_processes()
        _first_of_its_namespace(linux, orders.report)
    refused += box.shut(linux, Path.cwd(), [Path(path) for path in orders.readable])
    with os.fdopen(orders.report, "w", encoding="utf-8") as report:
        report.write("\n".join(refused))
    from ci_lib.probe import child  # noqa: PLC0415 -- numpy and pandas, which start threads

    return child.wait(sys.stdin)


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
