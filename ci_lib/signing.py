"""Who may sign the entries of a ledger, and whether they did.

Where release.yml names keys of role ``deploy``, nothing is appended without one that counts then, and each entry must
be signed by one that counted at its time. Times never go back, so an expired key cannot be used by dating an entry
back. A ledger that began unsigned is taken over explicitly: ``environments.NAME.unsigned_until`` names the digest of
its last unsigned entry. A digest and not a number, because it pins what was reviewed: the chain before it cannot be
rewritten.

Where no keys are named entries are unsigned. Nothing unsigned ever follows what is signed, whatever release.yml says
then, and an entry names its key inside what is hashed: so neither taking signatures off nor taking the keys out of
release.yml goes unnoticed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ci_lib import keys
from ci_lib.config import Config
from ci_lib.entry import Entry
from ci_lib.errors import Refused
from ci_lib.record import Digest
from ci_lib.release import Release
from ci_lib.trusted import VerifyKey

ROLE = "deploy"

INTRUDER = "find out who can write to the ledger's MLflow experiment: nothing is released until the ledger holds"
KEEP = "keep every key that ever signed in policy.approval.keys, with its not_after; if it never was there: " + INTRUDER
TAKE_OVER = (
    "if the ledger began before there were keys, read ml-release history, then take it over in release.yml: "
    "environments.NAME.unsigned_until: {}"
)
HOLD = f"{keys.VARIABLE}=KEYFILE and the same command, with a key of role {ROLE} of policy.approval.keys"


def _no_key() -> Ed25519PrivateKey | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Signing:
    """The keys of one ledger. By default there are none."""

    keys: tuple[VerifyKey, ...] = ()
    """Those of role ``deploy``."""
    unsigned_until: Digest | None = None
    """Digest of the last entry that may be unsigned."""
    load: Callable[[], Ed25519PrivateKey | None] = field(default=_no_key)
    """Reads this machine's private key; called only when something is appended."""
    only_head: bool = False
    """The newest entry must be signed; the others are as good as its digest of the one before: for consumers, who know
    the keys of today."""

    def key_for(self, at: datetime, head: Release | None) -> Ed25519PrivateKey | None:
        """Return the private key for an entry of some time after the head; None where entries are not signed.

        Raises:
            Refused: release.yml names keys and this machine has none of them that counts then; or it names none and the
                ledger is signed.
        """
        if not self.keys:
            if head is not None and head.key is not None:
                message = f"release {head.number} is signed, and release.yml names no key of role {ROLE} any more"
                raise Refused(message, KEEP)
            return None
        key = self.load()
        if key is None:
            message = f"release.yml names keys of role {ROLE}, and this job has none to sign the ledger with"
            raise Refused(message, HOLD)
        public = keys.public_text(key.public_key())
        mine = [known for known in self.keys if known.public == public]
        if not any(known.valid_at(at) for known in mine):
            who = f"the key {mine[0].name!r}" if mine else f"this job's key {public}"
            why = (
                f"does not count at {at:%Y-%m-%d %H:%M %Z}" if mine else f"is not one that release.yml names as {ROLE}"
            )
            message = f"{who} {why}"
            raise Refused(message, HOLD)
        return key

    def check(self, entries: Sequence[Entry], *, whole: bool) -> None:
        """Refuse entries that are not signed as they must be.

        Args:
            entries: consecutive ones, oldest first.
            whole: they are all there are.

        Raises:
            Refused: one is unsigned after a signed one, or, where keys are named, after `unsigned_until`; or it is
                signed by nobody who counted.
        """
        if self.only_head:
            for last in entries[-1:]:
                self.check_head(last)
            return
        free = self._free(entries)
        known = self.unsigned_until is None or not whole or not entries or free
        wrong = f"correct it in release.yml; if it was right, the ledger was rewritten: {INTRUDER}"
        expect(bool(known), f"no entry has the digest of unsigned_until, {self.unsigned_until}", wrong)
        signed: int | None = None
        for place, each in enumerate(entries):
            number = each.entry.number
            if each.entry.key is not None:
                signed = number
                self.check_one(each)
                continue
            expect(signed is None, f"entry {number} is unsigned, and entry {signed} is signed")
            if self.keys and place >= free:
                what = f"entry {number} is unsigned, and release.yml names keys of role {ROLE}"
                expect(holds=False, otherwise=what, hint=TAKE_OVER.format(_last_unsigned(entries)))

    def _free(self, entries: Sequence[Entry]) -> int:
        """Return how many of these entries may be unsigned."""
        if self.unsigned_until is None:
            return 0
        return next((place for place, each in enumerate(entries, 1) if each.entry.digest() == self.unsigned_until), 0)

    def check_head(self, entry: Entry) -> None:
        """Refuse an entry that none of the keys signed, if there are keys."""
        if self.keys and self.signer(entry) is None:
            how = "unsigned" if entry.entry.key is None else "signed with another key"
            message = f"release {entry.entry.number} is {how}, and it must be signed with one of the keys given"
            raise Refused(message, "ask those who release it; without --key its signature is not asked for")
        self.check_one(entry)

    def check_one(self, entry: Entry) -> None:
        """Refuse a signed entry whose signature does not hold; nothing is said of an unsigned one."""
        if self.keys and entry.entry.key is not None:
            self._signed(entry)

    def words(self, entry: Entry) -> str:
        """Say who signed an entry."""
        name = self.signer(entry)
        if name is not None:
            return f"signed with {name}"
        if entry.entry.key is None:
            return f"unsigned: release.yml names no key of role {ROLE}"
        return "signed with a key that release.yml does not name: ml-release audit"

    def signer(self, entry: Entry) -> str | None:
        """Return the name of the key that signed an entry; None when it is unsigned, or by a key not named."""
        return next((key.name for key in self.keys if keys.key_id(key.public) == entry.entry.key), None)

    def unknown(self, entries: Sequence[Entry]) -> tuple[str, ...]:
        """Return the ids of keys that signed entries and are not named: their signatures cannot be checked."""
        named = {keys.key_id(key.public) for key in self.keys}
        signed = dict.fromkeys(each.entry.key for each in entries if each.entry.key is not None)
        return tuple(key for key in signed if key not in named)

    def _signed(self, entry: Entry) -> None:
        number, at = entry.entry.number, entry.entry.at
        mine = [key for key in self.keys if keys.key_id(key.public) == entry.entry.key]
        foreign = f"entry {number} is signed with a key that release.yml does not name: {entry.entry.key}"
        expect(bool(mine), foreign, KEEP)
        name = mine[0].name
        expect(entry.signed_by(mine[0].public), f"the signature of entry {number} is not that of its key {name!r}")
        late = f"entry {number} is signed with {name!r}, which did not count at {at:%Y-%m-%d %H:%M %Z}"
        expect(any(key.valid_at(at) for key in mine), late)


def of(config: Config, environment: str, load: Callable[[], Ed25519PrivateKey | None]) -> Signing:
    """Return who may sign the ledger of an environment of release.yml."""
    named = tuple(key for key in config.policy.approval.keys if key.role == ROLE)
    return Signing(keys=named, unsigned_until=config.environments[environment].unsigned_until, load=load)


def _last_unsigned(entries: Sequence[Entry]) -> Digest:
    return [each.entry.digest() for each in entries if each.entry.key is None][-1]


def expect(holds: bool, otherwise: str, hint: str = INTRUDER) -> None:  # noqa: FBT001 -- reads as a sentence
    """Refuse a ledger with a sentence unless something holds."""
    if not holds:
        message = f"the ledger does not hold: {otherwise}"
        raise Refused(message, hint)
