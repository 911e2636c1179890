"""What a child uses up that no limit of a process covers: disk space in its directory, and processes of root."""

import os
from pathlib import Path

from ci_lib.probe.limits import DISK, MOST_FILES, PROCESSES

PROC = Path("/proc")


class TooMuch(Exception):  # noqa: N818 -- a verb phrase: what the model did
    """A child uses more than a model needs. Its text goes on after "the model"."""


def look(pid: int, directory: Path, *, disk: int = DISK, most_files: int = MOST_FILES, most: int = PROCESSES) -> None:
    """Look once at a child and what it started.

    Args:
        pid: of the child.
        directory: the one it may write to.
        disk: bytes that it may hold.
        most_files: files that it may hold.
        most: processes that the child may have.

    Raises:
        TooMuch: it fills the disk, or has started too many processes.
    """
    size, files = used(directory, disk, most_files)
    if size > disk:
        message = f"wrote more than {disk >> 20:,} MiB into its directory"
        raise TooMuch(message)
    if files > most_files:
        message = f"made more than {most_files:,} files in its directory"
        raise TooMuch(message)
    if processes(pid) > most:
        message = f"started more than {most:,} processes"
        raise TooMuch(message)


def used(directory: Path, disk: int, most_files: int) -> tuple[int, int]:
    """Return how many bytes are on the disk below a directory, and how many files; it stops where that is too much."""
    size, files, left = 0, 0, [str(directory)]
    while left and size <= disk and files <= most_files:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    files += 1
                    about = entry.stat(follow_symlinks=False)
                    size += about.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    if files > most_files:
                        break
        except OSError:  # it is being removed at this moment
            continue
    return size, files


def processes(pid: int) -> int:
    """Count the processes in the child's namespace, or in its session where it has no namespace of its own."""
    if not PROC.is_dir():
        return 0
    space = _namespace(pid)
    apart = space is not None and space != _namespace(os.getpid())
    names = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    if apart:
        return sum(_namespace(each) == space for each in names)
    return sum(_session(each) == pid for each in names)


def _namespace(pid: int) -> int | None:
    """Return what tells the namespace of a process's children from others: its own first child may be inside."""
    try:
        return (PROC / str(pid) / "ns" / "pid_for_children").stat().st_ino
    except OSError:
        return None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1
