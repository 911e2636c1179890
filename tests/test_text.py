"""Text from outside is one line with nothing hidden in it."""

import shlex
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.text import HIDDEN, printable, quoted, size, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("two\nlines\r\n", "two lines  "),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\x1b[31m", "⟨U+001B⟩[31m"),
        ("\u2028x", " x"),
        ("\ud800", "⟨U+D800⟩"),
        ("\ufffe\ufdd0", "⟨U+FFFE⟩⟨U+FDD0⟩"),
        ("\u3164", "⟨U+3164⟩"),
        ("naïve 漢字 שלום", "naïve 漢字 שלום"),
    ],
)
def test_hidden_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert visible("x" * 2_001) == "x" * 2_000 + " … (2,001 characters)"
    assert visible("x" * 2_000) == "x" * 2_000
    assert visible("x" * 5_000, None) == "x" * 5_000


@given(st.text(st.characters()))
def test_nothing_hidden_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    shown = visible(text, None)
    assert not any(unicodedata.category(character) in HIDDEN for character in shown)
    assert "\n" not in shown
    shown.encode()
    assert visible(shown, None) == shown


def test_a_terminal_keeps_its_line_breaks_and_nothing_else() -> None:
    assert printable("a\n\x1b[2Jb\r") == "a\n⟨U+001B⟩[2Jb "


@pytest.mark.parametrize("text", ["plain", "it's", "$(touch x)", "`id`", "a;b", '"', "\\", "'; rm -rf /; '", ""])
def test_a_quoted_name_is_one_word_and_runs_nothing(text: str) -> None:
    assert shlex.split(f"echo {quoted(text)} end") == ["echo", text, "end"]


@pytest.mark.parametrize(("count", "shown"), [(0, "0.0 kB"), (32_854, "32.9 kB"), (9_252_515, "9.3 MB")])
def test_a_size_is_never_nothing(count: int, shown: str) -> None:
    assert size(count) == shown
