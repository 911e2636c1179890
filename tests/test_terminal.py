"""The display for people."""

import io
import itertools
import re

import pytest

from ci_lib.consoles import choose
from ci_lib.terminal import Terminal

COLOUR = re.compile(r"\x1b\[(?:3[0-7]|9[0-7])m")


def lines(out: io.StringIO) -> list[str]:
    """What is left on the screen: without control sequences, and after carriage returns."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    return [line.split("\r")[-1] for line in plain.split("\n")]


def terminal(took: float = 0.0, *, colour: bool = True) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    times = itertools.count(10.0, took)
    return Terminal(out, colour=colour, monotonic=lambda: next(times)), out


def test_a_step_ends_with_a_tick_and_its_time() -> None:
    console, out = terminal(took=2.34)
    with console.stage("train"), console.step("fitting [bold]"):
        pass
    assert "  ✓ fitting [bold]  2.3 s" in lines(out)
    assert "train" in lines(out)


def test_a_quick_step_says_no_time() -> None:
    console, out = terminal(took=0.1)
    with console.step("reading"):
        pass
    assert "  ✓ reading" in lines(out)


def test_a_failed_step_ends_with_a_cross() -> None:
    console, out = terminal()
    with pytest.raises(KeyboardInterrupt), console.step("fitting"):
        raise KeyboardInterrupt
    assert "  ✗ fitting" in lines(out)


def test_a_step_within_a_step_is_shown_too() -> None:
    console, out = terminal()
    with console.step("outer"), console.step("inner"):
        pass
    assert [line for line in lines(out) if "er" in line and "✓" in line] == ["  ✓ inner", "  ✓ outer"]
    with console.step("again"):
        pass


def test_markup_and_escapes_in_a_message_are_text() -> None:
    console, out = terminal()
    console.say("[red]:smile: \x1b]0;owned\x07")
    assert lines(out)[0] == "[red]:smile: ⟨U+001B⟩]0;owned⟨U+0007⟩"


def test_long_lines_are_not_broken() -> None:
    console, out = terminal()
    console.say("x" * 500)
    assert "x" * 500 in out.getvalue()


def test_no_color_means_no_colour() -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, coloured = Tty(), Tty()
    for out, env in ((plain, {"TERM": "xterm", "NO_COLOR": "1"}), (coloured, {"TERM": "xterm"})):
        with choose(out, env).step("fitting"):
            pass
    assert not COLOUR.search(plain.getvalue())
    assert COLOUR.search(coloured.getvalue())
