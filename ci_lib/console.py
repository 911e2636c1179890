"""What a job says: plain lines, sections in GitLab's log. `ci_lib.terminal` has the display for people."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ci_lib.text import printable


class Console:
    """Plain lines: what CI logs and pipes get, and the base of the terminal's."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.heard = True

    def say(self, text: str = "") -> None:
        """Print lines; control characters in them are shown, never obeyed."""
        self._print(printable(text))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Frame a stage."""
        self.say(f"== {name}")
        yield

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step that takes a moment."""
        self.say(f"   {text} ...")
        yield

    def _print(self, text: str) -> None:
        """Print, as long as somebody reads: a deploy goes on when `| head` has seen enough."""
        if not self.heard:
            return
        encoding = getattr(self.out, "encoding", None) or "utf-8"  # a pipe under LANG=C cannot take every sign
        try:
            print(text.encode(encoding, "backslashreplace").decode(encoding), file=self.out, flush=True)
        except BrokenPipeError:
            self.heard = False


class GitLabConsole(Console):
    """Plain lines; each stage is a section that folds in GitLab's job log.

    The markers are those of https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections: an erase-line
    sequence, ``section_start:UNIX_TIME:NAME``, a carriage return, another erase-line sequence, and the header.
    """

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(out)
        self.clock = clock

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Open a section and close it, also when the stage fails."""
        section = "ml_release_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        self._print(f"\x1b[0Ksection_start:{int(self.clock())}:{section}\r\x1b[0K== {printable(name)}")
        try:
            yield
        finally:
            self._print(f"\x1b[0Ksection_end:{int(self.clock())}:{section}\r\x1b[0K")
