"""Text from outside (data, git, people) made safe to show: one line, and nothing hidden in it.

A group's name, a commit's author or a reason may carry control characters, terminal escapes or bidirectional overrides
(CVE-2021-42574, "Trojan Source") that make a reader see something other than what is there. They are shown, not
dropped: a reviewer should see that something is odd.
"""

import unicodedata

LIMIT = 2_000
"""Longer text is cut in reports; the records have all of it."""

MEGA = 1_000_000

SPACES = "\t\n\v\f\r\x85\u2028\u2029"
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, formats (bidi, zero width, tags), lone surrogates, line and paragraph separators."""
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that print nothing."""


def visible(text: str, limit: int | None = LIMIT) -> str:
    """Return the text on one line, hidden characters written as ``⟨U+202E⟩``, cut at `limit` characters."""
    shown = "".join(_shown(character) for character in (text if limit is None else text[:limit]))
    if limit is not None and len(text) > limit:
        shown += f" … ({len(text):,} characters)"
    return shown


def _shown(character: str) -> str:
    if character in SPACES:
        return " "
    point = ord(character)
    noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF  # noqa: PLR2004 -- Unicode 16, section 23.7
    if noncharacter or character in BLANK or unicodedata.category(character) in HIDDEN:
        return f"⟨U+{point:04X}⟩"
    return character


def quoted(text: str) -> str:
    r"""Return text as one word of a shell command, on one line: names come from data, and people paste commands.

    In single quotes; where hidden characters or line breaks are in it, in bash's quotes with escapes (``$'\x0a'``):
    other shells do not read those back, but do not run anything either.
    """
    if visible(text, None) == text:
        return "'" + text.replace("'", "'\\''") + "'"
    return "$'" + "".join(_escaped(character) for character in text) + "'"


def _escaped(character: str) -> str:
    if visible(character, None) == character and character not in "\\'":
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def printable(text: str) -> str:
    """Return text for a terminal or a log: line breaks stay, everything else hidden is shown."""
    return "\n".join(visible(line, None) for line in text.split("\n"))


def size(count: int) -> str:
    """Return a number of bytes as people say it, in decimal units."""
    return f"{count / 1e6:,.1f} MB" if count >= MEGA else f"{count / 1e3:,.1f} kB"
