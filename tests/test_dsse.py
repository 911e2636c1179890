"""Envelopes: signed bytes, read back only if a known key signed them."""

import base64
import copy
import json
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from ci_lib import dsse, keys
from ci_lib.errors import Refused
from ci_lib.record import canonical

KIND = "application/vnd.in-toto+json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PAYLOAD = canonical({"decision": "approved"})


def signed(*private: Ed25519PrivateKey) -> dsse.Envelope:
    return dsse.sign(KIND, PAYLOAD, [(keys.key_id(keys.public_text(key.public_key())), key) for key in private])


def test_the_signed_text_is_that_of_the_standards_example() -> None:
    """`protocol.md` of DSSE v1: type "http://example.com/HelloWorld", payload "hello world"."""
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.authenticated("http://example.com/HelloWorld", b"hello world") == expected


def test_who_signed_is_found_among_the_known_keys_only() -> None:
    envelope = signed(KEY)
    known = [("other", OTHER.public_key()), ("ours", KEY.public_key())]
    assert dsse.signers(envelope, known) == ("ours",)
    assert dsse.signers(envelope, known[:1]) == ()
    assert dsse.signers(signed(KEY, OTHER), known) == ("other", "ours")
    assert dsse.opened(envelope, KIND) == PAYLOAD


def test_the_key_id_in_an_envelope_is_a_hint_and_no_proof() -> None:
    lying = signed(KEY).model_copy(
        update={"signatures": (dsse.Signature(keyid="ours", sig=signed(OTHER).signatures[0].sig),)}
    )
    assert dsse.signers(lying, [("ours", KEY.public_key())]) == ()


def test_the_reference_implementation_verifies_our_envelopes() -> None:
    envelope = signed(KEY)
    public = keys.public_text(KEY.public_key())
    raw = base64.b64decode(public.removeprefix("ed25519:"))
    theirs = SSlibKey(keys.key_id(public), "ed25519", "ed25519", {"public": raw.hex()})
    as_json = json.loads(envelope.to_bytes())
    assert set(TheirEnvelope.from_dict(copy.deepcopy(as_json)).verify([theirs], 1)) == {keys.key_id(public)}
    as_json["payload"] = base64.b64encode(PAYLOAD.replace(b"approved", b"rejected")).decode()
    with pytest.raises(VerificationError):
        TheirEnvelope.from_dict(as_json).verify([theirs], 1)


def test_another_type_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        dsse.opened(signed(KEY), "text/plain")
    assert caught.value.what == f"the envelope holds '{KIND}', not 'text/plain'"
    assert caught.value.hint == "use the file that ml-release approve wrote"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("not base64!", "the envelope is no Base64"),
        ("YQ", "the envelope is no Base64"),
        ("YQ==!", "the envelope is no Base64"),
        ("YR==", "the envelope is not in the one form of Base64"),
    ],
)
def test_a_payload_in_another_spelling_is_refused(payload: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        dsse.opened(signed(KEY).model_copy(update={"payload": payload}), KIND)
    assert (caught.value.what, caught.value.hint) == (words, "use the file that ml-release approve wrote")


def test_a_signature_that_is_no_base64_is_no_signature() -> None:
    odd = signed(KEY).model_copy(update={"signatures": (dsse.Signature(keyid="x", sig="?"),)})
    assert dsse.signers(odd, [("ours", KEY.public_key())]) == ()


def test_no_flipped_bit_of_an_envelope_is_accepted() -> None:
    data = signed(KEY).to_bytes()
    generator = random.Random(0)  # noqa: S311 -- which bits to turn, not a secret
    for _ in range(1000):
        position, bit = generator.randrange(len(data)), 1 << generator.randrange(8)
        changed = data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :]
        try:
            envelope = dsse.Envelope.from_bytes(changed)
            accepted = dsse.signers(envelope, [("ours", KEY.public_key())]) and dsse.opened(envelope, KIND)
        except Refused:
            continue
        assert not accepted


@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_payload_of_any_type_comes_back(payload: bytes, kind: str) -> None:
    kind = kind.encode("utf-8", "ignore").decode()
    envelope = dsse.sign(kind, payload, [(keys.key_id(keys.public_text(KEY.public_key())), KEY)])
    assert dsse.opened(envelope, kind) == payload
    assert dsse.signers(envelope, [("ours", KEY.public_key())]) == ("ours",)
