"""An entry's text: release and signature in one, in one form, which other tools verify."""

import json
from copy import deepcopy
from typing import Any

import pytest
from doubles.entries import entry, history
from doubles.memory_store import MemoryStore
from doubles.signers import ALPHA, BETA, named, signing
from doubles.small_chain import MODEL
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from ci_lib import dsse, keys
from ci_lib.entry import LONGEST, PAYLOAD_TYPE, opened, parse, sign
from ci_lib.errors import BadInput, Refused
from ci_lib.ledger import Ledger
from ci_lib.record import digest

SIGNED = sign(entry(None, "A"), ALPHA)
TEXT = SIGNED.text()


def foreign(public: str) -> SSlibKey:
    raw = keys.public_key(public).public_bytes_raw()
    return SSlibKey(keys.key_id(public), "ed25519", "ed25519", {"public": raw.hex()})


def test_it_comes_back_with_its_signature() -> None:
    assert parse(TEXT) == SIGNED
    assert SIGNED.signed_by(named(ALPHA).public)
    assert not SIGNED.signed_by(named(BETA).public)
    assert SIGNED.entry.key == keys.key_id(named(ALPHA).public)


def test_unsigned_it_says_so() -> None:
    found = sign(entry(None, "A"), None)
    assert (found.entry.key, found.signatures) == (None, ())
    assert parse(found.text()) == found
    assert sign(SIGNED.entry, None) == found, "whatever it said before"


def test_a_text_as_long_as_the_store_keeps_could_be_one_that_was_cut() -> None:
    short = len(sign(entry(None, reason=""), None).text())
    fits, longer = (sign(entry(None, reason="x" * (LONGEST - short - less)), None) for less in (1, 0))
    assert len(fits.text()) == LONGEST - 1
    with pytest.raises(BadInput) as error:
        longer.text()
    assert error.value.what == "release 1 takes 6,000 characters in the ledger, which keeps 6,000"
    assert error.value.hint == "give a shorter --reason"


def test_other_tools_verify_the_envelope() -> None:
    there = SIGNED.envelope().model_dump(mode="json")
    envelope = Envelope.from_dict(deepcopy(there))
    assert envelope.payload_type == PAYLOAD_TYPE
    assert digest(envelope.payload) == SIGNED.entry.digest()
    assert list(envelope.verify([foreign(named(ALPHA).public)], 1)) == [SIGNED.entry.key]
    with pytest.raises(VerificationError):
        envelope.verify([foreign(named(BETA).public)], 1)


def test_the_envelope_reads_back() -> None:
    assert opened(SIGNED.envelope()) == SIGNED


def test_an_envelope_that_holds_something_else_is_refused() -> None:
    with pytest.raises(Refused, match=r"^the payload is not a valid Release record"):
        opened(dsse.sign(PAYLOAD_TYPE, b"{}", []))


def test_a_signed_entry_with_the_longest_reason_fits() -> None:
    made = entry(None, reason="ä" * 330, approvals=tuple(digest(bytes([n])) for n in range(9)))
    assert len(sign(made, ALPHA).text()) < LONGEST


def changed(**signatures: Any) -> str:
    return json.dumps(json.loads(TEXT) | signatures, sort_keys=True, separators=(",", ":"))


OTHER = sign(entry(None, "A"), BETA).model_dump(mode="json")["signatures"]
OWN = SIGNED.model_dump(mode="json")["signatures"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed(signatures=[]), "has lost its signature"),
        (changed(signatures=OTHER), "has a signature that it does not name"),
        (changed(signatures=OWN * 2), "has a signature that it does not name"),
        (changed(signatures=OWN, more=1), "is not a release that ml-release wrote"),
        (json.dumps(json.loads(TEXT)), "is not written as ml-release writes"),
        (json.dumps(json.loads(TEXT)["entry"], sort_keys=True, separators=(",", ":")), "is not a release"),
        ("", "is not a release"),
        ("[" * 100_000, "is not a release"),
    ],
)
def test_any_other_text_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=f"^{words}"):
        parse(text)


def holds(text: str) -> bool:
    """Tell whether a ledger whose only entry is this text lets it pass."""
    ledger = Ledger(
        MemoryStore({"op-000001": text}), model=MODEL, environment="production", signing=signing(None, named(ALPHA))
    )
    try:
        return ledger.head() is not None
    except Refused:
        return False


def test_no_flipped_bit_goes_unnoticed() -> None:
    """Each bit of each byte, of release and signature alike."""
    assert holds(TEXT)
    data = TEXT.encode()
    for place in range(len(data)):
        for bit in range(7):  # the eighth would not be ASCII, and so no text of ours
            flipped = bytes([*data[:place], data[place] ^ (1 << bit), *data[place + 1 :]]).decode()
            assert not holds(flipped), (place, bit)


@given(st.integers(0, len(TEXT)), st.integers(0, 5), st.text(max_size=5))
def test_no_piece_that_is_cut_out_put_in_or_replaced_goes_unnoticed(at: int, length: int, put: str) -> None:
    changed = TEXT[:at] + put + TEXT[at + length :]
    assert holds(changed) == (changed == TEXT)


def test_the_digest_that_the_next_entry_names_is_of_what_was_signed() -> None:
    one, two = history("A", "B")
    assert two.previous == digest(sign(one, None).entry.to_bytes())
