"""One entry of the ledger as a text: a `Release` and its signature, whole in one write-once text.

``{"entry": {…}, "signatures": [{"keyid": …, "sig": …}]}``. The signature is DSSE's, over the canonical bytes of the
`Release` (the bytes that the next entry's `previous` is the SHA-256 of) under a payload type of its own, so that no
signed approval can pass for an entry. It is no in-toto Statement: a subject would say again what the entry says, and
6,000 characters are all there is. `Entry.envelope` gives the DSSE envelope that other tools verify.
"""

import base64
import json
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from ci_lib import dsse, keys
from ci_lib.dsse import Envelope, Signature
from ci_lib.errors import BadInput, Refused
from ci_lib.record import Record
from ci_lib.release import Release

PAYLOAD_TYPE = "application/vnd.ml-release.ledger+json"

LONGEST = 6000
"""Characters that MLflow keeps of a parameter (`mlflow/utils/validation.py`, MAX_PARAM_VAL_LENGTH); a server may cut
the rest without a word."""

KEPT = 4096
"""So many entries are kept parsed, and their signatures verified: one command reads the same ones several times."""


class Entry(Record):
    """A release, and who signed it."""

    entry: Release
    signatures: tuple[Signature, ...] = ()

    def text(self) -> str:
        """Return the one form in which the ledger keeps it.

        Raises:
            BadInput: it is longer than the ledger's store keeps.
        """
        text = _compact(self.model_dump(mode="json"))
        if len(text) >= LONGEST:
            message = (
                f"release {self.entry.number} takes {len(text):,} characters in the ledger, which keeps {LONGEST:,}"
            )
            raise BadInput(message, "give a shorter --reason")
        return text

    def envelope(self) -> Envelope:
        """Return it as a DSSE envelope."""
        payload = base64.b64encode(self.entry.to_bytes()).decode()
        return Envelope(payloadType=PAYLOAD_TYPE, payload=payload, signatures=self.signatures)

    def signed_by(self, public: str) -> bool:
        """Tell whether a key (as the policy writes it) signed it."""
        return _signed_by(self, public)


def sign(release: Release, key: Ed25519PrivateKey | None) -> Entry:
    """Return the entry of a release, which names the key that signs it, if there is one."""
    if key is None:
        return Entry(entry=release.model_copy(update={"key": None}))
    named = release.model_copy(update={"key": keys.key_id(keys.public_text(key.public_key()))})
    made = dsse.sign(PAYLOAD_TYPE, named.to_bytes(), [(str(named.key), key)])
    return Entry(entry=named, signatures=made.signatures)


@lru_cache(maxsize=KEPT)
def parse(text: str) -> Entry:
    """Read a text back.

    Raises:
        Refused: it is no entry, not in the one form that `Entry.text` gives it, or it has another number of signatures
            than the release says, or by another key.
    """
    try:
        found = Entry.model_validate_json(text)
    except ValidationError as error:
        message = "is not a release that ml-release wrote"
        raise Refused(message) from error
    if _compact(found.model_dump(mode="json")) != text:
        message = "is not written as ml-release writes"
        raise Refused(message)
    _check_signers(found)
    return found


def opened(envelope: Envelope) -> Entry:
    """Read an entry back from an envelope.

    Raises:
        Refused: the envelope holds none.
    """
    release = Release.from_bytes(dsse.opened(envelope, PAYLOAD_TYPE), "the payload")
    found = Entry(entry=release, signatures=envelope.signatures)
    _check_signers(found)
    return found


def _check_signers(found: Entry) -> None:
    expected = [] if found.entry.key is None else [found.entry.key]
    signed = [signature.keyid for signature in found.signatures]
    if signed != expected:
        message = "has lost its signature" if expected and not signed else "has a signature that it does not name"
        raise Refused(message)


@lru_cache(maxsize=KEPT)
def _signed_by(found: Entry, public: str) -> bool:
    return bool(dsse.signers(found.envelope(), [("", keys.public_key(public))]))


def _compact(value: Any) -> str:  # noqa: ANN401 -- any JSON value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
