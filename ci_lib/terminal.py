"""The display for a person's terminal: a spinner while a step runs, then a tick or a cross and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as Rich
from rich.status import Status
from rich.text import Text

from ci_lib.console import Console
from ci_lib.text import printable

WORTH_SAYING = 0.5
"""Seconds from which a step's duration is shown."""


class Terminal(Console):
    """Rich on a terminal.

    Args:
        out: the terminal.
        colour: False for ``NO_COLOR`` (https://no-color.org).
        monotonic: seconds, for durations.
    """

    def __init__(
        self, out: TextIO | None = None, *, colour: bool = True, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(out)
        self.monotonic = monotonic
        self.spinning = False
        self.rich = Rich(
            file=self.out, force_terminal=True, no_color=not colour, markup=False, highlight=False, emoji=False
        )

    def say(self, text: str = "") -> None:
        """Print lines above whatever spins; no markup in them is obeyed."""
        self.rich.print(Text(printable(text)), soft_wrap=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Print a heading."""
        self.rich.print()
        self.rich.print(Text(printable(name), style="bold"), soft_wrap=True)
        yield

    @contextmanager
    def _spinner(self, shown: str) -> Iterator[None]:
        if self.spinning:  # a step within a step: rich before 14.1 refuses a second live display
            yield
            return
        self.spinning = True
        try:
            with Status(Text(shown), console=self.rich):
                yield
        finally:
            self.spinning = False

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Spin while the step runs."""
        shown = printable(text)
        started = self.monotonic()
        sign, style = "✗", "red"
        try:
            with self._spinner(shown):
                yield
            sign, style = "✓", "green"
        finally:
            took = self.monotonic() - started
            line = Text.assemble("  ", (sign, style), " ", shown)
            if took >= WORTH_SAYING:
                line.append(f"  {took:.1f} s", style="dim")
            self.rich.print(line, soft_wrap=True)
