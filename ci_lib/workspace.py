"""The chain directory: one writer at a time, and no record that outlives what it rests on."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ci_lib.errors import BadInput

MADE_BY: dict[str, tuple[str, ...]] = {
    "prepare": ("dataset.json", "data"),
    "train": ("candidate.json", "environment.txt"),
    "validate": ("evidence.json", "decision.json"),
    "report": ("report",),
}
"""What each stage writes, in order. The approvals of every environment rest on all of them."""

WRITERS = frozenset({"prepare", "train", "adopt", "validate", "report", "run"})
"""Commands that change what an approval is about."""


@contextmanager
def writing(chain: Path) -> Iterator[None]:
    """Hold the chain directory for one writer; the kernel lets go when the process ends, however it ends.

    Raises:
        BadInput: somebody else holds it: a run that waits at the gate, most likely.
    """
    path = chain / ".lock"
    try:
        chain.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = f"{chain} cannot be written: {error.strerror}"
        raise BadInput(message, f"ls -ld {chain.parent}; or name another place: --chain DIR") from error
    with os.fdopen(descriptor, "r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"another run (process {file.read().strip() or 'unknown'}) uses {chain}; it may wait at the gate"
            hint = "answer it: ml-release approve, or with --reject; or run elsewhere: --chain DIR"
            raise BadInput(message, hint) from error
        with suppress(OSError):  # on a full disk the next writer is not told our number; the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield


@contextmanager
def deciding(here: Path) -> Iterator[None]:
    """Hold one environment's decision: what is written there is either before a release or after it, never within.

    Args:
        here: ``release/<environment>/``.

    Raises:
        BadInput: nothing can be written there.
    """
    try:
        here.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(here / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = f"{here} cannot be written: {error.strerror}"
        raise BadInput(message, f"ls -ld {here.parent}; or name another place: --chain DIR") from error
    with os.fdopen(descriptor) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits: the other one answers or releases, which takes seconds
        yield


def forget_after(stage: str, chain: Path, environments: Iterator[str] | tuple[str, ...]) -> None:
    """Remove what a stage writes, what later stages wrote, and the approvals: all of it is about to be untrue.

    Args:
        stage: a key of `MADE_BY`, or ``adopt``, which takes the place of train.
        chain: the chain directory.
        environments: whose approvals to remove.

    Raises:
        BadInput: a file cannot be removed.
    """
    stages = list(MADE_BY)
    first = stages.index("train" if stage == "adopt" else stage)
    names = [name for later in stages[first:] for name in MADE_BY[later]]
    names += [f"{environment}/approvals" for environment in environments]
    for name in names:
        _remove(chain / name)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        message = f"{path} is out of date and cannot be removed: {error.strerror}"
        raise BadInput(message, f"ls -ld {path.parent}") from error
