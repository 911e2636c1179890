"""The append-only history of one production model, with compare-and-swap and a hash chain.

Pure: a store keeps the texts.

Entry n is the write-once text ``op-00000n``: the compact JSON of a `Release`. Whoever writes it first has made
release n; everybody else reads again and makes n + 1. Each entry names the digest of the one before, so that a
missing, changed or swapped entry shows. What a hash chain cannot show is a cut tail; a store that never deletes (MLflow
has no call that deletes a parameter) rules it out for everybody but the database's administrator.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from pydantic import ValidationError

from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.record import Digest
from ci_lib.release import Release

LONGEST = 6000
"""Characters that MLflow keeps of a parameter (`mlflow/utils/validation.py`, MAX_PARAM_VAL_LENGTH); a server may cut
the rest without a word."""

ATTEMPTS = 100
"""So many other writers may win before we give up."""

INTRUDER = "find out who can write to the ledger's MLflow experiment: nothing is released until the ledger holds"
OWN_NAME = "give each environment of release.yml its own name:"

ENTRY = re.compile(r"^op-(\d{6,})$")


class Store(Protocol):
    """What a ledger is kept in."""

    def read(self) -> Mapping[str, str]:
        """Return all texts by key."""

    def put_once(self, key: str, value: str) -> bool:
        """Write a text unless the key holds another one; tell whether the key now holds this one."""


class Ledger:
    """The releases of one model in one environment.

    Args:
        store: where the entries are kept; None: there is no ledger yet, and it reads as empty.
        model: only entries of this model belong here.
        environment: only entries of this environment belong here.
    """

    def __init__(self, store: Store | None, *, model: str, environment: str) -> None:
        self._store = store
        self._model = model
        self._environment = environment

    def entries(self) -> tuple[Release, ...]:
        """Return all releases, oldest first, after checking the chain.

        Raises:
            Refused: an entry is missing, changed, foreign, or does not name the one before.
        """
        texts = self._read()
        numbers = sorted(int(found.group(1)) for key in texts if (found := ENTRY.match(key)))
        entries = tuple(_parse(number, texts) for number in numbers)
        self._verify(entries)
        return entries

    def head(self) -> Release | None:
        """Return the newest release, which is what must be in production; None before the first."""
        entries = self.entries()
        return entries[-1] if entries else None

    def find(self, op: Digest) -> Release | None:
        """Return the release that an operation made, if it made one."""
        return made_by(op, self.entries())

    def append(self, op: Digest, make: Callable[[Release | None], Release]) -> Release:
        """Append what `make` returns for the current head, once for each operation.

        Args:
            op: identity of the operation; when it already made an entry, that one is returned.
            make: head -> the entry after it; called again when somebody else was faster. It raises to give up.

        Raises:
            BadInput: the entry is longer than the store keeps.
            Unavailable: others kept being faster.
        """
        if self._store is None:
            message = "there is no ledger to append to"
            raise Refused(message, "run the deploy job again")
        for _ in range(ATTEMPTS):
            entries = self.entries()
            if done := made_by(op, entries):
                return done
            entry = make(entries[-1] if entries else None)
            if self._store.put_once(_key(entry.number), _compact(entry)) and self.find(op) == entry:
                return entry
        message = f"the ledger of {self._model} is written by others all the time"
        raise Unavailable(message, "run the job again")

    def notes(self) -> Mapping[str, str]:
        """Return the write-once notes that operations leave beside the entries."""
        return {key: text for key, text in self._read().items() if not ENTRY.match(key)}

    def note(self, key: str, text: str) -> str:
        """Write a note once and return the text that stands: ours, or that of whoever was first."""
        if self._store is None or self._store.put_once(key, text):
            return text
        return self._read()[key]

    def claim(self, nonces: Sequence[str], op: Digest) -> None:
        """Mark approvals as used by an operation.

        Raises:
            Refused: one was used by another operation.
        """
        for nonce in nonces:
            if self.note(used_nonce(nonce), op) != op:
                message = "an approval was already used for another release"
                raise Refused(message, "ask again: ml-release approve")

    def _read(self) -> Mapping[str, str]:
        return self._store.read() if self._store else {}

    def _verify(self, entries: tuple[Release, ...]) -> None:
        before: Release | None = None
        for expected, entry in enumerate(entries, start=1):
            _expect(entry.number == expected, f"entry {expected} is missing")
            mine = (entry.model, entry.environment) == (self._model, self._environment)
            _expect(mine, f"entry {expected} is about {entry.model} in {entry.environment}", OWN_NAME)
            rests = entry.previous == (before.digest() if before else None)
            _expect(rests, f"entry {expected} does not rest on entry {expected - 1} as it is now")
            follows = entry.replaces == (before.number if before else None)
            _expect(follows, f"entry {expected} replaces release {entry.replaces}, which is not the one before")
            _expect(_makes_sense(entry, entries), f"entry {expected} is no {entry.action} that ml-release makes")
            before = entry


CARRIED = ("manifest", "model_id", "candidate", "evidence", "golden")
"""What a rollback takes over from the release that it restores."""


def _makes_sense(entry: Release, entries: Sequence[Release]) -> bool:
    """Tell whether an entry says what its kind says: a hand-written one may rest on the last, and on nothing else."""
    if entry.action == "deploy":
        return entry.restores is None and bool(entry.approvals) != entry.automatic
    if entry.restores is None or not 1 <= entry.restores < entry.number or entry.approvals or entry.automatic:
        return False
    restored = entries[entry.restores - 1]
    return all(getattr(entry, name) == getattr(restored, name) for name in CARRIED)


def made_by(op: Digest, entries: Sequence[Release]) -> Release | None:
    """Return the release that an operation made, if it made one."""
    return next((entry for entry in entries if entry.op == op), None)


def used_nonce(nonce: str) -> str:
    """Return the key of the note that says which operation an approval was used for."""
    return f"nonce-{hashlib.sha256(nonce.encode()).hexdigest()}"


def copied(op: Digest) -> str:
    """Return the key of the note that says which production copy an operation made."""
    return f"copy-{op.removeprefix('sha256:')}"


def _key(number: int) -> str:
    return f"op-{number:06d}"


def _compact(entry: Release) -> str:
    text = json.dumps(entry.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    if len(text) >= LONGEST:
        message = f"release {entry.number} takes {len(text):,} characters in the ledger, which keeps {LONGEST:,}"
        raise BadInput(message, "give a shorter --reason")
    return text


def _parse(number: int, texts: Mapping[str, str]) -> Release:
    text = texts.get(_key(number), "")
    try:
        entry = Release.model_validate_json(text)
    except ValidationError as error:
        message = f"the ledger does not hold: entry {number} is not a release that ml-release wrote"
        raise Refused(message, INTRUDER) from error
    _expect(entry.number == number, f"entry {number} calls itself {entry.number}")
    _expect(_compact(entry) == text, f"entry {number} is not written as ml-release writes")
    return entry


def _expect(holds: bool, otherwise: str, hint: str = INTRUDER) -> None:  # noqa: FBT001 -- reads as a sentence
    if not holds:
        message = f"the ledger does not hold: {otherwise}"
        raise Refused(message, hint)
