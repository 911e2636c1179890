"""Shut the process in that is about to load a model: no network, no other files, nothing that outlives it.

Four layers of Linux, each of which any user may put on and none can take off again (prctl(2), user_namespaces(7),
landlock(7), seccomp(2)). A machine can lack one: containers often refuse namespaces, old kernels have no Landlock.
What could not be done is said, and the other layers hold.

- *no new privileges*: a setuid program gives none.
- *namespaces*: no network; processes cannot be seen or signalled from inside, and all end with the first one.
- *Landlock*: reads what Python is made of and the model, writes to its own directory, asks nothing of other processes.
- *seccomp*: opens no socket, of any kind: not to the network, not to Docker's or an ssh agent's either.

All of it is done while the process has one thread: the layers are a thread's, and threads inherit them.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x10000000, 0x20000000, 0x40000000
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446

EXECUTE, WRITE, READ, LIST = 1, 2, 4, 8
"""Landlock's bits for what is given back."""
BITS_OF_ABI = (13, 14, 15, 15, 16, 16, 16)
"""How many kinds of access the first versions of Landlock know; all of them are taken away, then some given back."""
NET_ABI, SCOPE_ABI = 4, 6
"""From these versions on it knows TCP; signals and abstract sockets."""

SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/sys/devices/system", "/nix/store")
"""Programs and libraries."""
SYSTEM_FILES = (
    "/etc/ld.so.cache", "/etc/localtime", "/etc/timezone", "/etc/os-release", "/etc/passwd", "/etc/group",
    "/etc/nsswitch.conf", "/etc/mime.types", "/etc/ld.so.preload", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
    "/proc/filesystems", "/dev/zero", "/dev/random", "/dev/urandom",
)  # fmt: skip
"""Not all of /etc: root reads /etc/shadow. Not /proc: it has other processes' environments."""

AUDIT_ARCH = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""Machine -> number of the architecture in a filter (linux/audit.h), and of socket(2) there."""
IO_URING_SETUP = 425
X32 = 0x40000000
"""Where a second table of calls starts on x86-64."""
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Kernel(Protocol):
    """The C library's calls that are used; each returns -1 when the kernel refuses."""

    def prctl(self, *arguments: Any) -> int:  # noqa: ANN401 -- C's types
        """Set something of this process."""

    def unshare(self, flags: int) -> int:
        """Leave shared namespaces."""

    def syscall(self, *arguments: Any) -> int:  # noqa: ANN401 -- C's types
        """Call the kernel by number."""


def kernel() -> Kernel | None:
    """Return this machine's, or None where it is no Linux."""
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def shut(linux: Kernel | None, own: Path, readable: Iterable[Path]) -> tuple[str, ...]:
    """Put on all layers but the namespaces, and say what could not be done.

    Args:
        linux: what to ask.
        own: the directory that may be written to.
        readable: what may be read besides the system and Python.
    """
    if linux is None:
        return (f"network not cut off, files of others not hidden: {sys.platform} has no way that we know",)
    refused = []
    if linux.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        refused.append(f"new privileges not ruled out: {_why()}")
    if why := _landlock(linux, own, readable):
        refused.append(f"files of others not hidden: {why}")
    if why := _no_sockets(linux):
        refused.append(f"sockets not closed: {why}")
    return tuple(refused)


def apart(linux: Kernel | None) -> str:
    """Leave the machine's network, process numbers and shared memory; return why that was refused, or nothing.

    The next process that is forked is the first of its namespace: when it ends, the kernel kills all others in it.
    """
    user, group = os.getuid(), os.getgid()
    if linux is None or linux.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC):
        return _why() if linux else f"{sys.platform} has none"
    with suppress(OSError):  # or it is called nobody: nothing depends on it
        for name, text in {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}.items():
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    return ""


def die_with_parent(linux: Kernel | None) -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    if linux is not None:
        linux.prctl(PR_SET_PDEATHSIG, signal.SIGKILL.value, 0, 0, 0)


def _why() -> str:
    return os.strerror(ctypes.get_errno())


def _landlock(linux: Kernel, own: Path, readable: Iterable[Path]) -> str:
    abi = linux.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return f"no Landlock: {_why()}"
    everything = (1 << BITS_OF_ABI[min(abi, len(BITS_OF_ABI)) - 1]) - 1
    handled = struct.pack("=QQQ", everything, 3 if abi >= NET_ABI else 0, 3 if abi >= SCOPE_ABI else 0)
    size = 24 if abi >= SCOPE_ABI else 16 if abi >= NET_ABI else 8
    rules = linux.syscall(LANDLOCK_CREATE, handled, ctypes.c_size_t(size), 0)
    if rules < 0:
        return _why()
    given = [
        *((Path(path), EXECUTE | READ | LIST) for path in (*SYSTEM, *_python())),
        *((path, READ | LIST) for path in (*readable, Path("/proc/self"))),
        *((Path(path), READ) for path in SYSTEM_FILES),
        (Path("/dev/null"), READ | WRITE),
        (own, everything),
    ]
    for path, access in given:
        _allow(linux, rules, path, access)
    refused = linux.syscall(LANDLOCK_RESTRICT, rules, 0)
    why = _why() if refused else ""
    os.close(rules)
    return why


def _python() -> set[str]:
    """Return what this Python is made of, wherever it lies, packages that are installed as editable included."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, str(Path(__file__).parents[1])}
    for finder in sys.meta_path:  # setuptools' editable finders, each with a table of its own
        found |= set(map(str, getattr(sys.modules.get(finder.__module__), "MAPPING", {}).values()))
    return found - {"", "/"}


def _allow(linux: Kernel, rules: int, path: Path, access: int) -> None:
    """Give one kind of access back; a path that is not there needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not path.is_dir():
        access &= ~LIST  # a rule about a file may not speak of it
    linux.syscall(LANDLOCK_ADD, rules, 1, struct.pack("=Qi", access, place), 0)
    os.close(place)


def _no_sockets(linux: Kernel) -> str:
    """Have socket(2) fail, so that nothing is connected to; socketpair(2) and pipes stay, within the process."""
    if platform.machine() not in AUDIT_ARCH:
        return f"no filter for {platform.machine()}"
    arch, socket = AUDIT_ARCH[platform.machine()]
    load, equal, above, give = 0x20, 0x15, 0x35, 0x06  # BPF: load a word, compare, return
    no = ERRNO | errno.ENETUNREACH
    steps = (
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, arch),
        (give, 0, 0, no),
        (load, 0, 0, 0),  # the call's number
        (above, 3, 0, X32),
        (equal, 2, 0, socket),
        (equal, 1, 0, IO_URING_SETUP),  # would open sockets by another way
        (give, 0, 0, ALLOW),
        (give, 0, 0, no),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    return _why() if linux.prctl(PR_SET_SECCOMP, 2, program, 0, 0) else ""
