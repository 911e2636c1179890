"""What a job says: rich on a terminal, plain lines otherwise."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Console:
    """Plain lines: what CI logs and pipes get, and the base of the terminal's."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout

    def say(self, text: str = "") -> None:
        """Print one line."""
        print(text, file=self.out, flush=True)

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
