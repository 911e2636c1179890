"""DSSE: bytes signed with ed25519, and read back only if a known key signed them.

Dead Simple Signing Envelope v1.0 (secure-systems-lab/dsse, protocol.md): the signature covers the type and the payload,
length before each, so that neither can be read as part of the other.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ci_lib.errors import Refused
from ci_lib.keys import key_id, public_text
from ci_lib.record import Record


class Signature(Record):
    """One signature."""

    keyid: str
    """SHA-256 of the public key's 32 bytes, in hex. DSSE leaves it open and unsigned; here it must be that key's, so
    that no second spelling of a signed file is accepted."""
    sig: str
    """Base64."""


class Envelope(Record):
    """What is stored."""

    payloadType: str  # noqa: N815 -- the standard's name
    payload: str
    """Base64."""
    signatures: tuple[Signature, ...]


def authenticated(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: the Pre-Authentication Encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Sequence[tuple[str, Ed25519PrivateKey]]) -> Envelope:
    """Sign a payload with each key, given with its id."""
    text = authenticated(payload_type, payload)
    made = (Signature(keyid=keyid, sig=base64.b64encode(key.sign(text)).decode()) for keyid, key in keys)
    return Envelope(payloadType=payload_type, payload=base64.b64encode(payload).decode(), signatures=tuple(made))


def opened(envelope: Envelope, payload_type: str) -> bytes:
    """Return the payload, signed or not.

    Raises:
        Refused: it is of another type, or no Base64.
    """
    if envelope.payloadType != payload_type:
        message = f"the envelope holds {envelope.payloadType!r}, not {payload_type!r}"
        raise Refused(message, "use the file that ml-release approve wrote")
    return _decoded(envelope.payload)


def signers(envelope: Envelope, keys: Iterable[tuple[str, Ed25519PublicKey]]) -> tuple[str, ...]:
    """Return the ids of the keys, of those given, that signed the envelope."""
    text = authenticated(envelope.payloadType, _decoded(envelope.payload))
    return tuple(keyid for keyid, key in keys if any(_holds(key, each, text) for each in envelope.signatures))


def _holds(key: Ed25519PublicKey, signature: Signature, text: bytes) -> bool:
    if signature.keyid != key_id(public_text(key)):
        return False
    try:
        key.verify(_decoded(signature.sig), text)
    except (InvalidSignature, Refused):
        return False
    return True


def _decoded(text: str) -> bytes:
    """Decode Base64 in its one form: a second spelling of the same bytes would be a second file for one answer."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "the envelope is no Base64"
        raise Refused(message, "use the file that ml-release approve wrote") from error
    if base64.b64encode(data).decode() != text:
        message = "the envelope is not in the one form of Base64"
        raise Refused(message, "use the file that ml-release approve wrote")
    return data
