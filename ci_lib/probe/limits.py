"""How much a model may take: limits of the process that loads it, and the words for one that reached them.

Nothing but the standard library: a child sets its limits before it imports anything else.
"""

import errno
import os
import resource
from collections.abc import Mapping
from contextlib import suppress

from ci_lib.errors import BadInput

MEMORY = "ML_RELEASE_MODEL_MEMORY_MB"
"""The variable that allows another amount of memory: how much a model needs is known by whoever runs it."""

USUAL_MEMORY = 16 << 30
"""Bytes, or all that the machine has where that is less: a model beyond it is no model of rows in a table."""

SHARED = 32 << 30
"""Bytes of address space beside a process's own memory: libraries, files that are mapped, what allocators reserve."""

LARGEST_FILE = 1 << 30
"""Bytes of any file that a model may write, its output included: a model that prints without end must not fill the
disk."""

DISK = 4 << 30
"""Bytes that its directory may hold in all; its parent looks, for no limit of a process says so."""

MOST_FILES = 20_000
"""So many files its directory may hold: empty ones use up a file system too."""

THREADS = 1_024
"""Processes and threads, which the kernel counts, of all but root. BLAS starts one thread a core."""

PROCESSES = 256
"""Processes, which the parent counts. joblib starts one a core."""

OPEN_FILES = 1_024
"""What Linux gives a process by default; a parent that raised its own does not pass that on."""

SPARE_SECONDS = 60
"""CPU time beyond every core at work until the time limit: the kernel ends what its parent forgot."""


def number(env: Mapping[str, str], name: str, usual: int) -> int:
    """Return the whole number above 0 that a variable holds, or the usual one.

    Raises:
        BadInput: it holds something else.
    """
    given = env.get(name) or str(usual)
    if given.isascii() and given.isdecimal() and 0 < len(given) < 10 and int(given) > 0:  # noqa: PLR2004 -- digits that no limit overflows with
        return int(given)
    message = f"{name} is {given[:40]!r}, which is no whole number above 0"
    raise BadInput(message, f"{name}={usual}")


def memory(env: Mapping[str, str]) -> int:
    """Return how many bytes of memory of its own a model may have.

    Raises:
        BadInput: the variable holds no number.
    """
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return number(env, MEMORY, min(USUAL_MEMORY, machine) >> 20) << 20


def lower(what: int, most: int) -> None:
    """Lower one of the process's limits for good; one that is lower already stays."""
    hard = resource.getrlimit(what)[1]
    limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (limit, limit))


def before_anything(own_memory: int) -> None:
    """Set what holds for all that a child does.

    `RLIMIT_DATA` counts what a process writes to, its threads' stacks included, and not what an allocator only
    reserves; `RLIMIT_AS` is there for memory that is mapped as shared.
    """
    os.umask(0o077)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, LARGEST_FILE)
    lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    with suppress(ValueError, OSError):  # macOS has the names and refuses the values
        lower(resource.RLIMIT_DATA, own_memory)
        lower(resource.RLIMIT_AS, own_memory + SHARED)


def few_processes() -> None:
    """Limit processes and threads, within a user namespace: outside, all that the user runs would count.

    Root is exempt; the parent counts as well.
    """
    lower(resource.RLIMIT_NPROC, THREADS)


def seconds_of_cpu(wall: float) -> None:
    """Limit the CPU time of each process to what a whole machine can use within a time limit."""
    lower(resource.RLIMIT_CPU, int(wall) * (os.cpu_count() or 1) + SPARE_SECONDS)


def explain(error: BaseException) -> str:
    """Return what a model ran into, where it is one of our limits; empty where it is not."""
    if isinstance(error, MemoryError):
        most = resource.getrlimit(resource.RLIMIT_DATA)[0]
        allowed = "as much as the machine has" if most == resource.RLIM_INFINITY else f"{most / 1e6:,.0f} MB"
        return f"a model may have {allowed} of memory here, {MEMORY} allows more"
    if not isinstance(error, OSError):
        return ""
    return {
        errno.ENOMEM: f"a model may have no more memory here, {MEMORY} allows more",
        errno.ENETUNREACH: "a model has no network here",
        errno.EACCES: "a model sees its own files and Python's here, no others",
        errno.EPERM: "a model may not do that here",
        errno.EAGAIN: f"a model may have {THREADS:,} processes and threads here",
        errno.EMFILE: f"a model may have {OPEN_FILES:,} open files here",
        errno.EFBIG: f"a model may write files of {LARGEST_FILE >> 20:,} MiB here, none larger",
    }.get(error.errno or 0, "")
