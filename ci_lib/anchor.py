"""The head anchor: what the ledger's newest entry was, kept somewhere else.

A hash chain shows every change but a cut tail: what is left is a chain as well. So deploy, rollback and an audit that
finds nothing write ``head.json`` beside the approvals, where CI keeps it as an artifact: the newest entry as a DSSE
envelope, signed where the ledger is. Whoever holds one can tell later whether the ledger still contains that entry at
that number. Deploy and rollback hold the one they find against the ledger before anything moves, `ml-release audit
--head` as many as it is given, from wherever they were kept: an anchor is worth as much as the place is out of reach of
whoever can write to MLflow's database.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci_lib import entry as entries
from ci_lib.dsse import Envelope
from ci_lib.entry import Entry
from ci_lib.errors import BadInput, Refused
from ci_lib.ledger import Ledger
from ci_lib.record import Digest
from ci_lib.release import Release
from ci_lib.signing import Signing

NAME = "head.json"

DIGEST = re.compile(r"^(?:sha256:)?([0-9a-f]{64})$")

WHAT_TO_DO = (
    "save {where} and find out who can write to MLflow's database, then restore it from a backup that has the entry; "
    "if you yourself began a new ledger, remove {where}"
)


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """An entry that the ledger had."""

    where: str
    """What names it, for messages."""
    digest: Digest
    number: int | None
    """None where only the digest is known."""
    about: tuple[str, str] | None = None
    """Model and environment."""


def of(text: str, signing: Signing) -> Anchor:
    """Read what `--head` was given: a digest, or a file, head.json or release.json.

    Raises:
        BadInput: neither.
        Refused: the file is no entry of a ledger, or its signature does not hold.
    """
    if found := DIGEST.match(text):
        return Anchor(where=f"--head {found[1][:12]}…", digest=f"sha256:{found[1]}", number=None)
    return read(Path(text), signing)


def read(path: Path, signing: Signing) -> Anchor:
    """Read a head.json or release.json.

    Raises:
        BadInput: there is no such file.
        Refused: it is no entry of a ledger, or its signature does not hold.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise BadInput(message, "--head takes a head.json or release.json of an earlier job, or a digest") from error
    try:
        if b'"payloadType"' in data:
            entry = entries.opened(Envelope.from_bytes(data, str(path)))
            signing.check_one(entry)
        else:
            entry = Entry(entry=Release.from_bytes(data, str(path)))
    except Refused as error:
        message = f"{path} is no entry of a ledger: {error.what}"
        raise Refused(
            message, "get it again from the job that wrote it; an anchor that was changed shows nothing"
        ) from error
    release = entry.entry
    return Anchor(
        where=str(path), digest=release.digest(), number=release.number, about=(release.model, release.environment)
    )


def check(anchor: Anchor, ledger: Ledger, model: str, environment: str) -> None:
    """Refuse a ledger that no longer contains an entry which it had.

    Raises:
        BadInput: the anchor is of another ledger.
        Refused: the ledger was cut or rewritten.
    """
    if anchor.about not in {None, (model, environment)}:
        message = f"{anchor.where} is of {' in '.join(anchor.about or ())}, not of {model} in {environment}"
        raise BadInput(message, "give the one of this ledger")
    hint = WHAT_TO_DO.format(where=anchor.where)
    entries = ledger.entries(anchor.number or 1)
    last = entries[-1].number if entries else 0
    if anchor.number is not None and anchor.number > last:
        message = f"the ledger was cut after release {last}: {anchor.where} is release {anchor.number}"
        raise Refused(message, hint)
    if not any(each.digest() == anchor.digest for each in entries if anchor.number in {None, each.number}):
        what = "no release is" if anchor.number is None else f"its release {anchor.number} is not"
        message = f"the ledger was cut or rewritten: {what} the one that {anchor.where} names"
        raise Refused(message, hint)


def check_all(named: Sequence[str], kept: Path, ledger: Ledger, model: str, environment: str) -> None:
    """Hold every anchor that is named, and the one kept in a directory if there is one, against a ledger.

    Raises:
        BadInput: one cannot be read, or is of another ledger.
        Refused: the ledger was cut or rewritten.
    """
    anchors = [of(text, ledger.signing) for text in named]
    path = kept / NAME
    if path.is_file():
        anchors.append(read(path, ledger.signing))
    for anchor in anchors:
        check(anchor, ledger, model, environment)


def keep(entry: Entry | None, directory: Path) -> None:
    """Write the anchor of the newest entry."""
    if entry is not None:
        entry.envelope().write(directory / NAME)
