"""ml-release as a process of its own, for tests that kill it, fill its disk or close its pipes."""

import subprocess
import sys
from pathlib import Path
from typing import IO

from doubles.project import Project

PROGRAM = "import sys\nfrom ci_lib.cli import main\nsys.exit(main())"
"""What the console script does."""

FULL = """
import resource, sys
from ci_lib.cli import main
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, hard))
code = main()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
sys.exit(code)
"""
"""The same where no file may grow beyond a size: what a full disk does, with EFBIG instead of ENOSPC."""

SECONDS = 120
"""No process of a test takes so long."""


HEARS = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""Whoever starts the tests in the background has Ctrl-C ignored in all that they start, too."""


def start(
    project: Project, *arguments: str, program: str = PROGRAM, stdout: int | IO[str] = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Start a command in a project; what it leaves in its temporary directory shows in `left_behind`."""
    scratch(project).mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", HEARS + program, *arguments],
        cwd=project.root,
        # A checkout's own bytecode must not be cut short by a full disk either.
        env={**project.env, "TMPDIR": str(scratch(project)), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def scratch(project: Project) -> Path:
    """Return the directory for temporary files of a project's processes."""
    return project.root / "scratch"


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """Read what a process prints up to a line that holds a text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    assert process.stderr is not None
    message = f"it ended without {text!r}: {lines} {process.stderr.read()}"
    raise AssertionError(message)


def left_behind(project: Project) -> list[str]:
    """Return temporary files that are left, and processes that still work in the project."""
    files = [path.name for path in scratch(project).iterdir() if path.name.startswith("ml-release")]
    running = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(project.root).encode() in entry.read_bytes():
                running.append(entry.parent.name)
        except OSError:  # it ended meanwhile
            continue
    return files + running
