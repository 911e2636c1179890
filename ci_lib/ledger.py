"""The append-only history of one production model, with compare-and-swap, a hash chain and signatures.

Pure: a store keeps the texts.

Entry n is the write-once text ``op-00000n``: an `Entry`, that is a `Release` and its signature. Whoever writes it first
has made release n; everybody else reads again and makes n + 1. Each entry names the digest of the one before, so that a
missing, changed or swapped entry shows. What a hash chain cannot show is a cut tail: `ci_lib.anchor` can.

**Segments.** MLflow reads all texts of a run at once, so the ledger is a row of runs: segment k holds the entries
(k - 1) * size + 1 to k * size. The place of an entry is its number's, never a matter of opinion. A segment is opened
with the text of the last entry before it (its *seam*), so that the newest segment can be verified by itself, with the
signatures; that is what a deploy or rollback reads. That the seams are the entries they repeat, and everything before
them, is verified by whoever reads it all: audit and history.

**Notes** beside the entries must hold over the boundary between two segments, too:

- An approval's nonce is claimed in segment 1, whatever the number of the release is. Its place never moves, so of all
  operations that claim it exactly one wins, and nothing has to be read: a claim is one write, refused if it is taken.
- An operation is appended once. Within a segment, which is read before the append, that shows. For the segments that
  are not read: before it appends to segment s an operation writes s into its first free *slot* (in segment 1:
  ``aims-1-OP``, ``aims-2-OP``, …). If a slot holds an earlier segment r, another run of the same job aimed there. The
  head is beyond r, so r is full and final: either this operation's entry is in it, or it never will be. Then the next
  slot is tried. No run appends to a segment that it has no slot for, and it has settled every slot before its own, so
  there cannot be two entries of one operation.
- What an operation remembers between two runs (``copy-OP``) is kept in the segment that it aims at, and looked for in
  all it ever aimed at.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from ci_lib.entry import Entry, sign
from ci_lib.errors import Refused, Unavailable
from ci_lib.record import Digest
from ci_lib.release import Release
from ci_lib.segments import OURS, SEAM, Store, check_chain, entry_key, joined, place, read_entries
from ci_lib.signing import INTRUDER, Signing, expect

ATTEMPTS = 100
"""So many other writers may win before we give up."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One segment, verified by itself."""

    segment: int
    entries: tuple[Entry, ...]
    """With the last entry of the segment before, which comes first."""
    notes: Mapping[str, str]

    @property
    def releases(self) -> tuple[Release, ...]:
        """Return them without their signatures."""
        return tuple(each.entry for each in self.entries)

    @property
    def head(self) -> Entry | None:
        """Return the newest entry."""
        return self.entries[-1] if self.entries else None


@dataclass(frozen=True, kw_only=True)
class Aim:
    """Where the next entry of an operation goes."""

    part: Part
    segment: int
    notes: Mapping[str, str]
    """Those of the segments that the operation aimed at."""
    made: Release | None
    """The entry that it has made already."""


