"""What a segment of the ledger holds: entries that rest on each other. Read from the texts, and checked.

A segment's place in the row, its entries' numbers and the digests that they name must all fit.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from ci_lib.entry import Entry, parse
from ci_lib.errors import Refused
from ci_lib.release import Release
from ci_lib.signing import INTRUDER, expect

OWN_NAME = "give each environment of release.yml its own name:"


ENTRY = re.compile(r"^op-(\d{6,})$")

OURS = re.compile(r"^(op-\d{6,}|aims-.*|seam)$")
"""Keys of what is not an operation's note."""

SEAM = "seam"
"""Key of the text of the last entry before a segment."""


class Store(Protocol):
    """What a ledger is kept in: a row of segments, numbered from 1, of write-once texts. The first is always there."""

    @property
    def size(self) -> int:
        """Return how many entries a segment holds."""

    def newest(self) -> tuple[int, Mapping[str, str]]:
        """Return the number of the newest segment, and its texts by key."""

    def read(self, segment: int = 1) -> Mapping[str, str]:
        """Return all texts of a segment by key."""

    def put_once(self, key: str, value: str, segment: int = 1) -> bool:
        """Write a text unless the key holds another one; tell whether the key now holds this one."""

    def add(self, segment: int, texts: Mapping[str, str]) -> None:
        """Open a segment after the newest, with these texts, unless somebody did."""


def place(number: int, size: int) -> int:
    """Return the segment that holds an entry."""
    return (number - 1) // size + 1


def entry_key(number: int) -> str:
    """Return the key of an entry."""
    return f"op-{number:06d}"


def read_entries(segment: int, texts: Mapping[str, str], size: int) -> list[Entry]:
    """Return the entries of a segment, and before them that of its seam."""
    first = (segment - 1) * size + 1
    numbers = sorted(int(found.group(1)) for key in texts if (found := ENTRY.match(key)))
    entries = [_parse(number, texts.get(entry_key(number), "")) for number in numbers]
    for expected, each in enumerate(entries, start=first):
        expect(each.entry.number == expected, f"entry {expected} is missing")
        expect(
            place(expected, size) == segment, f"entry {expected} stands in segment {segment}, where it does not belong"
        )
    if segment == 1:
        return entries
    return [_parse(first - 1, texts.get(SEAM, "")), *entries]


def joined(before: list[Entry], part: list[Entry], segment: int) -> list[Entry]:
    """Return the entries of two neighbouring segments, the second of which repeats the last entry of the first."""
    if not before:
        return part
    last, seam = before[-1].entry.number, part[0].entry.number
    expect(last >= seam, f"entry {last + 1} is missing")
    expect(before[-1] == part[0], f"segment {segment} does not begin with entry {seam} as it is now")
    return [*before, *part[1:]]


def _parse(number: int, text: str) -> Entry:
    try:
        found = parse(text)
    except Refused as error:
        message = f"the ledger does not hold: entry {number} {error.what}"
        raise Refused(message, INTRUDER) from error
    expect(found.entry.number == number, f"entry {number} calls itself {found.entry.number}")
    return found


def check_chain(entries: Sequence[Release], *, about: tuple[str | None, str | None], begins: bool) -> None:
    """Refuse entries that do not rest on each other, or are about something else.

    Args:
        entries: consecutive ones, oldest first.
        about: model and environment; None: whatever the first one says.
        begins: the first of them is the ledger's first; else what it rests on is not there.
    """
    by_number = {entry.number: entry for entry in entries}
    before: Release | None = None
    for entry in entries:
        mine = (about[0] or entry.model, about[1] or entry.environment)
        expect(_about(entry) == mine, f"entry {entry.number} is about {' in '.join(_about(entry))}", OWN_NAME)
        if before or begins:
            _follows(entry, before)
        sense = _makes_sense(entry, by_number)
        expect(sense, f"entry {entry.number} is no {entry.action} that ml-release makes")
        before = entry


CARRIED = ("manifest", "model_id", "candidate", "evidence", "golden")
"""What a rollback takes over from the release that it restores."""


def _follows(entry: Release, before: Release | None) -> None:
    """Refuse an entry that does not follow the one before; None before the first."""
    number = entry.number
    rests = entry.previous == (before.digest() if before else None)
    expect(rests, f"entry {number} does not rest on entry {number - 1} as it is now")
    follows = entry.replaces == (before.number if before else None)
    expect(follows, f"entry {number} replaces release {entry.replaces}, which is not the one before")
    if before:
        expect(
            _about(entry) == _about(before), f"entry {number} is about {entry.model} in {entry.environment}", OWN_NAME
        )
        expect(entry.at >= before.at, f"entry {number} is dated before entry {before.number}")


def _makes_sense(entry: Release, entries: Mapping[int, Release]) -> bool:
    """Tell whether an entry says what its kind says: a hand-written one may rest on the last, and on nothing else.

    What a rollback restores may stand in a segment that was not read; then whoever reads them all finds out.
    """
    if entry.action == "deploy":
        return entry.restores is None and bool(entry.approvals) != entry.automatic
    if entry.restores is None or not 1 <= entry.restores < entry.number or entry.approvals or entry.automatic:
        return False
    restored = entries.get(entry.restores)
    if restored is None:
        return entry.restores < min(entries)
    return all(getattr(entry, name) == getattr(restored, name) for name in CARRIED)


def _about(entry: Release) -> tuple[str, str]:
    return entry.model, entry.environment