class Ledger:
    """The releases of one model in one environment.

    Args:
        store: where the entries are kept; None: there is no ledger yet, and it reads as empty.
        model: only entries of this model belong here; None: whatever the first one says.
        environment: only entries of this environment belong here; None: whatever the first one says.
        signing: who may sign it.
    """

    def __init__(
        self, store: Store | None, *, model: str | None, environment: str | None, signing: Signing | None = None
    ) -> None:
        self._store = store
        self._model = model
        self._environment = environment
        self.signing = signing or Signing()

    def entries(self, since: int = 1) -> tuple[Release, ...]:
        """Return releases, oldest first, after checking their chain and their signatures.

        Args:
            since: all that are not older than this one come back, and maybe some that are.

        Raises:
            Refused: an entry is missing, changed, foreign, not signed as it must be, or does not name the one before.
        """
        return tuple(each.entry for each in self.signed(since))

    def signed(self, since: int = 1) -> tuple[Entry, ...]:
        """Return the same with their signatures."""
        if self._store is None:
            return ()
        newest, texts = self._store.newest()
        first = min(place(max(since, 1), self._store.size), newest)
        found: list[Entry] = []
        for segment in range(first, newest + 1):
            read = texts if segment == newest else self._store.read(segment)
            found = joined(found, read_entries(segment, read, self._store.size), segment)
        self._verify(found, begins=first == 1, whole=first == 1)
        return tuple(found)

    def recent(self) -> tuple[Release, ...]:
        """Return the releases of the newest segment and the last one before it, oldest first."""
        return self._newest().releases

    def at(self, number: int) -> Release:
        """Return one release.

        Raises:
            Refused: there is none of this number.
        """
        found = next((each for each in self.entries(number) if each.number == number), None)
        if found is None:
            message = f"the ledger does not hold: entry {number} is missing"
            raise Refused(message, INTRUDER)
        return found

    def head(self) -> Release | None:
        """Return the newest release, which is what must be in production; None before the first."""
        found = self.signed_head()
        return found.entry if found else None

    def signed_head(self) -> Entry | None:
        """Return the same with its signature."""
        return self._newest().head

    def find(self, op: Digest) -> Release | None:
        """Return the release that an operation made lately, if it made one."""
        return made_by(op, self.recent())

    def append(self, op: Digest, make: Callable[[Release | None], Release]) -> Release:
        """Append what `make` returns for the current head, once for each operation, dated and signed.

        Args:
            op: identity of the operation; when it already made an entry, that one is returned.
            make: head -> the entry after it; called again when somebody else was faster. It raises to give up.

        Raises:
            BadInput: the entry is longer than the store keeps.
            Refused: it must be signed, and this job has no key that counts.
            Unavailable: others kept being faster.
        """
        for _ in range(ATTEMPTS):
            aim = self.aim(op)
            if aim.made:
                return aim.made
            made = self._signed(make(_release(aim.part.head)), _release(aim.part.head))
            written = self._open().put_once(entry_key(made.entry.number), made.text(), aim.segment)
            if written and self.find(op) == made.entry:
                return made.entry
        raise self._busy()

    def aim(self, op: Digest) -> Aim:
        """Settle in which segment the next entry of an operation goes, and open it. See above.

        Raises:
            Refused: somebody wrote into the operation's slots.
            Unavailable: others kept being faster.
        """
        store = self._open()
        for _ in range(ATTEMPTS):
            part = self._newest()
            number = part.head.entry.number + 1 if part.head else 1
            segment = place(number, store.size)
            if part.head and place(number - 1, store.size) < segment:
                store.add(segment, {SEAM: part.head.text()})
            notes = dict(part.notes) if part.segment == segment else {}
            made = made_by(op, part.releases)
            for slot in count(1):
                if made or store.put_once(_aims(op, slot), str(segment)):
                    return Aim(part=part, segment=segment, notes=notes, made=made)
                earlier = self._aimed(op, slot, segment)
                if earlier > segment:
                    break  # another run of this job has seen a newer head
                full = self._part(earlier, store.read(earlier))
                notes |= full.notes
                made = made_by(op, full.releases)
        raise self._busy()

    def notes(self) -> Mapping[str, str]:
        """Return the write-once notes that operations left beside the entries of the newest segment."""
        return self._newest().notes

    def note(self, key: str, text: str, segment: int = 1) -> str:
        """Write a note once and return the text that stands: ours, or that of whoever was first."""
        if self._store is None or self._store.put_once(key, text, segment):
            return text
        return self._store.read(segment)[key]

    def claim(self, nonces: Sequence[str], op: Digest) -> Aim:
        """Mark approvals as used by an operation, and settle where it goes.

        Raises:
            Refused: one was used by another operation.
        """
        for nonce in nonces:
            if self.note(used_nonce(nonce), op) != op:
                message = "an approval was already used for another release"
                raise Refused(message, "ask again: ml-release approve")
        return self.aim(op)

    def _open(self) -> Store:
        if self._store is None:
            message = "there is no ledger to append to"
            raise Refused(message, "run the deploy job again")
        return self._store

    def _busy(self) -> Unavailable:
        return Unavailable(f"the ledger of {self._model} is written by others all the time", "run the job again")

    def _signed(self, made: Release, head: Release | None) -> Entry:
        """Date an entry no earlier than the one before, and sign it."""
        at = max(made.at, head.at) if head else made.at
        key = self.signing.key_for(at, head)
        return sign(made.model_copy(update={"at": at}), key)

    def _aimed(self, op: Digest, slot: int, segment: int) -> int:
        """Return what another run of an operation wrote into a slot."""
        text = self._open().read()[_aims(op, slot)]
        number = int(text) if text.isdigit() and text.isascii() and len(text) <= len(str(segment)) + 1 else 0
        known = 1 <= number <= self._open().newest()[0] + 1 and number != segment
        expect(known, f"{_aims(op, slot)} is {text[:20]!r}, which is no segment")
        return number

    def _newest(self) -> Part:
        if self._store is None:
            return Part(segment=0, entries=(), notes={})
        segment, texts = self._store.newest()
        return self._part(segment, texts, whole=segment == 1)

    def _part(self, segment: int, texts: Mapping[str, str], *, whole: bool = False) -> Part:
        found = read_entries(segment, texts, self._open().size)
        self._verify(found, begins=segment == 1, whole=whole)
        notes = {key: text for key, text in texts.items() if not OURS.match(key)}
        return Part(segment=segment, entries=tuple(found), notes=notes)

    def _verify(self, found: Sequence[Entry], *, begins: bool, whole: bool) -> None:
        """Refuse a broken chain, or one that is not signed as it must be.

        Args:
            found: consecutive entries, oldest first.
            begins: the first of them is the ledger's first; else it is a seam, and what that rests on is not there.
            whole: they are all there are.
        """
        check_chain([each.entry for each in found], about=(self._model, self._environment), begins=begins)
        self.signing.check(found, whole=whole)


def made_by(op: Digest, entries: Sequence[Release]) -> Release | None:
    """Return the release that an operation made, if it made one of these."""
    return next((entry for entry in entries if entry.op == op), None)


def used_nonce(nonce: str) -> str:
    """Return the key of the note that says which operation an approval was used for."""
    return f"nonce-{hashlib.sha256(nonce.encode()).hexdigest()}"


def copied(op: Digest) -> str:
    """Return the key of the note that says which production copy an operation made."""
    return f"copy-{op.removeprefix('sha256:')}"


def _aims(op: Digest, slot: int) -> str:
    """Return the key of a note that says to which segment an operation may append."""
    return f"aims-{slot}-{op.removeprefix('sha256:')}"


def _release(entry: Entry | None) -> Release | None:
    return entry.entry if entry else None
